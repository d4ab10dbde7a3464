"""Pixels of a data set: the parts of stored images that are decoded, and their resizing."""
