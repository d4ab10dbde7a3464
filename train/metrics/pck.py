"""PCK, PDJ and the median error, as in Linna et al. 2016 and Toshev and Szegedy 2014.

Letters: N frames, K = 13 keypoints. A prediction is right at threshold ``a`` where its distance to
the truth, in pixels of the original image, is at most ``a`` times the torso: the distance of
r_shoulder and l_hip in the truth. The threshold is inclusive. What is not counted in the truth is
in no numerator and no denominator; a frame without both ends of the torso, or with a torso of zero
length, is skipped and counted as such. A prediction that is not a number is wrong. PDJ is the same
with the other diagonal of the torso: l_shoulder and r_hip.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13, Skeleton

Array = npt.NDArray[np.float64]

THRESHOLDS: Final[tuple[float, ...]] = (0.2, 0.1, 0.05)
"""Shares of the torso that ``evaluate`` reports."""

CURVE_STEP: Final = 0.01
"""Step of the thresholds of a curve, as a share of the torso."""

PCKI_SHARE: Final = 1 / 12
"""Share of the input's height within which PCKi calls a keypoint right."""

Pck = dict[str, float | None]
"""Percentages by group of keypoints, and ``all``; None where nothing was counted."""


@dataclass(frozen=True)
class Score:
    """The figures of one set of predictions.

    Attributes:
        pck: For each threshold (as text: ``"0.2"``) the percentages of each group and of all.
        median_error_torso: Median distance in % of the torso, or None.
        frames: Number of frames counted.
        skipped: Number of frames without a torso.
        mean_pck: Mean of PCK at 0.05 to 0.2, once of all keypoints and once of wrists and elbows:
            it still rises where PCK@0.2 has nothing left to gain. None where nothing is counted.
    """

    pck: dict[str, Pck]
    median_error_torso: float | None
    frames: int
    skipped: int
    mean_pck: float | None = None


def score(
    pred_px: npt.ArrayLike,
    truth_px: npt.ArrayLike,
    counted: npt.ArrayLike,
    skeleton: Skeleton = KEYPOINTS_13,
) -> Score:
    """Compare predictions with the truth.

    Args:
        pred_px: (N, 13, 2), pixels of the original image.
        truth_px: (N, 13, 2), pixels of the original image; anything where not counted.
        counted: (N, 13) bool, which keypoints of the truth count.
        skeleton: The keypoints; 13 of them as a rule.

    Returns:
        PCK at ``THRESHOLDS``, the median error, and how many frames they are of.
    """
    distance, torso = distances(pred_px, truth_px, counted, skeleton)
    usable = ~np.isnan(torso)
    used = np.asarray(counted, dtype=bool).reshape(-1, len(skeleton)) & usable[:, None]
    return Score(
        pck={f"{a:g}": pck(distance, torso, used, a, skeleton) for a in THRESHOLDS},
        median_error_torso=_median_percent(distance, torso, used),
        frames=int(usable.sum()),
        skipped=int((~usable).sum()),
        mean_pck=_mean_pck(distance, torso, used, skeleton),
    )


def distances(
    pred_px: npt.ArrayLike,
    truth_px: npt.ArrayLike,
    counted: npt.ArrayLike,
    skeleton: Skeleton = KEYPOINTS_13,
    *,
    other_diagonal: bool = False,
) -> tuple[Array, Array]:
    """Measure how far predictions are from the truth, and how long the torsos are.

    Args:
        pred_px: (N, 13, 2), pixels of the original image.
        truth_px: (N, 13, 2), pixels of the original image; anything where not counted.
        counted: (N, 13) bool.
        skeleton: The keypoints.
        other_diagonal: Measure torsos from l_shoulder to r_hip, as PDJ does.

    Returns:
        (N, 13) float64 pixels (infinite where the prediction is not a number), and (N,) float64
        pixels, NaN where the frame can't be used.
    """
    pred = np.asarray(pred_px, dtype=np.float64).reshape(-1, len(skeleton), 2)
    truth = np.asarray(truth_px, dtype=np.float64).reshape(-1, len(skeleton), 2)
    known = np.asarray(counted, dtype=bool).reshape(-1, len(skeleton))
    truth = np.where(known[..., None], truth, 0.0)
    pred = np.where(np.isfinite(pred), pred, np.inf)
    distance = np.hypot(pred[..., 0] - truth[..., 0], pred[..., 1] - truth[..., 1])
    ends_of = np.array(skeleton.torso_indices)
    first, second = skeleton.flip[ends_of] if other_diagonal else ends_of
    ends = truth[:, first] - truth[:, second]
    torso = np.hypot(ends[:, 0], ends[:, 1])
    usable = known[:, [first, second]].all(axis=1) & (torso > 0)
    return distance, np.where(usable, torso, np.nan)


def pck(
    distance: Array,
    torso: Array,
    used: npt.NDArray[np.bool_],
    threshold: float,
    skeleton: Skeleton = KEYPOINTS_13,
) -> Pck:
    """Return the share of keypoints within a threshold, in percent.

    Args:
        distance: (N, 13) pixels.
        torso: (N,) pixels; NaN where the frame is not used.
        used: (N, 13) bool, what is counted; False in frames without a torso.
        threshold: Share of the torso; inclusive.
        skeleton: The keypoints.

    Returns:
        The groups of the skeleton (head, wrist, elbow ...), and all keypoints pooled.
    """
    right = (distance <= (threshold * torso)[:, None]) & used
    shares = {
        group: _percent(right[:, list(k)], used[:, list(k)])
        for group, k in skeleton.group_indices.items()
    }
    return {**shares, "all": _percent(right, used)}


def curve(
    distance: Array, torso: Array, used: npt.NDArray[np.bool_], highest: float
) -> tuple[Array, Array]:
    """Return PCK of all keypoints at thresholds from ``CURVE_STEP`` on.

    Args:
        distance: (N, 13) pixels, or the columns of some keypoints.
        torso: (N,) pixels; NaN where the frame is not used.
        used: bool, what is counted; of the shape of ``distance``.
        highest: The last threshold, a share of the torso.

    Returns:
        (M,) thresholds and (M,) percentages; NaN where nothing is counted.
    """
    steps = round(highest / CURVE_STEP)
    thresholds: Array = np.arange(1, steps + 1, dtype=np.float64) * CURVE_STEP
    share = np.sort((distance / np.where(torso > 0, torso, 1.0)[:, None])[used])
    if not len(share):
        return thresholds, np.full(steps, np.nan)
    # a distance that equals its threshold but for rounding is within it
    right = np.searchsorted(share, thresholds * (1 + 1e-12), side="right")
    shares: Array = 100.0 * right.astype(np.float64) / len(share)
    return thresholds, shares


def area_under_curve(
    distance: Array, torso: Array, used: npt.NDArray[np.bool_], highest: float
) -> float | None:
    """Return the mean of PCK over the thresholds up to ``highest``; None where nothing counts.

    Args:
        distance: (N, 13) pixels, or the columns of some keypoints.
        torso: (N,) pixels; NaN where the frame is not used.
        used: bool, what is counted; of the shape of ``distance``.
        highest: The last threshold, a share of the torso.
    """
    shares = curve(distance, torso, used, highest)[1]
    return None if np.isnan(shares).any() else float(shares.mean())


def pcki(
    pred: npt.ArrayLike,
    truth: npt.ArrayLike,
    used: npt.NDArray[np.bool_],
    skeleton: Skeleton = KEYPOINTS_13,
) -> Pck:
    """Return the share of keypoints within a twelfth of the height of the net's input, in percent.

    Args:
        pred: (N, 13, 2), crop units: 0 and 1 are the crop's edges.
        truth: (N, 13, 2), crop units; anything where not used.
        used: (N, 13) bool, what is counted.
        skeleton: The keypoints.
    """
    distance = distances(pred, truth, used, skeleton)[0]
    return pck(distance, np.ones(len(distance)), used, PCKI_SHARE, skeleton)


def error_torso(
    pred_px: npt.ArrayLike,
    truth_px: npt.ArrayLike,
    counted: npt.ArrayLike,
    skeleton: Skeleton = KEYPOINTS_13,
) -> Array:
    """Return each frame's mean error in % of its torso.

    Args:
        pred_px: (N, 13, 2), pixels of the original image.
        truth_px: (N, 13, 2), pixels of the original image; anything where not counted.
        counted: (N, 13) bool.
        skeleton: The keypoints.

    Returns:
        (N,) float64; NaN where nothing is counted, infinite where a prediction is not a number.
    """
    distance, torso = distances(pred_px, truth_px, counted, skeleton)
    known = np.asarray(counted, dtype=bool).reshape(-1, len(skeleton))
    total = np.where(known, distance, 0.0).sum(axis=1)
    mean: Array = 100 * total / np.maximum(known.sum(axis=1), 1) / torso
    return mean


def _mean_pck(
    distance: Array, torso: Array, used: npt.NDArray[np.bool_], skeleton: Skeleton
) -> float | None:
    """Return the figure that training chooses its best weights by, see ``Score``."""
    groups = skeleton.group_indices
    hard = [*groups.get("wrist", ()), *groups.get("elbow", ())]
    means = []
    for k in (list(range(len(skeleton))), hard):
        at, shares = curve(distance[:, k], torso, used[:, k], THRESHOLDS[0])
        means.append(float(shares[at > THRESHOLDS[-1] - CURVE_STEP / 2].mean()))
    known = [mean for mean in means if not np.isnan(mean)]
    return sum(known) / len(known) if known else None


def _percent(right: npt.NDArray[np.bool_], used: npt.NDArray[np.bool_]) -> float | None:
    total = int(used.sum())
    return 100.0 * int(right.sum()) / total if total else None


def _median_percent(distance: Array, torso: Array, used: npt.NDArray[np.bool_]) -> float | None:
    if not used.any():
        return None
    share = (distance / np.where(np.isnan(torso), 1.0, torso)[:, None])[used]
    median = float(np.median(share))
    # infinite where half of the predictions are not numbers: then there is no figure
    return 100 * median if np.isfinite(median) else None
