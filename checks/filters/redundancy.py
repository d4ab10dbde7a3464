"""Near-copies: frames in which a person has hardly moved since the last one that was kept."""

import numpy as np
from numpy.typing import NDArray

from ...core.skeleton import TORSO
from .bodies import Bools, Floats
from .settings import FilterSettings


def near_copies(
    points: Floats, trusted: Bools, person: NDArray[np.integer], settings: FilterSettings
) -> Bools:
    """Return which frames show no more than the last kept one of the same person.

    Args:
        points: (N, 13, 2) pixels, in the order of time.
        trusted: (N, 13) keypoints that count.
        person: (N,) a number for each person and take.
        settings: ``thin_motion``, share of the torso; 0: none is named.

    Returns:
        (N,) bool. The first frame of a person is kept; of a person whose torso is unknown, all.
    """
    named = np.zeros(len(points), np.bool_)
    if not settings.thin_motion:
        return named
    usable = np.asarray(trusted & np.isfinite(points).all(axis=-1))
    torso = np.linalg.norm(points[:, TORSO[0]] - points[:, TORSO[1]], axis=-1)
    last: dict[int, int] = {}
    # what is kept decides about what comes after it: no array operation can say
    for at, who in enumerate(person.tolist()):
        before = last.get(who)
        if before is not None:
            both = usable[at] & usable[before]
            moved = np.linalg.norm(points[at, both] - points[before, both], axis=-1)
            if len(moved) and moved.mean() < settings.thin_motion * torso[at]:
                named[at] = True
                continue
        last[who] = at
    return named
