"""Splits: ``parse_split`` reads the flags, ``deal_frames`` gives every frame its side."""
