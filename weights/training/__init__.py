"""The recipes that made the weights; never imported at run time."""
