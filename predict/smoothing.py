"""Smooth keypoints by the One Euro filter (Casiez, Roussel and Vogel 2012), by time stamps.

Each coordinate is filtered in units of the person's torso, so that the settings hold at every
distance. A gap begins anew: what was smoothed before it says nothing of the place after it.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.errors import MissingPartError
from ..core.skeleton import KEYPOINTS_13

Pose = npt.NDArray[np.float64]

_BEGIN_S: Final = 1.0
"""Added to all times: OneEuroFilter takes a time of exactly 0 for a missing one."""
_LEAST_TORSO_PX: Final = 4.0
_CHANGED: Final = 1.25
"""A person whose torso is this much longer or shorter than at the start begins anew."""
_RATE_HZ: Final = 30.0


@dataclass(frozen=True)
class SmoothingSettings:
    """Settings of the filter, methods.md 10.

    Attributes:
        least_cutoff_hz: Cut-off of a point at rest.
        beta: Rise of the cut-off with speed, per torso a second.
        speed_cutoff_hz: Cut-off of the speed.
        longest_gap_s: After a longer gap the filter begins anew.
    """

    least_cutoff_hz: float = 1.7
    beta: float = 0.3
    speed_cutoff_hz: float = 1.0
    longest_gap_s: float = 0.25


class PoseSmoother:
    """Smooths the pose of one person.

    Args:
        settings: Of the filter; None for the defaults.

    Raises:
        MissingPartError: OneEuroFilter is not installed.
    """

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        try:
            from OneEuroFilter import OneEuroFilter
        except ImportError:
            raise MissingPartError(
                "--smooth needs OneEuroFilter; pip install 'kincap[predict]', or use --no-smooth"
            ) from None
        self._make = OneEuroFilter
        self._settings = settings or SmoothingSettings()
        self._filters: list[Any] = []
        self._torso, self._time_s = 1.0, -np.inf

    def smooth(self, pose_px: Pose, time_s: float) -> Pose:
        """Return the smoothed pose.

        Args:
            pose_px: (K, 2) float64, pixels; NaN where not found, and stays so.
            time_s: Later than that of the call before.
        """
        torso = _torso_px(pose_px)
        gap = time_s - self._time_s
        if not 0 < gap <= self._settings.longest_gap_s or not (
            1 / _CHANGED < torso / self._torso < _CHANGED
        ):
            self._begin(pose_px.size, torso)
        self._time_s = time_s
        values = (pose_px / self._torso).ravel().tolist()
        at = time_s + _BEGIN_S
        smoothed = []
        for k, value in enumerate(values):
            if math.isnan(value):  # a keypoint that is not found begins anew when it is
                self._filters[k] = self._filter()
            smoothed.append(value if math.isnan(value) else self._filters[k](value, at))
        return np.array(smoothed).reshape(pose_px.shape) * self._torso

    def _begin(self, count: int, torso: float) -> None:
        self._torso = torso
        self._filters = [self._filter() for _ in range(count)]

    def _filter(self) -> Any:
        chosen = self._settings
        return self._make(_RATE_HZ, chosen.least_cutoff_hz, chosen.beta, chosen.speed_cutoff_hz)


def _torso_px(pose_px: Pose) -> float:
    a, b = KEYPOINTS_13.torso_indices
    length = float(np.hypot(*(pose_px[a] - pose_px[b])))
    if math.isnan(length):  # without a torso: of the same order as the height
        found = pose_px[np.isfinite(pose_px).all(axis=1)]
        length = float(np.ptp(found[:, 1])) / 3 if len(found) else 0.0
    return max(length, _LEAST_TORSO_PX)
