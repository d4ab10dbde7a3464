"""Parts of `kincap build` that read their own flags."""
