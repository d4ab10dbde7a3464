"""``kincap demo``: its plan, its steps as processes, and the command."""
