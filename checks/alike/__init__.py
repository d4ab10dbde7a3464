"""Guard rails over sessions: outfits that look alike or changed, cameras that moved, settings.

- ``signature.py``: ``SessionSignature``, what quality.json keeps of a session to compare it by.
- ``measure_signature.py``: measures it from a dozen images.
- ``outfit_colours.py``, ``background.py``: colours of the clothes, corners of the room.
- ``compare.py``: the warnings about two sessions.
"""
