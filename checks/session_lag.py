"""Measure the lag of every take of a session, in a time that does not grow with their number."""

import time
from collections.abc import Sequence

from ..core.files.file_io import FileIO
from .lag.lag import MOST_WORK_S
from .session_takes import Take


def measure_lags(takes: Sequence[Take], io: FileIO) -> None:
    """Measure how late the joints of some takes are."""
    left, length = MOST_WORK_S, sum(take.length_s() for take in takes)
    for take in takes:
        began = time.monotonic()
        take.measure_lag(io, left * take.length_s() / max(length, 1e-9))
        left = max(left - (time.monotonic() - began), 0.0)
        length -= take.length_s()
