"""Rows of a data set that follow each other, and the pose of the frame before as an input."""
