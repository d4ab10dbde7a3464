"""Jitter of a still person and lag of a moving one, from two tracks of poses of one person."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13

Poses = npt.NDArray[np.float64]

_WINDOW: Final = 10
"""Frames in which a person has to be still."""
_STILL_TORSO: Final = 0.06
"""A keypoint whose smoothed places stay within this, in torsos, is still."""
_LAGS_S: Final = np.arange(-0.2, 0.4001, 1 / 120)
_LEAST_MOTION_TORSO: Final = 0.15
"""Standard deviation of the wrists' places from which a lag can be measured, in torsos."""
_MOST_STEP: Final = 0.2
"""Seconds; a longer step between two frames is a gap."""


@dataclass(frozen=True)
class Steadiness:
    """Figures of one track.

    Attributes:
        jitter_torso: Root mean square of the second difference over still stretches, % of the
            torso; None: the person is never still.
        still_frames: Frames that it is of.
        lag_s: Time by which the poses come late; None: too little motion.
    """

    jitter_torso: float | None
    still_frames: int
    lag_s: float | None


def steadiness(poses_px: Poses, truth_px: Poses, times_s: Poses) -> Steadiness:
    """Measure a track.

    Args:
        poses_px: (T, 13, 2) that were found; NaN where the person was missed.
        truth_px: (T, 13, 2) of the sensor; NaN where unknown.
        times_s: (T,) of the frames.
    """
    a, b = KEYPOINTS_13.torso_indices
    lengths = np.hypot(*(truth_px[:, a] - truth_px[:, b]).T)
    known = lengths[np.isfinite(lengths)]
    if len(known) < _WINDOW:
        return Steadiness(None, 0, None)
    torso = max(float(np.median(known)), 1.0)
    jitter, frames = _jitter(poses_px / torso, truth_px / torso, times_s)
    return Steadiness(jitter, frames, _lag(poses_px / torso, truth_px / torso, times_s))


def _jitter(poses: Poses, truth: Poses, times_s: Poses) -> tuple[float | None, int]:
    """Return the jitter in % of the torso, and the number of still frames."""
    still = _is_still(truth, times_s)
    second = poses[2:] - 2 * poses[1:-1] + poses[:-2]
    used = still[2:] & still[1:-1] & still[:-2] & np.isfinite(second).all(axis=(1, 2))
    if used.sum() < _WINDOW:
        return None, int(used.sum())
    return float(100 * np.sqrt((second[used] ** 2).sum(axis=2).mean())), int(used.sum())


def _is_still(truth: Poses, times_s: Poses) -> npt.NDArray[np.bool_]:
    """Return (T,) True where the person is still: no keypoint that is known moves in a window."""
    still = np.zeros(len(truth), bool)
    if len(truth) < _WINDOW + 4:
        return still
    # the sensor's own noise is averaged out first
    means = np.stack([truth[k : k + 5] for k in range(len(truth) - 4)]).mean(axis=1)
    apart = np.diff(times_s) > _MOST_STEP
    for first in range(len(means) - _WINDOW + 1):
        if apart[first : first + _WINDOW + 3].any():
            continue
        window = means[first : first + _WINDOW]
        known = np.isfinite(window).all(axis=(0, 2))
        spread = np.ptp(window[:, known], axis=0)
        if known.sum() >= len(KEYPOINTS_13) - 2 and spread.max() <= _STILL_TORSO:
            still[first + 2 : first + 2 + _WINDOW] = True
    return still


def _lag(poses: Poses, truth: Poses, times_s: Poses) -> float | None:
    """Return the time shift in seconds that brings the wrists of both nearest to each other."""
    wrists = list(KEYPOINTS_13.group_indices["wrist"])
    found = poses[:, wrists].reshape(len(poses), -1)
    sensor = truth[:, wrists].reshape(len(truth), -1)
    errors = np.zeros(len(_LAGS_S))
    counts = 0
    for one, other in zip(found.T, sensor.T, strict=True):
        known = np.isfinite(one) & np.isfinite(other)
        if known.sum() < 3 * _WINDOW or other[known].std() < _LEAST_MOTION_TORSO:
            continue
        at, values, reference = times_s[known], one[known], other[known]
        inside = (at > at[0] + _LAGS_S[-1]) & (at < at[-1] - _LAGS_S[-1])
        if inside.sum() < _WINDOW:
            continue
        for n, lag in enumerate(_LAGS_S):
            apart = np.interp(at[inside] + lag, at, values) - reference[inside]
            errors[n] += np.abs(apart - np.median(apart)).mean()
        counts += 1
    if not counts:
        return None
    best = int(errors.argmin())
    if best in (0, len(errors) - 1):
        return None
    before, least, after = errors[best - 1 : best + 2]
    bend = before - 2 * least + after
    part = 0.5 * (before - after) / bend if bend > 0 else 0.0
    return float(_LAGS_S[best] + part * (_LAGS_S[1] - _LAGS_S[0]))
