"""Check from the finished file that no split knows the frames of another one."""

from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..kinect13.reader import Kinect13, Split

SAMPLE: Final = 2000
"""Images of a split that are compared."""
_HASH_PX: Final = 8
_NEAR_BITS: Final = 2
"""Two images whose 64 bits differ in so few places show the same."""


@dataclass(frozen=True)
class SplitPair:
    """Two splits, compared.

    Attributes:
        first: Name of the one.
        second: Name of the other.
        nearest_s: Least time between two of their frames in one take; NaN: they share no take.
        same_frames: Frames that are in both.
        sessions: Names of sessions that are in both.
        outfits: Names of outfits that are in both.
        copies: Compared images of the second that nearly equal one of the first.
        compared: Images of the second that were compared.
    """

    first: str
    second: str
    nearest_s: float
    same_frames: int
    sessions: list[str]
    outfits: list[str]
    copies: int
    compared: int


def compare_splits(dataset: Kinect13, *, with_look: bool = True) -> list[SplitPair]:
    """Compare every two splits of a data set.

    Args:
        dataset: An open data set.
        with_look: Compare images, too.
    """
    splits = [dataset.split(name) for name in dataset.splits]
    nothing = np.zeros(0, np.uint64)
    hashes = {split.name: _hashes(split) if with_look else nothing for split in splits}
    outfits = {str(one.get("session")): one.get("outfit") for one in dataset.meta.sources}
    names = dataset.meta.sessions
    found = []
    for first, second in combinations(splits, 2):
        own = [{names[int(s)] for s in np.unique(split.session)} for split in (first, second)]
        worn = [{str(outfits[name]) for name in some if outfits.get(name)} for some in own]
        near = _near_copies(hashes[first.name], hashes[second.name])
        found.append(
            SplitPair(
                first=first.name,
                second=second.name,
                nearest_s=_nearest_s(first, second),
                same_frames=len(np.intersect1d(_frames(first), _frames(second))),
                sessions=sorted(own[0] & own[1]),
                outfits=sorted(worn[0] & worn[1]),
                copies=int(near.sum()),
                compared=len(near),
            )
        )
    return found


def _frames(split: Split) -> NDArray[np.uint64]:
    """Return a number for each frame, of its session and its number there."""
    session = split.session.astype(np.uint64) << np.uint64(48)
    return np.unique(session | (split.color_seq & np.uint64(2**48 - 1)))


def _nearest_s(first: Split, second: Split) -> float:
    """Return the least time between frames of two splits in one take, seconds."""
    nearest = np.inf
    keys = [split.session.astype(np.int64) << 16 | split.take for split in (first, second)]
    for key in np.intersect1d(keys[0], keys[1]):
        a = np.sort(first.time_s[keys[0] == key])
        b = second.time_s[keys[1] == key]
        a, b = a[np.isfinite(a)], b[np.isfinite(b)]
        if len(a) and len(b):
            after = np.searchsorted(a, b)
            gaps = [np.abs(a[np.clip(after + k, 0, len(a) - 1)] - b).min() for k in (-1, 0)]
            nearest = min(nearest, *map(float, gaps))
    return nearest if np.isfinite(nearest) else np.nan


def _hashes(split: Split) -> NDArray[np.uint64]:
    """Return a number for each of some images: equal bits for equal pictures, whatever the size.

    Every bit says which of two neighbouring places is brighter.
    """
    import cv2

    if not len(split):
        return np.zeros(0, np.uint64)
    rows = np.unique(np.linspace(0, len(split) - 1, SAMPLE).round().astype(np.int64))
    hashes = np.zeros(len(rows), np.uint64)
    weights = np.uint64(1) << np.arange(_HASH_PX**2, dtype=np.uint64)
    for at, row in enumerate(rows):
        grey = cv2.cvtColor(split.images([row])[0], cv2.COLOR_RGB2GRAY)
        small = cv2.resize(grey, (_HASH_PX + 1, _HASH_PX), interpolation=cv2.INTER_AREA)
        brighter = (small[:, 1:] > small[:, :-1]).reshape(-1)
        hashes[at] = weights[brighter].sum(dtype=np.uint64)
    return hashes


def _near_copies(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return (N,) whether each hash of the second has one of the first close to it."""
    return np.array(
        [bool((np.bitwise_count(first ^ one) <= _NEAR_BITS).any()) for one in second], np.bool_
    )
