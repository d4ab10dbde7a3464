"""Groups of pictures that stay in one split: copies, near-copies, and pictures of one clip."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .picture_facts import PictureFacts

NEAR_BITS: Final = 3
"""Pictures whose looks differ in at most this many of 64 bits are near-copies."""
BANDS: Final = NEAR_BITS + 1
"""Of that many equal parts of two near hashes, one at least is the same."""
LARGEST_BUCKET: Final = 2000
"""Of more pictures with one equal part, only neighbours are compared."""
_BAND_BITS: Final = 64 // BANDS


def group_pictures(facts: PictureFacts, clips: Sequence[str]) -> NDArray[np.int64]:
    """Return the group of each picture.

    Args:
        facts: The P pictures.
        clips: (P,) the clip or film of each; "" for none.

    Returns:
        (P,) the lowest index of a picture in the group.
    """
    parent = np.arange(len(clips))
    usable = np.flatnonzero(facts.size_px[:, 0] > 0)
    for keys in (facts.content[usable], _codes(np.array(clips, np.str_)[usable])):
        for a, b in _same(keys):
            _join(parent, int(usable[a]), int(usable[b]))
    for a, b in near_looks(facts.look[usable]):
        _join(parent, int(usable[a]), int(usable[b]))
    return np.array([_root(parent, index) for index in range(len(parent))], np.int64)


def _codes(names: NDArray[np.str_]) -> NDArray[np.int64]:
    """Return a number for each name, each empty one with a number of its own."""
    codes = np.unique(names, return_inverse=True)[1].astype(np.int64)
    alone = names == ""
    codes[alone] = -1 - np.arange(int(alone.sum()))
    return codes


def _same(keys: NDArray[np.uint64] | NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield neighbouring pairs of equal keys."""
    order = np.argsort(keys, kind="stable")
    equal = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    yield from zip(order[equal].tolist(), order[equal + 1].tolist(), strict=True)


def near_looks(look: NDArray[np.uint64]) -> Iterator[tuple[int, int]]:
    """Yield pairs of pictures that look nearly the same; flat ones (no bit set) are left out.

    Args:
        look: (P,) uint64, of ``PictureFacts``.
    """
    told = np.flatnonzero((look != 0) & (np.bitwise_count(look) < 64))
    hashes = look[told]
    for band in range(BANDS):
        part = (hashes >> np.uint64(band * _BAND_BITS)) & np.uint64((1 << _BAND_BITS) - 1)
        order = np.argsort(part, kind="stable")
        ends = np.flatnonzero(np.diff(part[order])) + 1
        for bucket in np.split(order, ends):
            if len(bucket) > 1:
                yield from _near_in(hashes, bucket, told)


def _near_in(
    hashes: NDArray[np.uint64], bucket: NDArray[np.intp], told: NDArray[np.intp]
) -> Iterator[tuple[int, int]]:
    """Yield the near pairs of a bucket."""
    values = hashes[bucket]
    if len(bucket) > LARGEST_BUCKET:
        order = np.argsort(values, kind="stable")
        near = np.bitwise_count(values[order][1:] ^ values[order][:-1]) <= NEAR_BITS
        first, second = order[:-1][near], order[1:][near]
    else:
        differ = np.bitwise_count(values[:, None] ^ values)
        first, second = np.nonzero(np.triu(differ <= NEAR_BITS, 1))
    for a, b in zip(bucket[first].tolist(), bucket[second].tolist(), strict=True):
        yield int(told[a]), int(told[b])


def _root(parent: NDArray[np.intp], index: int) -> int:
    """Return the lowest picture of a group, and shorten the way to it."""
    root = index
    while parent[root] != root:
        root = int(parent[root])
    while parent[index] != root:
        parent[index], index = root, int(parent[index])
    return root


def _join(parent: NDArray[np.intp], a: int, b: int) -> None:
    """Make two groups one."""
    low, high = sorted((_root(parent, a), _root(parent, b)))
    parent[high] = low
