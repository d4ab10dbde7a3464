"""Crops from restart tiles are those of the whole image, to the last bit or nearly."""

import cv2
import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.jpeg import decode_jpeg, encode_jpeg
from kincap.dataset.crop import cut_crop
from kincap.dataset.images.parts import (
    Image,
    PartDecoder,
    StoredImage,
    Window,
    choose_reduction,
    shared_windows,
)
from kincap.dataset.images.resample import resample_window, resize_window

SIZE = (960, 540)


def drawn() -> np.ndarray:
    """(540, 960, 3) BGR: noise that is blurred more and more to the right."""
    noise = np.random.default_rng(2).integers(0, 256, (*SIZE[::-1], 3), np.uint8)
    soft = [cv2.GaussianBlur(noise, (0, 0), sigma) for sigma in (2, 4, 8)]
    return np.hstack([image[:, :320] for image in soft])


@pytest.fixture(scope="module")
def data() -> bytes:
    return encode_jpeg(drawn())


class CountingDecoder(PartDecoder):
    """Counts the pixels that it decodes."""

    def __init__(self) -> None:
        super().__init__()
        self.pixels: list[int] = []

    def decode(self, data, width: int, height: int, reduction: int) -> Image:
        self.pixels.append(width * height)
        return super().decode(data, width, height, reduction)


def windows(count: int, smallest: int, largest: int) -> list[Window]:
    """Square windows, some of them partly outside of the image."""
    rng = np.random.default_rng(3)
    sides = rng.integers(smallest, largest, count)
    return [
        Window(int(rng.integers(-side // 3, SIZE[0] - side // 2)),
               int(rng.integers(-side // 3, SIZE[1] - side // 2)), int(side), int(side))
        for side in sides
    ]  # fmt: skip


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("marked", [True, False])
def test_exact_crops_are_those_of_the_whole_image(marked: bool, mirrored: bool) -> None:
    data = encode_jpeg(drawn()) if marked else cv2.imencode(".jpg", drawn())[1].tobytes()
    whole, image, decoder = decode_jpeg(data), StoredImage(data, SIZE), CountingDecoder()
    for window in windows(30, 30, 400):
        x0 = SIZE[0] - window.x0 - window.width if mirrored else window.x0
        placed = np.array([x0, window.y0, window.width])
        expected = cut_crop(whole, placed, mirrored, 96)
        part = image.part(window, 1, decoder)
        np.testing.assert_array_equal(resize_window(part, window, mirrored, (96, 96)), expected)
    assert (np.mean(decoder.pixels) < 0.6 * SIZE[0] * SIZE[1]) == marked


@pytest.mark.parametrize("mirrored", [False, True])
def test_fast_crops_are_nearly_those_of_the_whole_image(data: bytes, mirrored: bool) -> None:
    image, decoder = StoredImage(data, SIZE), PartDecoder()
    errors, reductions = [], set()
    for window in windows(30, 60, 700):
        exact = resize_window(image.part(window, 1, decoder), window, mirrored, (48, 48))
        reduction = choose_reduction(window, 48, 48)
        fast = resample_window(image.part(window, reduction, decoder), window, mirrored, (48, 48))
        errors.append(np.mean((fast.astype(float) - exact) ** 2))
        reductions.add(reduction)
    assert reductions == {1, 2, 4, 8}
    assert 10 * np.log10(255**2 / np.mean(errors)) > 34


def test_fast_crops_lie_where_exact_ones_do(data: bytes) -> None:
    """A shift by a tenth of a pixel of the crop would show in the best match."""
    image, decoder = StoredImage(data, SIZE), PartDecoder()
    for window in (Window(401, 101, 301, 301), Window(500, 60, 449, 449)):
        for mirrored in (False, True):
            exact = resize_window(image.part(window, 1, decoder), window, mirrored, (64, 64))
            part = image.part(window, choose_reduction(window, 64, 64), decoder)
            fast = resample_window(part, window, mirrored, (64, 64))
            grey = [crop.mean(axis=2) for crop in (exact, fast)]
            (dx, dy), _ = cv2.phaseCorrelate(*grey)
            assert np.hypot(dx, dy) < 0.1


def test_a_window_beside_the_image_is_black(data: bytes) -> None:
    image, decoder = StoredImage(data, SIZE), CountingDecoder()
    for window in (Window(-300, 10, 200, 200), Window(SIZE[0] + 5, SIZE[1] + 5, 64, 64)):
        for reduction, cut in ((1, resize_window), (2, resample_window)):
            assert not cut(image.part(window, reduction, decoder), window, True, (16, 16)).any()
    assert not decoder.pixels


def test_bodies_that_overlap_share_what_is_decoded(data: bytes) -> None:
    image = StoredImage(data, SIZE)
    near, far = Window(20, 20, 200, 300), Window(700, 400, 100, 100)
    beside = Window(150, 60, 200, 300)
    together = shared_windows(image, [(near, 1), (far, 1), (beside, 1)])
    assert sorted(members for _, _, members in together) == [[0, 2], [1]]
    around = next(window for window, _, members in together if members == [0, 2])
    assert around == Window(20, 20, 330, 340)
    apart = image.cost(near, 1) + image.cost(beside, 1)
    assert image.cost(around, 1) < apart
    # at another fraction of the size they have no pixel in common
    assert len(shared_windows(image, [(near, 1), (beside, 2)])) == 2


def test_damage_is_one_line_or_a_picture_never_a_crash(data: bytes) -> None:
    rng = np.random.default_rng(5)
    window = Window(100, 100, 300, 300)
    said = []
    for turn in range(150):
        broken = bytearray(data)
        for at in rng.integers(2, len(data) if turn % 2 else 700, 3):
            broken[at] = rng.integers(0, 256)
        reduction = (1, 2, 4)[turn % 3]
        try:
            part = StoredImage(bytes(broken), SIZE).part(window, reduction, PartDecoder())
        except KincapError as error:
            said.append(str(error))
        else:
            assert part.image.shape[2] == 3
    assert 0 < len(said) < 150
    assert not any("\n" in line for line in said)
