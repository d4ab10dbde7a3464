"""Report on a split: who and what is on which side, and how far the sides are apart."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.units import SECOND_NS
from ..rows import SessionPlan
from .frame_times import FrameTimes
from .guard import nearest

_HELD_OUT: Final = ("val", "test")


def leak_report(
    sessions: Sequence[SessionPlan], times: Sequence[FrameTimes], near_copies: dict[str, Any]
) -> dict[str, Any]:
    """Return what training rows share with those for validation and test.

    Args:
        sessions: The sessions; every row has its split.
        times: Their colour frames.
        near_copies: Report on near-copies.

    Returns:
        ``sides``: by split its ``sessions``, ``subjects`` and ``outfits``. ``shared``: those of
        train that are also in val or test. ``nearest_s``: seconds between a training frame and the
        next one of another side, on any clock that both have; None where there is none.
        ``equal_pictures`` on both sides. ``near_copies``.
    """
    sides = {
        split: _who(sessions, split)
        for split in ("train", *_HELD_OUT)
        if any((one.goes_to == split).any() for one in sessions)
    }
    held = [sides[split] for split in _HELD_OUT if split in sides]
    shared = {
        kind: sorted(set(names) & {name for side in held for name in side[kind]})
        for kind, names in sides.get("train", {}).items()
    }
    train_frames = [_frames(one, ("train",)) for one in sessions]
    held_frames = [_frames(one, _HELD_OUT) for one in sessions]
    return {
        "sides": sides,
        "shared": shared,
        "nearest_s": _nearest_s(times, train_frames, held_frames),
        "equal_pictures": _equal_pictures(times, train_frames, held_frames),
        "near_copies": near_copies,
    }


def _who(sessions: Sequence[SessionPlan], split: str) -> dict[str, list[str]]:
    """Return the sessions, subjects and outfits of a split."""
    there = [one.recording for one in sessions if (one.goes_to == split).any()]
    return {
        "sessions": [one.name for one in there],
        "subjects": sorted({one.info.subject for one in there if one.info.subject}),
        "outfits": sorted({one.info.outfit or one.name for one in there}),
    }


def _frames(one: SessionPlan, splits: tuple[str, ...]) -> NDArray[np.int64]:
    """Return the colour frames of the rows in some splits."""
    return np.unique(one.candidates.frame[one.is_in(splits)])


def _nearest_s(
    times: Sequence[FrameTimes],
    train: Sequence[NDArray[np.int64]],
    held: Sequence[NDArray[np.int64]],
) -> float | None:
    """Return the shortest time between two sides, inside runs and by the wall clock."""
    found = [np.inf]
    for one, mine, theirs in zip(times, train, held, strict=True):
        for run in np.unique(one.run[theirs]):
            there = np.sort(one.run_s[theirs[one.run[theirs] == run]])
            found.append(nearest(there, one.run_s[mine[one.run[mine] == run]]).min(initial=np.inf))
    walls = [
        np.concatenate(
            [np.empty(0, np.int64)]
            + [one.wall_ns[rows[one.walled[rows]]] for one, rows in zip(times, side, strict=True)]
        )
        for side in (train, held)
    ]
    found.append(nearest(np.sort(walls[1]), walls[0]).min(initial=np.inf) / SECOND_NS)
    least = float(min(found))
    return round(least, 3) if np.isfinite(least) else None


def _equal_pictures(
    times: Sequence[FrameTimes],
    train: Sequence[NDArray[np.int64]],
    held: Sequence[NDArray[np.int64]],
) -> int:
    """Return how many pictures are on both sides."""
    sides = [
        np.concatenate(
            [np.empty(0, np.uint64)]
            + [one.pictures[rows] for one, rows in zip(times, side, strict=True)]
        )
        for side in (train, held)
    ]
    return len(np.intersect1d(sides[0], sides[1]))
