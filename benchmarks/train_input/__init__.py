"""The cost of the data path in a training step."""
