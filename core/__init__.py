"""The vocabulary that every part speaks: skeleton, geometry, sessions, shards."""
