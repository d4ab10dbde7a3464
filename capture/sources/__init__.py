"""Sources to record from, and the protocol that each of them follows."""
