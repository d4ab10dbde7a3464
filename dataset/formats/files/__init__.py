"""Kinds of files that public sets come in: .mat, JSON, HDF5 and folders of pictures."""
