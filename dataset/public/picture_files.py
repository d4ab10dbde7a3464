"""Picture files of public sets: JPEG and PNG, decoded under a limit on pixels, cut into crops."""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import KincapError
from ...core.jpeg import MAX_PIXELS, decode_jpeg, jpeg_size
from ..crop import DamagedPictureError
from ..images.parts import Image, ImagePart, Window
from ..images.resample import resize_window

LARGEST_FILE: Final = 256 << 20
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def read_picture(path: Path) -> bytes:
    """Return the bytes of a picture file.

    Raises:
        KincapError: It is not there, too large or can't be read.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise KincapError(f"larger than {LARGEST_FILE >> 20} MiB")
        return path.read_bytes()
    except OSError as err:
        raise KincapError(err.strerror or str(err)) from err


def picture_size(data: bytes) -> tuple[int, int]:
    """Return width and height of a picture, from its header.

    Raises:
        KincapError: It is neither JPEG nor PNG, damaged, or larger than is decoded.
    """
    if data[:8] == _PNG and data[12:16] == b"IHDR":
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    elif data[:2] == b"\xff\xd8":
        width, height = jpeg_size(data)
    else:
        raise KincapError("not a JPEG or PNG file")
    if not 0 < width * height <= MAX_PIXELS:
        raise KincapError(f"{width}x{height} pixels; 1 to {MAX_PIXELS} are decoded")
    return width, height


def decode_picture(data: bytes) -> Image:
    """Decode a picture; a turn that its EXIF data asks for is ignored, as labels ignore it.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        KincapError: It can't be decoded.
    """
    import cv2

    width, height = picture_size(data)
    if data[:2] == b"\xff\xd8":
        return decode_jpeg(data)
    how = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    if image is None or image.shape != (height, width, 3):
        raise KincapError("damaged PNG")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def content_of(data: bytes) -> int:
    """Return 64 bits that two different pictures hardly share: CRC-32 and length."""
    return zlib.crc32(data) | (len(data) & 0xFFFFFFFF) << 32


@dataclass(frozen=True)
class PictureFiles:
    """Sources of N crops in picture files; a ``crop.PictureSource``.

    Attributes:
        paths: Of the files.
        content: (P,) uint64 ``content_of`` each file when the build was planned.
        picture: (N,) index into ``paths``.
        placed: (N, 4) int64 x0, y0, width, height of each image, with its margin.
    """

    paths: tuple[Path, ...]
    content: NDArray[np.uint64]
    picture: NDArray[np.int64]
    placed: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.picture)

    def take(self, rows: slice | NDArray[np.integer]) -> "PictureFiles":
        """Return some of the crops, with the files that they need."""
        used, picture = np.unique(self.picture[rows], return_inverse=True)
        return PictureFiles(
            tuple(self.paths[i] for i in used.tolist()),
            self.content[used],
            picture.astype(np.int64),
            self.placed[rows],
        )

    def open(self) -> "FileReader":
        """Return a reader of the crops."""
        return FileReader(self)


class FileReader:
    """Decodes picture files; keeps the last one for further people in it.

    Args:
        files: What to decode.
    """

    def __init__(self, files: PictureFiles) -> None:
        self._files = files
        self._last: tuple[int, Image] | None = None

    def __enter__(self) -> "FileReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._last = None

    def crop(self, row: int, size: int) -> Image:
        """Return the crop of a row, (S, S, 3) uint8 RGB.

        Raises:
            DamagedPictureError: Its file is damaged, or is not the one that was planned (exit 1).
        """
        picture = int(self._files.picture[row])
        if self._last is None or self._last[0] != picture:
            self._last = (picture, self._decode(picture))
        window = Window(*self._files.placed[row].tolist())
        return resize_window(ImagePart(self._last[1], 0, 0, 1), window, False, (size, size))

    def _decode(self, picture: int) -> Image:
        """Read and decode a file."""
        path = self._files.paths[picture]
        try:
            data = read_picture(path)
            if content_of(data) != int(self._files.content[picture]):
                raise KincapError("changed while the data set was made")
            return decode_picture(data)
        except KincapError as err:
            raise DamagedPictureError(f"{path}: {err}; --skip-damaged leaves it out") from err
