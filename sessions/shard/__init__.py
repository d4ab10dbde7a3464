"""One shard file: its layout, writing, reading and sealing."""
