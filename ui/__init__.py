"""The desktop window (Qt only); it is handed a session and knows nothing of devices or networks."""
