"""Identities where people meet: poses are given to tracks by place, movement and clothes.

As in SORT and its successors: the sum of costs over all tracks decides, not each track alone.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ..engines.box_from_pose import TRACK_FACTOR
from .appearance import Look, difference
from .followed_person import FollowedPerson, area_of, common_area, middle_of, tight_box_of

Floats = npt.NDArray[np.float64]

_TOUCHING: Final = 0.02
"""Part of the smaller of two tight boxes that is in the other, from which people are in contact."""
_LOOK_COST: Final = 2.0
"""Cost of clothes that have nothing in common; a distance costs 1 at most."""
_UNASSIGNED: Final = 1.2
"""Cost of a track without a pose, and of a pose without a track."""
_OWN: Final = 0.1
"""By this much a pose costs less for the track in whose box it was found."""
_GROWTH: Final = 2.0
"""The place of a person who is lost is unsure by this many sizes of the person a second more."""
_MOST_EXACT: Final = 10
"""More tracks than this are not solved exactly, which takes time by 2 to their number, but nearest
first."""


def note_contacts(tracks: Sequence[FollowedPerson], time_s: float) -> None:
    """Keep the time at which people are expected to touch or to hide each other."""
    expected = []
    for track in tracks:
        x, y = track.step_px(time_s).tolist()
        expected.append(tight_box_of(track.pose_px) + (x, y, x, y))
    for n, one in enumerate(tracks):
        for k in range(n):
            least = max(min(area_of(expected[n]), area_of(expected[k])), 1.0)
            if common_area(expected[n], expected[k]) > _TOUCHING * least:
                one.contact_s = tracks[k].contact_s = time_s


def settle(
    found: Sequence[tuple[int, Floats, Look]], tracks: Sequence[FollowedPerson], time_s: float
) -> list[int | None]:
    """Return the track of each pose.

    Args:
        found: For each pose: the track in whose box it was found, or a number below 0; the pose
            (K, 2); its look.
        tracks: All that are known.
        time_s: Of the frame.

    Returns:
        Ids of tracks; the number below 0 for a newcomer; None for a pose of no one that was found
        in the box of a track that has another pose. Tracks that met no one and were not lost keep
        their poses.
    """
    unsure = [one for one in tracks if one.is_lost or one.was_near(time_s)]
    ids = {one.id for one in unsure}
    chosen = [n for n, (origin, _, _) in enumerate(found) if origin < 0 or origin in ids]
    if not unsure or not chosen:
        return [origin for origin, _, _ in found]
    costs = np.array([[_cost(track, found[n], time_s) for n in chosen] for track in unsure])
    by_pose = {chosen[column]: unsure[row].id for row, column in _cheapest(costs)}
    given = set(by_pose.values())
    settled: list[int | None] = []
    for n, (origin, _, _) in enumerate(found):
        # hidden in part, a person looks like no one: no newcomer, and perhaps still the same
        settled.append(by_pose.get(n, None if origin in given else origin))
    return settled


def _cost(track: FollowedPerson, found: tuple[int, Floats, Look], time_s: float) -> float:
    origin, pose, look = found
    # of the largest box yet: the pose of a person who is hidden in part is too small
    size = max(float(np.sqrt(track.area)) / TRACK_FACTOR, 1.0)
    slack = 1 + _GROWTH * (time_s - track.seen_s)
    expected = middle_of(track.pose_px) + track.velocity * (time_s - track.seen_s)
    far = float(np.hypot(*(middle_of(pose) - expected))) / (size * slack)
    if far > 2:
        return np.inf
    cost = min(far, 1.0) - (_OWN if origin == track.id else 0.0)
    return cost + (0.0 if track.look is None else _LOOK_COST * difference(track.look, look))


def _cheapest(costs: Floats) -> list[tuple[int, int]]:
    """Return the pairs (row, column) whose sum, with the unassigned ones, is the least.

    Args:
        costs: (T, P) of each track with each pose; a pair that costs more than both alone is none.
    """
    tracks, poses = costs.shape
    if tracks > _MOST_EXACT:
        return _nearest_first(costs)
    # pose by pose: for each set of tracks that have a pose by now (its bits), the least sum
    sets = np.arange(1 << tracks)
    least = np.where(sets == 0, 0.0, np.inf)
    given = np.full((poses, len(sets)), -1)
    for pose in range(poses):
        after = least + _UNASSIGNED
        for track in np.flatnonzero(costs[:, pose] < 2 * _UNASSIGNED).tolist():
            having = sets[sets >> track & 1 == 1]
            cost = least[having ^ 1 << track] + costs[track, pose]
            is_better = cost < after[having]
            after[having[is_better]] = cost[is_better]
            given[pose, having[is_better]] = track
        least = after
    without = tracks - (sets[:, None] >> np.arange(tracks) & 1).sum(axis=1)
    left = int((least + _UNASSIGNED * without).argmin())
    pairs = []
    for pose in reversed(range(poses)):
        track = int(given[pose, left])
        if track >= 0:
            pairs.append((track, pose))
            left ^= 1 << track
    return pairs


def _nearest_first(costs: Floats) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    costs = costs.copy()
    while costs.size and costs.min() < 2 * _UNASSIGNED:
        row, column = np.unravel_index(int(costs.argmin()), costs.shape)
        pairs.append((int(row), int(column)))
        costs[row], costs[:, column] = np.inf, np.inf
    return pairs
