"""Parts of a JPEG between restart markers (``tiles``), and grey windows of it (``windows``)."""
