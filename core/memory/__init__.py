"""Small memory for long tables: ``joining`` makes no second copy, ``freed`` gives memory back."""
