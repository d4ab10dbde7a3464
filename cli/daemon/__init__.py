"""``kincap daemon``, and ``kincap record`` where a daemon runs."""
