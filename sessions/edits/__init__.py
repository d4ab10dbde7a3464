"""edits.json, a reviewer's decisions: ``journal`` reads and adds, ``labels`` applies to joints."""
