"""A trial of the figures that may choose the best checkpoint."""
