"""What the operator sees and types: dashboard, large letters, single keys."""
