"""File handling of sessions and shards: positioned writes, syncing, locks, and twins for tests."""
