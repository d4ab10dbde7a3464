"""The quality report of a session: figures, findings, text and plot."""
