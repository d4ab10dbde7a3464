"""One training run: its plan, its folder, its figures and weights on the way, and its early end."""
