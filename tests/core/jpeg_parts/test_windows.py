"""Windows of a picture are the same as if the whole picture had been decoded."""

import cv2
import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.jpeg import encode_jpeg
from kincap.core.jpeg_parts.windows import SmallPicture


def noise(width: int, height: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 255, (height, width, 3), np.uint8)


def without_markers(image: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.mark.parametrize("size", [(1920, 1080), (960, 540), (480, 270), (250, 40)])
def test_a_window_is_a_part_of_the_whole(size: tuple[int, int]) -> None:
    data = encode_jpeg(noise(*size))
    picture, whole = SmallPicture(data), SmallPicture(data)
    every = whole.window(0, 0, whole.width, whole.height)
    assert every.shape == (picture.height, picture.width)
    assert picture.height in (270, size[1])
    rng = np.random.default_rng(4)
    for _ in range(30):
        x0, x1 = np.sort(rng.choice(picture.width + 1, 2, replace=False))
        y0, y1 = np.sort(rng.choice(picture.height + 1, 2, replace=False))
        np.testing.assert_array_equal(picture.window(x0, y0, x1, y1), every[y0:y1, x0:x1])


def test_markers_change_nothing_but_the_work() -> None:
    image = noise(960, 540)
    marked, plain = (
        SmallPicture(data) for data in (encode_jpeg(image, 95), without_markers(image))
    )
    apart = marked.window(100, 50, 150, 99).astype(int) - plain.window(100, 50, 150, 99)
    assert np.abs(apart).max() < 16  # of 255, two encodings of noise


def test_damage_is_told_or_harmless_and_never_kills() -> None:
    data = encode_jpeg(noise(960, 540))
    with pytest.raises(KincapError, match="not a JPEG"):
        SmallPicture(b"nothing")
    with pytest.raises(KincapError, match="at most 64000000"):
        SmallPicture(b"\xff\xd8\xff\xc0\x00\x11\x08\xff\xff\xff\xff" + bytes(20))
    rng = np.random.default_rng(5)
    for cut in (300, 700, 5000, len(data) // 2, len(data) - 3):
        try_window(data[:cut])
    for _ in range(100):
        broken = bytearray(data)
        for at in rng.integers(2, len(data), 3):
            broken[at] = rng.integers(0, 256)
        try_window(bytes(broken))


def try_window(data: bytes) -> None:
    """Look at a damaged picture: an answer of the right shape, or one line."""
    said = ""
    try:
        picture = SmallPicture(data)
        wide, high = min(picture.width, 50), min(picture.height, 40)
        shape = picture.window(0, 0, wide, high).shape
    except KincapError as error:
        said = str(error)
    assert "\n" not in said
    assert said or shape == (high, wide)
