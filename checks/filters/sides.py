"""Left and right of a body exchanged: the steps at which they change places, and runs of them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.skeleton import JOINTS, KINECT_V2_SKELETON
from .bodies import Bools, Floats
from .settings import FilterSettings

OTHER_SIDE: Final = KINECT_V2_SKELETON.flip
"""(25,) the joint on the other side of the body; its own inverse."""
SIDED: Final = np.arange(JOINTS) != OTHER_SIDE
"""(25,) bool, joints that have a left and a right."""
_SIDED: Final = np.flatnonzero(SIDED)


def swap_steps(joints: Floats, linked: Bools, settings: FilterSettings) -> Bools:
    """Return between which bodies left and right change places.

    Args:
        joints: (N, 25, 3) metres.
        linked: (N,) whether each follows the one before it.
        settings: ``swap_share`` and ``swap_m``.

    Returns:
        (N,) bool: exchanging the sides of this body makes the jump of all joints from the one
        before it smaller by more than the share and the distance of the settings.
    """
    steps = np.zeros(len(joints), np.bool_)
    if len(joints) < 2:
        return steps
    before: Floats = joints[:-1, _SIDED]
    now: Floats = joints[1:]
    jump = _total(now[:, _SIDED] - before)
    swapped = _total(now[:, OTHER_SIDE[_SIDED]] - before)
    saved = jump - swapped
    steps[1:] = linked[1:] & (saved > settings.swap_m) & (saved > settings.swap_share * jump)
    return steps


def _total(moves: Floats) -> NDArray[np.floating]:
    """Return (N,) the sum of the lengths of (N, J, 3) moves, metres."""
    return np.asarray(np.nansum(np.linalg.norm(moves, axis=-1), axis=-1))


def swapped_state(steps: Bools, run: NDArray[np.integer]) -> Bools:
    """Return which bodies have their sides exchanged: from a swap until the sides swap back.

    Args:
        steps: (N,) from ``swap_steps``, bodies of one run one after another.
        run: (N,) number of the run that each belongs to; sides are right at its beginning.
    """
    swaps = np.cumsum(steps)
    _, first, of = np.unique(run, return_index=True, return_inverse=True)
    before: NDArray[np.int64] = swaps[first] - steps[first]
    return np.asarray((swaps - before[of]) % 2 == 1)
