"""PCP, the percentage of correct parts: strict and loose (Ferrari et al. 2008; Toshev et al. 2014).

A limb is right where its ends are predicted within half of the limb's true length: each end in the
strict version, the mean of the two distances in the loose one. Inclusive. Only limbs with both
ends counted and a length above zero take part.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13, Skeleton

SHARE: Final = 0.5
"""Share of the limb's length that the ends may be off."""

UPPER_AND_LOWER: Final = {
    "upper_arm": ("shoulder", "elbow"),
    "forearm": ("elbow", "wrist"),
    "thigh": ("hip", "knee"),
    "shin": ("knee", "ankle"),
}
"""The limbs by the groups of their ends, as the papers' tables name them."""


def pcp(
    distance: npt.NDArray[np.float64],
    truth_px: npt.ArrayLike,
    counted: npt.ArrayLike,
    skeleton: Skeleton = KEYPOINTS_13,
    *,
    loose: bool = False,
) -> dict[str, float | None]:
    """Return the percentage of correct limbs, by limb and pooled as ``all``.

    Args:
        distance: (N, 13) pixels, of ``pck.distances``; infinite where a prediction is not a number.
        truth_px: (N, 13, 2) pixels; anything where not counted.
        counted: (N, 13) bool.
        skeleton: The keypoints; limbs that it lacks are left out.
        loose: Compare the mean distance of the two ends, else each.

    Returns:
        Percentages, None where no limb is counted.
    """
    known = np.asarray(counted, dtype=bool).reshape(-1, len(skeleton))
    truth = np.where(known[..., None], np.reshape(truth_px, (-1, len(skeleton), 2)), 0.0)
    right: dict[str, int] = {}
    total: dict[str, int] = {}
    for limb, first, second in limbs_of(skeleton):
        length = np.hypot(*(truth[:, first] - truth[:, second]).T)
        used = known[:, first] & known[:, second] & (length > 0)
        ends = distance[:, [first, second]]
        off = ends.mean(axis=1) if loose else ends.max(axis=1)
        right[limb] = right.get(limb, 0) + int((off[used] <= SHARE * length[used]).sum())
        total[limb] = total.get(limb, 0) + int(used.sum())
    right["all"], total["all"] = sum(right.values()), sum(total.values())
    return {limb: 100.0 * right[limb] / n if n else None for limb, n in total.items()}


def limbs_of(skeleton: Skeleton) -> list[tuple[str, int, int]]:
    """Return the name and the two ends of each limb of a skeleton, both sides."""
    groups = skeleton.group_indices
    return [
        (limb, first, second)
        for limb, (near, far) in UPPER_AND_LOWER.items()
        for first, second in zip(groups.get(near, ()), groups.get(far, ()), strict=False)
    ]
