"""The guard of every page that kincap serves."""
