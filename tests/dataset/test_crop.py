"""What is cut out of a picture lies where geometry says."""

import numpy as np
import pytest

from kincap.core.geometry import image_to_crop, snapped_xyxy, unmirror_points
from kincap.dataset.crop import cut_crop

WIDTH, HEIGHT = 640, 360


def cross(x: float, y: float, spread: float) -> np.ndarray:
    """(H, W, 3): a soft cross whose centre is not at a whole pixel."""
    columns, rows = np.arange(WIDTH), np.arange(HEIGHT)
    near_x, near_y = (np.exp(-(((a - b) / spread) ** 2)) for a, b in ((columns, x), (rows, y)))
    long_x = np.exp(-(((columns - x) / (4 * spread)) ** 4))
    long_y = np.exp(-(((rows - y) / (4 * spread)) ** 4))
    both = np.maximum(near_y[:, None] * long_x[None], long_y[:, None] * near_x[None])
    return np.repeat(np.round(255 * both).astype(np.uint8)[..., None], 3, axis=2)


def center(crop: np.ndarray) -> np.ndarray:
    """Centre of gravity of a crop, u and v."""
    weight = crop[..., 0].astype(float)
    rows, columns = np.indices(weight.shape)
    return np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("side", [56, 112, 113, 224, 301])
def test_a_drawn_cross_survives_within_half_a_pixel(side: int, mirrored: bool) -> None:
    rng = np.random.default_rng(side)
    for _ in range(4):
        point = rng.uniform((200, 100), (440, 260))
        place = np.array([*(point - side * rng.uniform(0.35, 0.65, 2)).round(), side]).astype(int)
        stored = unmirror_points(point, WIDTH) if mirrored else point
        image = cross(*stored, spread=max(1.5, side / 80))
        crop = cut_crop(image, place, mirrored, 112)
        expected = image_to_crop(point[None], snapped_xyxy(place), 112)[0]
        assert np.abs(center(crop) - expected).max() < 0.5


def test_the_same_size_is_copied_and_unmirrored() -> None:
    image = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    place = np.array([30, 40, 64])
    assert np.array_equal(cut_crop(image, place, False, 64), image[40:104, 30:94])
    turned = image[:, ::-1]
    assert np.array_equal(cut_crop(image, place, True, 64), turned[40:104, 30:94])


@pytest.mark.parametrize("mirrored", [False, True])
def test_outside_of_the_picture_is_black(mirrored: bool) -> None:
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    crop = cut_crop(image, np.array([-16, HEIGHT - 48, 64]), mirrored, 64)
    assert (crop[:48, 16:] == 255).all()
    assert (crop[48:] == 0).all()
    assert (crop[:, :16] == 0).all()


def test_a_box_beside_the_picture_is_all_black() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    assert not cut_crop(image, np.array([WIDTH + 5, 0, 64]), False, 32).any()


def test_the_picture_is_left_alone() -> None:
    image = np.full((HEIGHT, WIDTH, 3), 7, np.uint8)
    cut_crop(image, np.array([-10, -10, 200]), True, 64)
    assert (image == 7).all()
