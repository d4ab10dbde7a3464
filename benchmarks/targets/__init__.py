"""Rows of the target table that need real pictures and a net of others."""
