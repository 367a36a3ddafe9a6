"""One module per command: `add_parser(commands)` declares it, `run(args)` does it."""
