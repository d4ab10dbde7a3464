"""Changed copies: pictures and keypoints go the same way, left and right change names."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from kincap.core.skeleton import KEYPOINT
from kincap.train.augment import AugmentSettings
from kincap.train.augment import augment as augment_batch
from kincap.train.batch_random import BatchRandom
from kincap.train.batch_source import WHOLE, Batch, RankRows
from kincap.train.mirror import mirror_images, mirror_targets
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


def augment(
    images: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    settings: AugmentSettings,
    seed: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the changed copies of a batch, images (B, S, S, 3)."""
    batch = Batch(*(torch.from_numpy(array) for array in (images, targets, weight)))
    changed = augment_batch(batch, settings, _random(seed, len(images)))
    return (
        changed.images.permute(0, 2, 3, 1).numpy(),
        changed.targets.numpy(),
        changed.weight.numpy(),
    )


def _random(seed: int, count: int, part: RankRows = WHOLE) -> BatchRandom:
    return BatchRandom(seed, 0, count, torch.device("cpu"), part)


@pytest.mark.parametrize("settings", [AugmentSettings(mirror=1.0), STRONG])
def test_a_spot_stays_under_its_keypoint(settings: AugmentSettings) -> None:
    images, targets, weight = _crosses(40, 3)
    changed, moved, _ = augment(images, targets, weight, settings, 5)
    for image, target in zip(changed, moved, strict=True):
        assert np.abs(_centre(image) - target[0]).max() * SIZE < 0.25


def test_a_margin_shows_what_is_around_the_crop() -> None:
    """A copy of a crop with its margin is the same window of the whole image, and never black."""
    rng = np.random.default_rng(0)
    fine = torch.from_numpy(rng.uniform(60, 255, (40, 3, 6, 6)).astype(np.float32))
    whole = torch.nn.functional.interpolate(fine, size=(96, 96), mode="bicubic")
    wide = whole.clamp(50, 255).byte().permute(0, 2, 3, 1)
    targets = torch.from_numpy(rng.uniform(0.2, 0.8, (40, 13, 2)).astype(np.float32))
    weight = torch.ones(40, 13)
    only = AugmentSettings(mirror=0.5, scale=1.25, shift=0.12)
    changed = augment_batch(Batch(wide, targets, weight), only, _random(1, 40), size=SIZE)
    assert changed.images.shape == (40, 3, SIZE, SIZE)
    assert changed.images.min() >= 49
    sides = (changed.targets.amax(1) - changed.targets.amin(1)) / (
        targets.amax(1) - targets.amin(1)
    )
    assert 0.79 < sides.min() < 0.9
    assert 1.1 < sides.max() < 1.26
    # the pixel under each keypoint is the one that was there
    for n in range(40):
        flip = [0, 4, 5, 6, 1, 2, 3, 10, 11, 12, 7, 8, 9]
        given = (targets[n] * SIZE + 16 - 0.5).round().long()
        now = (changed.targets[n] * SIZE - 0.5).round().long()
        for k in range(13):
            if not ((now[k] >= 0) & (now[k] < SIZE)).all():
                continue
            ways = [given[k], given[flip[k]]]
            there = changed.images[n, :, now[k][1], now[k][0]]
            nearest = min(float((wide[n, y, x] - there).abs().max()) for x, y in ways)
            assert nearest < 40


def test_without_a_margin_copies_can_stay_inside_the_image() -> None:
    images = np.full((60, SIZE, SIZE, 3), 200, dtype=np.uint8)
    targets = np.full((60, 13, 2), 0.5, dtype=np.float32)
    weight = np.ones((60, 13), dtype=np.float32)
    strong = AugmentSettings(scale=1.25, shift=0.12)
    changed, _, _ = augment(images, targets, weight, strong, 2)
    assert changed.min() == 0
    changed, moved, _ = augment(images, targets, weight, replace(strong, stay_inside=True), 2)
    assert changed.min() > 99  # the outer half pixel is mixed with black
    assert np.abs(moved - 0.5).max() > 0.05


def test_mirroring_twice_is_the_picture_itself() -> None:
    images, targets, _ = _crosses(3, 1)
    np.testing.assert_array_equal(mirror_images(mirror_images(images)), images)
    np.testing.assert_allclose(mirror_targets(mirror_targets(targets)), targets, atol=1e-7)


def test_mirroring_exchanges_the_sides_and_their_weights() -> None:
    images, targets, weight = _crosses(2, 1)
    weight[:, KEYPOINT["l_wrist"]] = 0
    _, moved, kept = augment(images, targets, weight, AugmentSettings(mirror=1.0), 0)
    np.testing.assert_allclose(
        moved[:, KEYPOINT["r_wrist"], 0], 1 - targets[:, KEYPOINT["l_wrist"], 0], atol=1e-6
    )
    np.testing.assert_array_equal(kept[:, KEYPOINT["r_wrist"]], 0)
    np.testing.assert_array_equal(kept[:, KEYPOINT["l_wrist"]], 1)


def test_half_of_the_copies_are_mirrored_and_the_rest_untouched_by_default() -> None:
    images, targets, weight = _crosses(400, 2)
    changed, moved, _ = augment(images, targets, weight, AugmentSettings(), 1)
    same = (moved == targets).all(axis=(1, 2))
    assert 160 < same.sum() < 240
    np.testing.assert_array_equal(changed[same], images[same])
    np.testing.assert_array_equal(changed[~same], mirror_images(images[~same]))


def test_colours_change_and_places_do_not() -> None:
    images, targets, weight = _crosses(20, 2)
    images[..., 0] //= 2
    only = AugmentSettings(mirror=0, gain=0.25, shuffle=1.0)
    changed, moved, _ = augment(images, targets, weight, only, 1)
    np.testing.assert_array_equal(moved, targets)
    np.testing.assert_array_equal(changed.any(axis=3), images.any(axis=3))
    assert any((a != b).any() for a, b in zip(changed, images, strict=True))


def test_the_batch_itself_is_left_as_it_is() -> None:
    batch = _crosses(8, 4)
    before = [array.copy() for array in batch]
    augment(*batch, STRONG, 0)
    for now, then in zip(batch, before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_each_process_changes_its_rows_as_one_process_would() -> None:
    batch = Batch(*(torch.from_numpy(array) for array in _crosses(8, 4)))
    whole = augment_batch(batch, STRONG, _random(3, 8))
    for rank in range(2):
        part = RankRows(rank, 2)
        rows = part.rows(8)
        mine = Batch(*(t[rows] for t in batch[:3]))
        own = augment_batch(mine, STRONG, _random(3, 8, part))
        for found, wanted in zip(own[:3], whole[:3], strict=True):
            torch.testing.assert_close(found, wanted[rows])
