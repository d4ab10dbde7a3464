"""A training run in several processes: joined, started, and the net's parts that span them."""
