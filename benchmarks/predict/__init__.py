"""Speed of predict, row by row: python -m benchmarks.predict."""
