"""Sessions on disk: session.json, shards, manifest, edits; read, verify and repair them."""
