"""Blur faces in pictures that leave the machine (``blur.FaceBlur``)."""
