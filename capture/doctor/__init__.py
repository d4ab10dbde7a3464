"""The checks of kincap doctor."""
