"""The swap rate: how often a net exchanges the left and the right of a person."""

from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13, Skeleton

LEAST_APART: Final = 0.2
"""Torsos that the two true keypoints must be apart; closer ones can't be told from noise."""


def swap_rate(
    pred_px: npt.ArrayLike,
    truth_px: npt.ArrayLike,
    used: npt.NDArray[np.bool_],
    torso: npt.NDArray[np.float64],
    skeleton: Skeleton = KEYPOINTS_13,
) -> float | None:
    """Return the percentage of pairs of keypoints that are predicted with their sides exchanged.

    A pair (left and right wrist, for example) is exchanged where exchanging its two predictions
    would lower the sum of their distances to the truth.

    Args:
        pred_px: (N, 13, 2) pixels.
        truth_px: (N, 13, 2) pixels; anything where not used.
        used: (N, 13) bool.
        torso: (N,) pixels; NaN where the frame is not used.
        skeleton: The keypoints.

    Returns:
        The percentage of the pairs with both ends used and more than ``LEAST_APART`` torsos
        apart; None where there are none.
    """
    pred = np.asarray(pred_px, dtype=np.float64).reshape(-1, len(skeleton), 2)
    truth = np.asarray(truth_px, dtype=np.float64).reshape(-1, len(skeleton), 2)
    pairs = [(k, int(other)) for k, other in enumerate(skeleton.flip) if k < other]
    exchanged = total = 0
    for a, b in pairs:
        both = used[:, a] & used[:, b] & (torso > 0)
        apart = np.full(len(truth), -1.0)
        apart[both] = _distance(truth[both, a], truth[both, b]) / torso[both]
        rows = (apart > LEAST_APART) & np.isfinite(pred[:, [a, b]]).all(axis=(1, 2))
        straight = _distance(pred[rows, a], truth[rows, a])
        straight += _distance(pred[rows, b], truth[rows, b])
        crossed = _distance(pred[rows, a], truth[rows, b])
        crossed += _distance(pred[rows, b], truth[rows, a])
        exchanged += int((crossed < straight).sum())
        total += int(rows.sum())
    return 100.0 * exchanged / total if total else None


def _distance(
    first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the distances (M,) of points (M, 2)."""
    between: npt.NDArray[np.float64] = np.hypot(*(first - second).T)
    return between
