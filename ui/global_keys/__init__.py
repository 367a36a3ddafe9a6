"""One key that works whatever program has the keyboard: see `ui.global_keys.global_key`."""
