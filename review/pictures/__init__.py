"""Pictures made for the page: empty stages, outlines of bodies, videos of a range."""
