"""The type of functions that are told the progress of work."""

from collections.abc import Callable

OnProgress = Callable[[int, int, str], None]
"""Called with what is done, what there is in all, and the present step in words."""
