"""Measure the lag of every take of a session, with a number of images that does not grow."""

from collections.abc import Sequence

from ..core.files.file_io import FileIO
from .lag.lag import MOST_IMAGES
from .session_takes import Take


def measure_lags(takes: Sequence[Take], io: FileIO, *, thorough: bool = False) -> None:
    """Measure how late the joints of some takes are.

    Args:
        takes: The takes.
        io: File handling.
        thorough: Look at all that moves, however long that takes: about 1 ms an image.
    """
    left, length = MOST_IMAGES, sum(take.length_s() for take in takes)
    for take in takes:
        share = left * take.length_s() / max(length, 1e-9)
        take.measure_lag(io, None if thorough else round(share))
        left = max(left - take.lag.frames, 0)
        length -= take.length_s()
