"""Mean and median distance of predictions from the truth, in crop pixels and in torsos."""

from typing import Final

import numpy as np
import numpy.typing as npt

from .pck import Array

CROP_PX: Final = 224
"""Side of the crop whose pixels the distances are in: the input of Linna et al."""


def mean_and_median(
    distance: Array, known: npt.NDArray[np.bool_], torso: Array, side: Array
) -> dict[str, float | None]:
    """Return the errors of predictions.

    Args:
        distance: (N, K) pixels of the original images; infinite where a prediction is not a number.
        known: (N, K) bool, what is counted.
        torso: (N,) pixels; NaN where a frame has none: it takes part in the pixels alone.
        side: (N,) of the crops, pixels of the original images.

    Returns:
        ``mean_px`` and ``median_px`` in pixels of a crop of ``CROP_PX``, ``mean_torso`` and
        ``median_torso`` in % of the torso. None where nothing is counted, and where the figure is
        not finite.
    """
    measured = known & (torso > 0)[:, None]
    px = (distance / side[:, None] * CROP_PX)[known]
    share = (100 * distance / np.where(torso > 0, torso, 1.0)[:, None])[measured]
    return {
        "mean_px": _finite(px.mean()) if len(px) else None,
        "median_px": _finite(np.median(px)) if len(px) else None,
        "mean_torso": _finite(share.mean()) if len(share) else None,
        "median_torso": _finite(np.median(share)) if len(share) else None,
    }


def _finite(value: np.floating) -> float | None:
    return float(value) if np.isfinite(value) else None
