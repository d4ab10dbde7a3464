"""Changed copies: pictures and keypoints go the same way, left and right change names."""

import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINT
from kincap.train.augment import AugmentSettings, augment, mirror_images, mirror_targets
from kincap.train.nets.compact import STRONG

SIZE = 64


def _crosses(count: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pictures with one bright spot where the head is, and targets that say so."""
    rng = np.random.default_rng(seed)
    images = np.zeros((count, SIZE, SIZE, 3), dtype=np.uint8)
    targets = rng.uniform(0.2, 0.8, (count, 13, 2)).astype(np.float32)
    for image, target in zip(images, targets, strict=True):
        column, row = rng.integers(20, 44, 2)
        image[row - 1 : row + 2, column - 1 : column + 2] = 250
        target[0] = (np.array([column, row]) + 0.5) / SIZE
    return images, targets, np.ones((count, 13), dtype=np.float32)


def _centre(image: np.ndarray) -> np.ndarray:
    """Return the centre of mass of a picture in crop units."""
    mass = image.sum(axis=2).astype(float)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (np.array([(mass * columns).sum(), (mass * rows).sum()]) / mass.sum() + 0.5) / SIZE


@pytest.mark.parametrize("settings", [AugmentSettings(mirror=1.0), STRONG])
def test_a_spot_stays_under_its_keypoint(settings: AugmentSettings) -> None:
    images, targets, weight = _crosses(40, 3)
    changed, moved, _ = augment(images, targets, weight, settings, np.random.default_rng(5))
    for image, target in zip(changed, moved, strict=True):
        assert np.abs(_centre(image) - target[0]).max() * SIZE < 0.25


def test_mirroring_twice_is_the_picture_itself() -> None:
    images, targets, _ = _crosses(3, 1)
    np.testing.assert_array_equal(mirror_images(mirror_images(images)), images)
    np.testing.assert_allclose(mirror_targets(mirror_targets(targets)), targets, atol=1e-7)


def test_mirroring_exchanges_the_sides_and_their_weights() -> None:
    images, targets, weight = _crosses(2, 1)
    weight[:, KEYPOINT["l_wrist"]] = 0
    _, moved, kept = augment(
        images, targets, weight, AugmentSettings(mirror=1.0), np.random.default_rng(0)
    )
    np.testing.assert_allclose(
        moved[:, KEYPOINT["r_wrist"], 0], 1 - targets[:, KEYPOINT["l_wrist"], 0], atol=1e-6
    )
    np.testing.assert_array_equal(kept[:, KEYPOINT["r_wrist"]], 0)
    np.testing.assert_array_equal(kept[:, KEYPOINT["l_wrist"]], 1)


def test_half_of_the_copies_are_mirrored_and_the_rest_untouched_by_default() -> None:
    images, targets, weight = _crosses(400, 2)
    changed, moved, _ = augment(
        images, targets, weight, AugmentSettings(), np.random.default_rng(1)
    )
    same = (moved == targets).all(axis=(1, 2))
    assert 160 < same.sum() < 240
    np.testing.assert_array_equal(changed[same], images[same])
    np.testing.assert_array_equal(changed[~same], mirror_images(images[~same]))


def test_colours_change_and_places_do_not() -> None:
    images, targets, weight = _crosses(20, 2)
    images[..., 0] //= 2
    only = AugmentSettings(mirror=0, gain=0.25, shuffle=1.0)
    changed, moved, _ = augment(images, targets, weight, only, np.random.default_rng(1))
    np.testing.assert_array_equal(moved, targets)
    np.testing.assert_array_equal(changed.any(axis=3), images.any(axis=3))
    assert any((a != b).any() for a, b in zip(changed, images, strict=True))


def test_the_batch_itself_is_left_as_it_is() -> None:
    batch = _crosses(8, 4)
    before = [array.copy() for array in batch]
    augment(*batch, STRONG, np.random.default_rng(0))
    for now, then in zip(batch, before, strict=True):
        np.testing.assert_array_equal(now, then)
