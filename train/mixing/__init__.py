"""Several data sets in one training run: their choice, their batches, their validation pool."""
