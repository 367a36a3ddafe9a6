"""The default weights, and the store that finds and verifies them."""
