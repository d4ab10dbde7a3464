"""Tiles of a JPEG decode to the pixels of the whole; markers that lie are not believed."""

import cv2
import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.jpeg import decode_jpeg
from kincap.core.jpeg_parts.tiles import TILE_MARGIN_PX, find_tiles

SAMPLING = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:2:2": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "4:4:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


def drawn(width: int, height: int) -> np.ndarray:
    """A picture of blurred noise: colours change everywhere."""
    noise = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2)


def encoded(image: np.ndarray, interval: int, *more: int) -> bytes:
    """The picture with a restart marker after every ``interval`` MCUs."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_RST_INTERVAL, interval, *more])
    assert done
    return data.tobytes()


@pytest.mark.parametrize("sampling", SAMPLING)
@pytest.mark.parametrize(
    ("size", "interval"), [((480, 270), 15), ((960, 64), 5), ((250, 121), 0), ((479, 97), 1)]
)
def test_joined_tiles_are_the_pixels_of_the_whole(
    size: tuple[int, int], interval: int, sampling: str
) -> None:
    across = -(-size[0] // (16 if sampling in ("4:2:0", "4:2:2") else 8))
    interval = interval or across
    data = encoded(drawn(*size), interval, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, SAMPLING[sampling])
    whole, tiles = decode_jpeg(data), find_tiles(data)
    assert (tiles is not None) == (across % interval == 0)
    if tiles is None:
        return
    rng = np.random.default_rng(8)
    for _ in range(12):
        x0, x1 = np.sort(rng.choice(size[0] + 1, 2, replace=False)).tolist()
        y0, y1 = np.sort(rng.choice(size[1] + 1, 2, replace=False)).tolist()
        rows, columns = tiles.under(x0, y0, x1, y1)
        part = decode_jpeg(bytes(tiles.joined(rows, columns)))
        left, top = columns.start * tiles.tile_px[0], rows.start * tiles.tile_px[1]
        assert part.shape[1::-1] == tiles.size_of(rows, columns)
        assert max(left - x0, top - y0) <= 0
        assert min(left + part.shape[1] - x1, top + part.shape[0] - y1) >= 0
        # next to a border inside the picture smoothed chroma lacks its neighbour
        inner = [
            (edge > 0) * TILE_MARGIN_PX
            for edge in (top, size[1] - top - len(part), left, size[0] - left - part.shape[1])
        ]
        there = whole[top : top + len(part), left : left + part.shape[1]]
        same = (part == there).all(axis=2)
        assert same[inner[0] : len(part) - inner[1], inner[2] : part.shape[1] - inner[3]].all()


def test_what_has_no_tiles_is_decoded_whole() -> None:
    image = drawn(480, 64)
    assert find_tiles(encoded(image, 15)) is not None
    assert find_tiles(encoded(image[..., 0], 15)) is not None
    assert find_tiles(encoded(image, 0)) is None
    assert find_tiles(encoded(image, 7)) is None
    assert find_tiles(encoded(image, 15, cv2.IMWRITE_JPEG_PROGRESSIVE, 1)) is None


def test_markers_that_lie_are_not_believed() -> None:
    data = encoded(drawn(480, 64), 15)
    interval = data.index(b"\xff\xdd\x00\x04") + 4
    markers = [data.index(bytes([0xFF, 0xD0 + k])) for k in range(7)]
    first, second = markers[:2]

    def changed(at: int, by: bytes) -> bytes:
        return data[:at] + by + data[at + len(by) :]

    for lying in (
        changed(interval, b"\x00\x00"),
        changed(interval, b"\x00\x1e"),
        changed(interval, b"\x00\x05"),
        changed(interval, b"\xff\xff"),
        changed(first + 1, b"\xd3"),
        changed(first + 1, b"\xd1"),
        changed(first, b"\x01"),
        data[:first] + data[second:],
        data[:second] + data[first:second] + data[second:],
        data[:-2] + b"\xff\xd0\xff\xd9",
        data[:-2] + b"\xff\xda\xff\xd9",
        data[:-2],
    ):
        assert find_tiles(lying) is None


@pytest.mark.parametrize("size", [(30_000, 30_000), (65_535, 65_535), (65_535, 977)])
def test_a_giant_is_refused_before_anything_is_made_of_it(size: tuple[int, int]) -> None:
    data = encoded(drawn(480, 64), 15)
    at = data.index(b"\xff\xc0") + 5
    giant = data[:at] + size[1].to_bytes(2) + size[0].to_bytes(2) + data[at + 4 :]
    with pytest.raises(KincapError, match=f"JPEG of {size[0]}x{size[1]} pixels"):
        find_tiles(giant)


def test_a_header_cut_or_changed_anywhere_is_no_crash() -> None:
    data = encoded(drawn(480, 64), 15)
    begin = data.index(b"\xff\xda") + 20
    for cut in range(begin):
        assert tiles_of(data[:cut]) is None
    rng = np.random.default_rng(9)
    for at in range(2, begin):
        changed = bytearray(data)
        changed[at] = rng.integers(0, 256)
        tiles = tiles_of(bytes(changed))
        if tiles is not None:
            assert len(tiles.joined(range(tiles.down), range(tiles.across))) == len(data)


def tiles_of(data: bytes):
    """Tiles, or None where there are none or it is refused."""
    try:
        return find_tiles(data)
    except KincapError:
        return None
