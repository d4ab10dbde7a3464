"""Readers of public sets: labelled people in pictures, one file for each set."""
