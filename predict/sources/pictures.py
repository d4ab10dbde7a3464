"""Pictures: one file, a folder, or a pattern."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ...core.errors import KincapError
from ...core.jpeg import MAX_PIXELS, decode_jpeg
from ...engines.engine import Images
from .frame_source import PICTURES, SourceFrame

SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
_MOST_BYTES: Final = 1 << 28
_NOTHING: Final = (0, 0, 3)


class PictureFolderSource:
    """Picture files, in the order of their names.

    Args:
        paths: The files.
        name: As the user wrote it.
    """

    kind = PICTURES

    def __init__(self, paths: Sequence[Path], name: str) -> None:
        self.paths, self.name = tuple(paths), name
        self.total: int | None = len(self.paths)
        self.dropped = 0
        self.problem: str | None = None

    def frames(self) -> Iterator[SourceFrame]:
        """Yield the pictures; one that can't be read has a problem and no pixels."""
        unreadable = 0
        for number, path in enumerate(self.paths):
            try:
                image, problem = read_picture(path), None
            except KincapError as error:
                image, problem = np.empty(_NOTHING, np.uint8), str(error)
                unreadable += 1
            yield SourceFrame(number, path.name, None, image, problem)
        if unreadable:
            self.problem = f"{unreadable} of {len(self.paths)} pictures can't be read"

    def close(self) -> None:
        """Nothing is open between two pictures."""


def find_pictures(folder: Path) -> list[Path]:
    """Return the picture files of a folder, by name."""
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file()
    )


def read_picture(path: Path) -> Images:
    """Return a picture as (H, W, 3) uint8, RGB, turned as its camera says.

    Raises:
        KincapError: It is not a picture that can be decoded, or too large.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise KincapError(f"{path}: {path.stat().st_size >> 20} MiB is too large for a picture")
        data = path.read_bytes()
    except OSError as error:
        raise KincapError(f"{path}: can't be read ({error.strerror})") from None
    if not cv2.haveImageReader(str(path)):
        raise KincapError(f"{path}: not a picture (expected {', '.join(SUFFIXES)})")
    # a decoder of its own for JPEG would not turn pictures of phones as their cameras say
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    if decoded is None:
        return _damaged_jpeg(path, data)
    if decoded.shape[0] * decoded.shape[1] > MAX_PIXELS:
        raise KincapError(f"{path}: more than {MAX_PIXELS:,} pixels")
    return np.asarray(decoded, np.uint8)


def _damaged_jpeg(path: Path, data: bytes) -> Images:
    try:
        return decode_jpeg(data)
    except (KincapError, ValueError):
        raise KincapError(f"{path}: a damaged picture, it can't be decoded") from None
