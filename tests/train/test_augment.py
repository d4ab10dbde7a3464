"""Changed copies: pictures and keypoints go the same way, left and right change names."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.skeleton import KEYPOINT
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.augment import AugmentSettings
from kincap.train.augment import augment as augment_batch
from kincap.train.batch_random import BatchRandom
from kincap.train.batch_source import WHOLE, Batch, RankRows
from kincap.train.data import load_samples
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
    every = replace(STRONG, half_body=0.3, patches=0.5)
    whole = augment_batch(batch, every, _random(3, 8))
    for rank in range(2):
        part = RankRows(rank, 2)
        rows = part.rows(8)
        mine = Batch(*(t[rows] for t in batch[:3]))
        own = augment_batch(mine, every, _random(3, 8, part))
        for found, wanted in zip(own[:3], whole[:3], strict=True):
            torch.testing.assert_close(found, wanted[rows])


def test_half_bodies_show_one_half_larger_and_spots_stay_under_keypoints() -> None:
    images, targets, weight = _crosses(60, 7)
    rng = np.random.default_rng(0)
    lower = [KEYPOINT[f"{side}_{name}"] for side in "rl" for name in ("hip", "knee", "ankle")]
    upper = [k for k in range(13) if k not in lower]
    targets[:, upper, 1] = rng.uniform(0.2, 0.45, (60, 7))
    targets[:, lower, 1] = rng.uniform(0.55, 0.8, (60, 6))
    images[:] = 0
    for image, target in zip(images, targets, strict=True):
        column, row = (target[0] * SIZE - 0.5).round().astype(int)
        image[row - 1 : row + 2, column - 1 : column + 2] = 250
        target[0] = (np.array([column, row]) + 0.5) / SIZE
    weight[:10, lower[:4]] = weight[:10, upper[1:6]] = 0  # too few are labelled
    settings = AugmentSettings(mirror=0, rotation_deg=10, scale=1.25, shift=0.12, half_body=1.0)
    changed, moved, kept = augment(images, targets, weight, settings, 3)
    assert (kept[:10] == weight[:10]).all()
    halves = 0
    for n in range(10, 60):
        inside = ((moved[n] > 0) & (moved[n] < 1)).all(axis=1)
        assert (kept[n].astype(bool) == inside).all()
        halves += inside[upper].all() != inside[lower].all()
        if (np.abs(moved[n, 0] - 0.5) < 0.4).all():
            assert np.abs(_centre(changed[n]) - moved[n, 0]).max() * SIZE < 0.5
    assert halves > 40


def test_patches_cover_some_pixels_and_no_label_changes() -> None:
    images, targets, weight = _crosses(200, 2)
    images[:] = 77
    only = AugmentSettings(mirror=0, patches=0.5)
    changed, moved, kept = augment(images, targets, weight, only, 1)
    np.testing.assert_array_equal(moved, targets)
    np.testing.assert_array_equal(kept, weight)
    covered = (changed != 77).any(axis=3).mean(axis=(1, 2))
    assert 60 < (covered > 0).sum() < 140
    assert covered.max() < 3 * 0.3**2 + 0.05
    assert covered[covered > 0].mean() > 0.03


def test_clothes_are_dyed_on_limbs_and_torso_alone() -> None:
    _, targets, weight = _crosses(30, 2)
    at = {"shoulder": 0.3, "elbow": 0.45, "wrist": 0.55, "hip": 0.55, "knee": 0.7, "ankle": 0.85}
    for name, y in at.items():
        targets[:, KEYPOINT[f"r_{name}"]], targets[:, KEYPOINT[f"l_{name}"]] = (0.4, y), (0.6, y)
    targets[:, 0] = (0.5, 0.12)
    images = np.full((30, SIZE, SIZE, 3), 110, dtype=np.uint8)
    weight[:5, KEYPOINT["l_hip"]] = 0  # no whole torso: left as it is
    only = AugmentSettings(mirror=0, clothing=1.0)
    changed, moved, _ = augment(images, targets, weight, only, 1)
    np.testing.assert_array_equal(moved, targets)
    dyed = (np.abs(changed - 110) > 1).any(axis=3)
    assert not dyed[:5].any()
    assert not dyed[:, :, : SIZE // 4].any()
    assert not dyed[:, : SIZE // 5].any()
    chest, shin = (slice(5, None), 26, SIZE // 2), (slice(5, None), 50, 25)
    assert dyed[chest].all()
    assert dyed[shin].all()
    assert np.abs(changed[chest] - changed[shin]).max(axis=1).min() > 1, "two garments"
    stripes = np.where(np.arange(SIZE)[:, None, None] % 2 == 0, 60, 120).astype(np.uint8)
    folds, _, _ = augment(images * 0 + stripes, targets, weight, only, 1)
    assert (folds[5:, 26, SIZE // 2].mean(axis=1) < folds[5:, 27, SIZE // 2].mean(axis=1)).all()


def test_another_background_leaves_the_person_and_needs_a_mask() -> None:
    images, targets, weight = _crosses(40, 2)
    images[:] = np.random.default_rng(0).integers(0, 256, images.shape)
    mask = np.zeros((40, SIZE, SIZE, 1), dtype=np.uint8)
    mask[:, 10:50, 20:40] = 255
    mask[:4] = 0
    only = AugmentSettings(mirror=0, background=1.0)
    changed, moved, _ = augment(np.concatenate([images, mask], 3), targets, weight, only, 1)
    assert changed.shape == images.shape
    np.testing.assert_array_equal(moved, targets)
    np.testing.assert_array_equal(changed[:, 10:50, 20:40], images[:, 10:50, 20:40])
    np.testing.assert_array_equal(changed[:4], images[:4])
    outside = np.ones((SIZE, SIZE), dtype=bool)
    outside[10:50, 20:40] = False
    assert (changed != images).any(axis=3)[4:, outside].mean(axis=1).min() > 0.95
    same, _, _ = augment(images, targets, weight, only, 1)
    np.testing.assert_array_equal(same, images)


def test_the_light_end_moves_boxes_and_changes_no_colour() -> None:
    strong = replace(STRONG, half_body=0.3, background=0.5, patches=0.5)
    assert strong.light == replace(STRONG, gain=0.0, shuffle=0.0, clothing=0.0)


def test_a_forearm_turns_about_the_elbow_with_its_pixels_and_its_wrist() -> None:
    _, targets, weight = _crosses(40, 2)
    at = {"shoulder": 0.3, "elbow": 0.4, "wrist": 0.5, "hip": 0.55, "knee": 0.7, "ankle": 0.85}
    for name, y in at.items():
        targets[:, KEYPOINT[f"r_{name}"]], targets[:, KEYPOINT[f"l_{name}"]] = (0.42, y), (0.58, y)
    targets[:, 0] = (0.5, 0.15)
    for side, x in (("r", 0.25), ("l", 0.75)):
        targets[:, KEYPOINT[f"{side}_elbow"]] = (x, 0.4)
        targets[:, KEYPOINT[f"{side}_wrist"]] = (2 * x - 0.5 + 0.1 * np.sign(0.5 - x), 0.4)
    targets[20:, KEYPOINT["r_wrist"]] = targets[20:, KEYPOINT["l_wrist"]] = (0.5, 0.45)  # in front
    picture = np.full((SIZE, SIZE, 4), (50, 50, 50, 0), dtype=np.uint8)
    picture[12:56, 24:40] = (100, 100, 100, 255)
    for x in (slice(2, 24), slice(40, 62)):
        picture[23:29, x] = (200, 0, 0, 255)
    images = np.repeat(picture[None], 40, axis=0)
    only = AugmentSettings(mirror=0, forearm=1.0)
    changed, moved, _ = augment(images, targets, weight, only, 1)
    np.testing.assert_array_equal(changed[20:], images[20:, ..., :3])
    np.testing.assert_array_equal(moved[20:], targets[20:])
    turned = 0
    for n in range(20):
        (k,) = np.flatnonzero((moved[n] != targets[n]).any(axis=1)).tolist() or [None]
        if k is None:
            continue
        elbow = targets[n, k - 1]
        angle, before = (np.arctan2(*(p[n, k] - elbow)[::-1]) for p in (moved, targets))
        assert np.hypot(*(moved[n, k] - elbow)) == pytest.approx(
            np.hypot(*(targets[n, k] - elbow)), abs=1e-5
        )
        if abs(np.angle(np.exp(1j * (angle - before)))) < 0.5:
            continue
        turned += 1
        (c, r), (old_c, old_r) = (
            (p * SIZE - 0.5).round().astype(int) for p in (moved[n, k], targets[n, k])
        )
        assert changed[n, r, c] == pytest.approx([200, 0, 0], abs=25), "the hand is at its wrist"
        assert changed[n, old_r, old_c] == pytest.approx([50, 50, 50], abs=25), "and not behind it"
        np.testing.assert_array_equal(changed[n, 40:, 28:36], images[n, 40:, 28:36, :3])
    assert turned > 5


def test_masks_of_a_net_are_the_fourth_channel_of_the_same_rows(figures_h5: Path) -> None:
    with open_kinect13(figures_h5) as dataset:
        samples = load_samples(dataset, "val", 32)
        masked = samples.with_masks(lambda image: (image.max(axis=2) > 200).astype(np.float32))
        rows = np.array([7, 3, 3, 59])
        images, plain = masked.images(rows), samples.images(rows)
    np.testing.assert_array_equal(images[..., :3], plain)
    np.testing.assert_array_equal(images[..., 3], 255 * (plain.max(axis=3) > 200))
    assert 0 < images[..., 3].mean() < 255
