"""Images from everywhere: pictures, folders, videos, cameras, sessions (``open_source``)."""
