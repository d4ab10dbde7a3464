"""What the data path costs a training step."""
