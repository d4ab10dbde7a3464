"""Verdicts of masks and depth images on each body, kept so that these are not decoded again.

Decoding both takes about 3 ms, and two filters alone need them: ``body_index`` and ``occlusion``.
Their verdicts are 26 bits of a body.
"""

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ..core.skeleton import KEYPOINTS
from ..sessions.schema import Rows
from .filters.bodies import Bools
from .filters.settings import FilterSettings
from .plane_views import NO_BODY, Views

DECIDING: Final = ("body_index_share", "occluded_near_m", "occluded_far_m")
"""The thresholds that decide the two filters."""
MOST_TEXT: Final = 4 << 20
"""Longest text of the bits that is kept, characters."""
_MOST_BODIES: Final = 1 << 24
_BITS: Final = np.dtype("<u4")
_KEYPOINT_BITS: Final = np.uint32(1) << np.arange(KEYPOINTS, dtype=np.uint32)
_KEYS: Final = ("settings", "bodies", "bits")


@dataclass(frozen=True)
class PlaneVerdicts:
    """Verdicts of two filters on the P tracked bodies of a session, by row, then slot.

    Attributes:
        thresholds: The ones that they were decided by, as ``DECIDING`` names them.
        bits: (P,) uint32: bit k: keypoint k is off the pixels of its body; bit 13 + k: it is
            hidden.
    """

    thresholds: tuple[float, ...]
    bits: NDArray[np.uint32]

    @classmethod
    def of(cls, off_body: Bools, hidden: Bools, settings: FilterSettings) -> Self:
        """Return the verdicts on bodies.

        Args:
            off_body: (P, 13) keypoints that ``body_index`` names.
            hidden: (P, 13) keypoints that ``occlusion`` names.
            settings: What they were decided by.
        """
        bits = (off_body @ _KEYPOINT_BITS) | ((hidden @ _KEYPOINT_BITS) << np.uint32(KEYPOINTS))
        return cls(_thresholds(settings), np.asarray(bits, np.uint32))

    def hold_for(self, settings: FilterSettings) -> bool:
        """Return True if the filters would decide the same by these thresholds."""
        return self.thresholds == _thresholds(settings)

    def to_json(self) -> dict[str, Any] | None:
        """Return them as quality.json has them; None where they are too long for it."""
        packed = zlib.compress(self.bits.astype(_BITS).tobytes(), 9)
        text = base64.b64encode(packed).decode("ascii")
        if len(text) > MOST_TEXT:
            return None
        settings = dict(zip(DECIDING, self.thresholds, strict=True))
        return dict(zip(_KEYS, (settings, len(self.bits), text), strict=True))

    @classmethod
    def from_json(cls, found: Any) -> Self | None:
        """Return what ``to_json`` gave; None for anything else.

        Args:
            found: A value of quality.json, which anyone may have written.
        """
        try:
            settings, bodies, text = (found[key] for key in _KEYS)
            thresholds = tuple(float(settings[name]) for name in DECIDING)
            if not 0 <= bodies <= _MOST_BODIES or len(text) > MOST_TEXT:
                return None
            most = bodies * _BITS.itemsize
            packed = base64.b64decode(text, validate=True)
            raw = zlib.decompressobj().decompress(packed, most + 1)
        except (KeyError, TypeError, ValueError, OverflowError, zlib.error):
            return None
        if len(raw) != most:
            return None
        return cls(thresholds, np.frombuffer(raw, _BITS).astype(np.uint32))


def _thresholds(settings: FilterSettings) -> tuple[float, ...]:
    """Return the thresholds that decide the two filters."""
    return tuple(float(getattr(settings, name)) for name in DECIDING)


class KnownViews:
    """Takes the place of ``PlaneViews`` where the verdicts are known: nothing is decoded.

    Args:
        verdicts: Of the session.
    """

    def __init__(self, verdicts: PlaneVerdicts) -> None:
        self._bits = verdicts.bits
        self._at = 0

    def look(self, people: Rows, joints_m: NDArray[np.floating]) -> Views:
        """Return views of the next bodies on which the filters decide as they did before.

        Args:
            people: (P,) with ``slot``, in the order of the session; more than there are verdicts
                on look at nothing.
            joints_m: (P, 25, 3), not looked at.
        """
        views = Views.nothing(len(people))
        bits = self._bits[self._at : self._at + len(people)]
        self._at += len(people)
        known = slice(len(bits))
        off_body = (bits[:, None] & _KEYPOINT_BITS) != 0
        hidden = ((bits[:, None] >> np.uint32(KEYPOINTS)) & _KEYPOINT_BITS) != 0
        index = np.where(off_body, np.uint8(NO_BODY), people["slot"][known][:, None])
        views.body_index[known] = index[:, :, None, None]
        views.seen[known] = True
        views.surface_m[known][hidden] = -np.inf
        return views


def verdicts_of(found: Mapping[str, Any]) -> PlaneVerdicts | None:
    """Return the verdicts that a quality.json has; None where it has none."""
    return PlaneVerdicts.from_json(found.get("planes"))
