"""Building blocks without any knowledge of the session."""
