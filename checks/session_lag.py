"""The lag of every take of a session: measured from a bounded number of images, or known."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..core.files.file_io import FileIO
from .lag.lag import MOST_IMAGES, Lag
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


_FIGURES: Final = ("ms", "peak", "gain", "motion_s")
_SURE: Final = "sure"


@dataclass(frozen=True)
class KnownLag:
    """The lag of one take, as a report keeps it.

    Attributes:
        lag: Of the whole take, without stretches.
        stretches: (first seq, last seq, ms) of those with a lag of their own.
    """

    lag: Lag
    stretches: tuple[tuple[int, int, float], ...]


def lags_to_json(takes: Sequence[Take]) -> list[dict[str, Any]]:
    """Return the lags of some takes for quality.json; unknown figures are None."""
    return [
        {
            "take": take.number,
            **{name: _or_none(getattr(take.lag, name)) for name in _FIGURES},
            _SURE: _or_none(take.lag.sure),
            "frames": take.lag.frames,
            "stretches": [[first, last, ms] for first, last, ms in take.lag_stretches],
        }
        for take in takes
    ]


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


def lags_from_json(found: Any) -> dict[int, KnownLag] | None:
    """Return the lags by take that ``lags_to_json`` gave; None for anything else.

    Args:
        found: A value of quality.json, which anyone may have written.
    """
    if not isinstance(found, list):
        return None
    known: dict[int, KnownLag] = {}
    try:
        for one in found:
            ms, peak, gain, motion_s = (
                math.nan if one[name] is None else float(one[name]) for name in _FIGURES
            )
            sure = one.get(_SURE)  # reports of an older kincap lack it
            stretches = tuple((int(a), int(b), float(ms)) for a, b, ms in one["stretches"])
            lag = Lag(
                ms, peak, gain, motion_s, int(one["frames"]),
                sure=math.nan if sure is None else float(sure),
            )  # fmt: skip
            known[int(one["take"])] = KnownLag(lag, stretches)
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    return known


def take_lags(takes: Sequence[Take], known: Mapping[int, KnownLag]) -> None:
    """Give takes the lags that are known of them."""
    for take in takes:
        if take.number in known:
            take.lag = known[take.number].lag
            take.lag_stretches = list(known[take.number].stretches)
