"""Forget a person: sessions, rows of data sets, and what was made from them (``forget.forget``)."""
