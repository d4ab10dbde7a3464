"""The lengths of limbs in a log: wrong units and joints in another order show in them."""

from array import array
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ...core.skeleton import JOINT_NAMES, TrackingState

_LIMBS: Final = tuple(
    (JOINT_NAMES.index(upper + side), JOINT_NAMES.index(lower + side))
    for upper, lower in (
        ("Shoulder", "Elbow"),
        ("Elbow", "Wrist"),
        ("Hip", "Knee"),
        ("Knee", "Ankle"),
    )
    for side in ("Left", "Right")
)
_LIMB_M: Final = (0.08, 0.8)
_FEWEST_SEEN: Final = 5
_MOST_KEPT: Final = 4096
_SURE: Final = (TrackingState.tracked, TrackingState.unknown)


class LimbLengths:
    """Medians of the lengths of arms and legs, in bounded memory."""

    def __init__(self) -> None:
        self._samples = [MedianSample() for _ in _LIMBS]

    def add(self, places_m: Sequence[Sequence[float]] | Any, states: Sequence[int] | Any) -> None:
        """Take a body; joints that were not surely tracked are left out.

        Args:
            places_m: 25 times x, y, z in metres.
            states: 25 values of ``TrackingState``.
        """
        for sample, (a, b) in zip(self._samples, _LIMBS, strict=True):
            if states[a] in _SURE and states[b] in _SURE:
                sample.add(_distance(places_m[a], places_m[b]))

    def impossible(self) -> tuple[str, float] | None:
        """Return the first limb of an impossible length: its joints in words, and metres."""
        for sample, (a, b) in zip(self._samples, _LIMBS, strict=True):
            length = sample.median()
            if length is not None and not _LIMB_M[0] <= length <= _LIMB_M[1]:
                return f"{JOINT_NAMES[a]} and {JOINT_NAMES[b]}", length
        return None

    def fit_when_scaled(self, factor: float) -> bool:
        """Return True if all limbs would have possible lengths in a unit that is so much larger."""
        found = [sample.median() for sample in self._samples]
        known = [length * factor for length in found if length is not None]
        return bool(known) and all(_LIMB_M[0] <= length <= _LIMB_M[1] for length in known)


class MedianSample:
    """Numbers of which the median is wanted, in bounded memory: evenly spread ones are kept."""

    def __init__(self) -> None:
        self._kept = array("d")
        self._every, self._seen = 1, 0

    def add(self, value: float) -> None:
        """Take a number; NaN is left out."""
        if value != value:
            return
        if self._seen % self._every == 0:
            self._kept.append(value)
            if len(self._kept) == _MOST_KEPT:
                self._kept = self._kept[::2]
                self._every *= 2
        self._seen += 1

    def median(self) -> float | None:
        """Return the median; None: there are too few numbers for one."""
        return float(np.median(self._kept)) if self._seen >= _FEWEST_SEEN else None


def _distance(a: Any, b: Any) -> float:
    return float(sum((p - q) ** 2 for p, q in zip(a, b, strict=True)) ** 0.5)
