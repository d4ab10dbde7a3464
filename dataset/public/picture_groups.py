"""Groups of pictures that stay in one split: copies, near-copies, and pictures of one clip."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .picture_facts import PictureFacts

NEAR_BITS: Final = 6
"""Pictures whose looks differ in at most this many of 64 bits are near-copies. So do 99 % of copies
scaled by 0.5 to 1.5 and stored anew; of 430 real pictures no two differ in fewer than 11."""
FEW_BITS: Final = 8
"""A picture with fewer bits set, or unset, is flat: it looks like any other flat one."""
AT_ONCE: Final = 1 << 22
"""Pairs of pictures that are compared in one step."""


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
    """Yield pairs of pictures that look nearly the same; flat ones are left out.

    Args:
        look: (P,) uint64, of ``PictureFacts``.
    """
    bits = np.bitwise_count(look)
    told = np.flatnonzero((bits >= FEW_BITS) & (bits <= 64 - FEW_BITS))
    hashes = look[told]
    step = max(1, AT_ONCE // max(len(told), 1))
    for begin in range(0, len(told), step):
        # each pair once: a picture and those after the block's first one
        differ = np.bitwise_count(hashes[begin : begin + step, None] ^ hashes[begin:])
        first, second = np.nonzero(np.triu(differ <= NEAR_BITS, 1))
        yield from zip(told[begin + first].tolist(), told[begin + second].tolist(), strict=True)


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
