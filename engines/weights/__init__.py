"""Weights of other people's nets, stored for this user: what there is, import, download, list."""
