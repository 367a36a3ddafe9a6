"""The recipe of the FIA renderer: data, losses, training, export and evaluation."""
