"""Parts of a stored colour image, decoded alone where its restart markers allow that."""

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ...core.errors import KincapError
from ...core.jpeg import check_jpeg
from ...core.jpeg_parts.tiles import TILE_MARGIN_PX, find_tiles

Image = NDArray[np.uint8]

REDUCTIONS: Final = (1, 2, 4, 8)
"""An image can be decoded at 1/1 to 1/8 of its size, which saves work."""
_SPARE: Final = 1.2
"""With fewer pixels a resampled image is blurred: about 38 dB instead of 43."""


class Window(NamedTuple):
    """A rectangle of whole pixels of an image, inside of it or not.

    Attributes:
        x0: First column.
        y0: First row.
        width: Columns.
        height: Rows.
    """

    x0: int
    y0: int
    width: int
    height: int

    def around(self, other: Self) -> "Window":
        """Return the smallest window around both."""
        x0, y0 = min(self.x0, other.x0), min(self.y0, other.y0)
        x1 = max(self.x0 + self.width, other.x0 + other.width)
        y1 = max(self.y0 + self.height, other.y0 + other.height)
        return Window(x0, y0, x1 - x0, y1 - y0)

    def inside(self, size_px: tuple[int, int], margin: int) -> "Window":
        """Return what of the window, ``margin`` pixels larger, is in an image of width, height."""
        x0, y0 = max(self.x0 - margin, 0), max(self.y0 - margin, 0)
        x1 = min(self.x0 + self.width + margin, size_px[0])
        y1 = min(self.y0 + self.height + margin, size_px[1])
        return Window(x0, y0, max(x1 - x0, 0), max(y1 - y0, 0))

    @property
    def area(self) -> int:
        """Its pixels."""
        return self.width * self.height


@dataclass(frozen=True)
class ImagePart:
    """A decoded part of an image.

    Attributes:
        image: (H, W, 3) uint8, RGB, at 1 / ``reduction`` of the image's size.
        x0: Its first column, pixels of the reduced image.
        y0: Its first row.
        reduction: One of ``REDUCTIONS``.
    """

    image: Image
    x0: int
    y0: int
    reduction: int


class PartDecoder:
    """Decodes parts of images into a buffer of its own, which the next part overwrites."""

    def __init__(self) -> None:
        self._buffer = np.empty(0, np.uint8)

    def decode(self, data: bytes | bytearray, width: int, height: int, reduction: int) -> Image:
        """Decode a JPEG at a fraction of its size.

        Args:
            data: The JPEG; its header has been checked.
            width: Columns that it must have after that.
            height: Rows that it must have after that.
            reduction: One of ``REDUCTIONS``. Below 1/1 the fast transform is used.

        Returns:
            (height, width, 3) uint8, RGB; valid until the next call.

        Raises:
            KincapError: It is damaged.
        """
        needed = width * height * 3
        if len(self._buffer) < needed:
            self._buffer = np.empty(needed, np.uint8)
        fast = reduction > 1
        try:
            image: Image = simplejpeg.decode_jpeg(
                data,
                "RGB",
                fastdct=fast,
                fastupsample=fast,
                min_height=height if fast else 0,
                min_width=width if fast else 0,
                buffer=self._buffer,
            )
        except ValueError as err:
            raise KincapError(f"damaged JPEG: {' '.join(str(err).split())}", exit_code=1) from err
        if image.shape != (height, width, 3):
            raise KincapError("damaged JPEG: its header and its pixels differ in size", exit_code=1)
        return image


class StoredImage:
    """An encoded colour image whose parts are decoded when they are asked for.

    Args:
        data: A JPEG file; its bytes are not trusted.
        size_px: Width and height that it must have.

    Raises:
        KincapError: It is not such a JPEG, or too large.
    """

    def __init__(self, data: bytes, size_px: tuple[int, int]) -> None:
        check_jpeg(data, size_px)
        self.size_px = size_px
        self._data = data
        self._tiles = find_tiles(data)

    def part(self, window: Window, reduction: int, decoder: PartDecoder) -> ImagePart:
        """Decode the part around a window; its pixels there are those of the whole image.

        Args:
            window: What is needed of the image.
            reduction: One of ``REDUCTIONS``.
            decoder: Holds the pixels, until its next part.

        Raises:
            KincapError: It can't be decoded.
        """
        needed = self._needed(window, reduction)
        tiles, (width, height) = self._tiles, self.size_px
        if not needed.area:
            return ImagePart(np.zeros((1, 1, 3), np.uint8), -2, -2, reduction)
        if tiles is None:
            image = decoder.decode(self._data, -(-width // reduction), -(-height // reduction),
                                   reduction)  # fmt: skip
            return ImagePart(image, 0, 0, reduction)
        rows, columns = tiles.under(needed.x0, needed.y0, needed.x0 + needed.width,
                                    needed.y0 + needed.height)  # fmt: skip
        width, height = tiles.size_of(rows, columns)
        data = tiles.joined(rows, columns)
        image = decoder.decode(data, -(-width // reduction), -(-height // reduction), reduction)
        wide, high = tiles.tile_px
        return ImagePart(
            image, columns.start * wide // reduction, rows.start * high // reduction, reduction
        )

    def cost(self, window: Window, reduction: int) -> int:
        """Return the pixels that ``part`` decodes for a window."""
        needed, tiles = self._needed(window, reduction), self._tiles
        if not needed.area:
            return 0
        if tiles is None:
            return self.size_px[0] * self.size_px[1]
        width, height = tiles.size_of(
            *tiles.under(needed.x0, needed.y0, needed.x0 + needed.width, needed.y0 + needed.height)
        )
        return width * height

    def _needed(self, window: Window, reduction: int) -> Window:
        """Return the pixels whose tiles are decoded for a window: a few more on each side."""
        return window.inside(self.size_px, TILE_MARGIN_PX * reduction)


def shared_windows(
    image: StoredImage, windows: list[tuple[Window, int]]
) -> list[tuple[Window, int, list[int]]]:
    """Return which windows of an image are cheaper decoded together.

    Args:
        image: The image.
        windows: Windows with their reductions.

    Returns:
        Groups: the window around all of them, their reduction, their indices.
    """
    groups: list[tuple[Window, int, list[int]]] = []
    for index, (window, reduction) in enumerate(windows):
        here, members = window, [index]
        apart = []
        for other, reduced, rest in groups:
            both = here.around(other)
            cost = image.cost(here, reduction) + image.cost(other, reduction)
            if reduced == reduction and image.cost(both, reduction) <= cost:
                here, members = both, [*rest, *members]
            else:
                apart.append((other, reduced, rest))
        groups = [*apart, (here, reduction, members)]
    return groups


def choose_reduction(window: Window, width: int, height: int) -> int:
    """Return at which fraction an image is decoded to be resampled to a smaller size.

    The largest one that leaves ``_SPARE`` times the pixels that are needed in both directions.

    Args:
        window: Which part of the image.
        width: Columns that it is resampled to.
        height: Rows that it is resampled to.
    """
    ratio = min(window.width / width, window.height / height) / _SPARE
    return max((r for r in REDUCTIONS if r <= ratio), default=1)
