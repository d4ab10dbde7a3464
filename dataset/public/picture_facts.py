"""Look at every picture of the sets once: size, content, and a hash that near-copies share."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import KincapError
from ...core.progress import OnProgress
from ..scheduler.scheduler import LocalProcesses, Scheduler
from .picture_files import content_of, decode_picture, picture_size, read_picture

CHUNK: Final = 64
"""Pictures of one task."""
FEW: Final = 1000
"""Below that many pictures, starting processes takes longer than the work."""
HASH_SIDE: Final = 8
LEAST_SIDE: Final = 64
"""Pictures are reduced to no fewer pixels than this on a side before they are hashed."""


@dataclass(frozen=True)
class PictureFacts:
    """P pictures.

    Attributes:
        size_px: (P, 2) int64 width and height; 0 where a picture can't be used.
        content: (P,) uint64, ``content_of`` the file.
        look: (P,) uint64: a bit for each of 8 x 8 places, set where it gets brighter rightwards.
        problems: By index of a picture, why it can't be used.
    """

    size_px: NDArray[np.int64]
    content: NDArray[np.uint64]
    look: NDArray[np.uint64]
    problems: dict[int, str]


@dataclass(frozen=True)
class _Chunk:
    """Some pictures: from which place on, and whether each is decoded completely."""

    first: int
    paths: tuple[Path, ...]
    thorough: bool


def look_at_pictures(
    paths: Sequence[Path], thorough: bool, scheduler: Scheduler, on_progress: OnProgress
) -> PictureFacts:
    """Look at pictures, in several processes.

    Args:
        paths: The files.
        thorough: Decode each completely; otherwise damage may show later.
        scheduler: The processes; a few pictures are looked at in this one.
        on_progress: Called with pictures done, pictures in all, and the present step.
    """
    count = len(paths)
    facts = PictureFacts(
        np.zeros((count, 2), np.int64), np.zeros(count, np.uint64), np.zeros(count, np.uint64), {}
    )
    chunks = [
        _Chunk(first, tuple(paths[first : first + CHUNK]), thorough)
        for first in range(0, count, CHUNK)
    ]
    done = 0
    if count < FEW:
        scheduler = LocalProcesses(1)
    for chunk, found in scheduler.run(_look_at, chunks):
        for index, (size_px, content, look, problem) in enumerate(found, start=chunk.first):
            facts.size_px[index] = size_px
            facts.content[index], facts.look[index] = content, look
            if problem:
                facts.problems[index] = problem
        done += len(found)
        on_progress(done, count, "looking at pictures")
    return facts


def _look_at(chunk: _Chunk) -> list[tuple[tuple[int, int], int, int, str]]:
    """Return size, content, look and problem of some pictures."""
    found = []
    for path in chunk.paths:
        try:
            data = read_picture(path)
            size_px = picture_size(data)
            if chunk.thorough:
                decode_picture(data)
            found.append((size_px, content_of(data), look_of(data, size_px), ""))
        except KincapError as err:
            found.append(((0, 0), 0, 0, str(err)))
    return found


def look_of(data: bytes, size_px: tuple[int, int]) -> int:
    """Return the hash of a picture's look: near-copies differ in few of its 64 bits.

    Args:
        data: A JPEG or PNG file; 0 where it can't be decoded.
        size_px: Its width and height.
    """
    import cv2

    # a fraction of the size is enough, and a JPEG gives it without being decoded completely
    how = cv2.IMREAD_GRAYSCALE
    for least, reduced in (
        (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
        (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
        (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
    ):
        if min(size_px) >= least * LEAST_SIDE:
            how = reduced
            break
    image = cv2.imdecode(np.frombuffer(data, np.uint8), how | cv2.IMREAD_IGNORE_ORIENTATION)
    if image is None:
        return 0
    small = cv2.resize(image, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA)
    bits = small[:, 1:] > small[:, :-1]
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
