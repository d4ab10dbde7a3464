"""The operator's terminal: dashboard, large letters, single keys."""
