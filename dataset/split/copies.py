"""The same pictures under two names: replayed or copied sessions, one clip recorded twice.

Pictures are compared by CRC-32 and length, bodies by their joints, which also match where the
pictures were encoded anew. A few equal pictures mean nothing: a covered lens gives the same black
one again and again.
"""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from .frame_times import FrameTimes

SHARED: Final = 3
"""Two recordings with at least this many distinct equal pictures show the same scene."""
COPY_SHARE: Final = 0.5
"""A session is a copy if at least this share of the smaller one's pictures is in the other."""

Keys = NDArray[np.uint64]
Of = TypeVar("Of", bound=Hashable)


def refuse_copies(sessions: Sequence[FrameTimes]) -> None:
    """Refuse sessions that hold the same pictures or bodies as another one.

    Raises:
        DatasetError: Names both and how much they share.
    """
    pictures = {one.name: np.unique(one.pictures) for one in sessions}
    poses = {one.name: np.unique(_joined(list(one.poses.values()))) for one in sessions}
    for what, keys in (("pictures", pictures), ("joint positions", poses)):
        for (first, second), shared in shared_keys(keys).items():
            least = min(len(keys[first]), len(keys[second]))
            if shared >= max(COPY_SHARE * least, min(SHARED, least)):
                raise DatasetError(
                    f"session {second}: {shared} of its {len(keys[second])} {what} are those of "
                    f"session {first}, a copy or a replay of the same recording; move one of them "
                    "away, or leave it out with --sessions"
                )


def linked_takes(sessions: Sequence[FrameTimes]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the pairs of takes that show the same scene, each as session index and take."""
    pictures, poses = {}, {}
    for index, one in enumerate(sessions):
        for number in np.unique(one.take).tolist():
            pictures[index, number] = np.unique(one.pictures[one.take == number])
            poses[index, number] = one.poses.get(number, np.empty(0, np.uint64))
    pairs = []
    for keys in (pictures, poses):
        for (first, second), shared in shared_keys(keys).items():
            if shared >= min(SHARED, len(keys[first]), len(keys[second])):
                pairs.append((first, second))
    return pairs


def shared_keys(keys: Mapping[Of, Keys]) -> Counter[tuple[Of, Of]]:
    """Count the keys that neighbours in the list of a key's owners share.

    Args:
        keys: By owner, distinct keys.

    Returns:
        By two owners, in the order given, how many keys both have. Of a key with many owners each
        is compared with the next one only: enough to find that all belong together.
    """
    owners = list(keys)
    every = _joined([keys[owner] for owner in owners])
    of = np.repeat(np.arange(len(owners)), [len(keys[owner]) for owner in owners])
    order = np.lexsort((of, every))
    every, of = every[order], of[order]
    same = np.flatnonzero(every[1:] == every[:-1])
    found = Counter(zip(of[same].tolist(), of[same + 1].tolist(), strict=True))
    return Counter({(owners[a], owners[b]): count for (a, b), count in found.items()})


def _joined(parts: Sequence[Keys]) -> Keys:
    """Return all keys of some parts, one after another."""
    return np.concatenate([np.empty(0, np.uint64), *parts])
