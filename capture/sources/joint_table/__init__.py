"""Tables of joints in text files, read by a map that names their columns; the source ``csv``."""
