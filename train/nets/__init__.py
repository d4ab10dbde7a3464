"""The nets, one file each with its recipe; ``registry`` finds them by name."""
