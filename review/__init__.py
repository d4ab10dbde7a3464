"""The review page: look through what was recorded, keep or reject."""
