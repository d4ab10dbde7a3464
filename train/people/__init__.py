"""Several people in an image: the maps that a net learns, and people assembled from maps."""
