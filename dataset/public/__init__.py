"""Build a data set from public sets: `kincap build --add SET:PATH`."""
