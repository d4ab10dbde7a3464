"""Squares round joints: what they show, and where their targets are."""

import cv2
import numpy as np
import pytest
import torch

from kincap.core.skeleton import KEYPOINT, KEYPOINTS_13
from kincap.train.augment import AugmentSettings, augment
from kincap.train.batch_random import BatchRandom
from kincap.train.batch_source import RankRows
from kincap.train.cascade.batches import StageBatches
from kincap.train.cascade.displacements import Displacements, measure_displacements
from kincap.train.cascade.net import BLACK, area_weights, cut_squares, torso_diameter
from kincap.train.data import Samples

VIEW = 96


@pytest.fixture
def dots() -> Samples:
    """Return crops of people who are a white dot for each keypoint and nothing else."""
    rng = np.random.default_rng(4)
    targets = rng.uniform(0.1, 0.9, (6, 13, 2)).astype(np.float32)
    rows, columns = np.mgrid[:VIEW, :VIEW]
    images = np.zeros((6, 13, VIEW, VIEW), np.uint8)
    for n, pose in enumerate(targets):
        for k, (x, y) in enumerate(pose * VIEW - 0.5):
            images[n, k] = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)

    return Samples(
        "train", lambda _: pytest.fail("each joint has images of its own"), targets,
        np.ones((6, 13), np.float32), np.full((6, 13), 2, np.uint8), np.zeros((6, 4)),
    ), images  # fmt: skip


def test_a_square_shows_what_is_there_and_black_beyond_the_crop() -> None:
    pixels = torch.randn(2, 3, 32, 32)
    middle = torch.tensor([[[0.5, 0.5]], [[0.5, 0.5]]])
    whole = cut_squares(pixels, middle, torch.ones(2), 32, 1)
    torch.testing.assert_close(whole, pixels, atol=1e-5, rtol=0)
    half = cut_squares(pixels, middle, torch.full((2,), 0.5), 16, 1)
    torch.testing.assert_close(half, pixels[:, :, 8:24, 8:24], atol=1e-5, rtol=0)
    coarse = cut_squares(pixels, middle, torch.ones(2), 16, 2)
    means = torch.nn.functional.avg_pool2d(pixels, 2)
    torch.testing.assert_close(coarse, means, atol=1e-5, rtol=0)
    corner = cut_squares(pixels, torch.zeros(2, 1, 2), torch.ones(2), 32, 1)
    torch.testing.assert_close(corner[:, :, 16:, 16:], pixels[:, :, :16, :16], atol=1e-5, rtol=0)
    assert torch.allclose(corner[:, :, :15], torch.tensor(BLACK))


@pytest.mark.parametrize(("view", "size"), [(224, 96), (96, 64), (64, 64), (224, 220)])
def test_the_first_stage_sees_the_crop_as_training_resized_it(view: int, size: int) -> None:
    image = np.random.default_rng(1).random((view, view)).astype(np.float32)
    weights = area_weights(view, size).numpy()
    wanted = cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(weights @ image @ weights.T, wanted, atol=1e-5)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_the_target_of_a_square_is_where_its_joint_is_seen(
    dots: tuple[Samples, np.ndarray], mirror: float
) -> None:
    samples, images = dots
    errors = Displacements(np.full((13, 2), 0.05), np.tile(np.eye(2) * 0.02, (13, 1, 1)))
    size, seen = 48, 0
    for joint in (KEYPOINT["head"], KEYPOINT["r_wrist"], KEYPOINT["l_knee"]):
        # only this joint is drawn and only this joint is sampled
        own = Samples(
            "train", lambda rows, k=joint: np.repeat(images[rows, k][..., None], 3, 3),
            samples.targets, np.eye(13, dtype=np.float32)[[joint] * 6],
            samples.visibility, samples.bbox_xyxy_px,
        )  # fmt: skip
        source = StageBatches(own, VIEW, errors, 1.2, size, 64, seed=3)
        assert len(source) == 6
        batch = augment(
            source.batch(2), AugmentSettings(mirror=mirror),
            BatchRandom(0, 0, 6, torch.device("cpu")), KEYPOINTS_13, size,
        )  # fmt: skip
        named = KEYPOINTS_13.flip[joint] if mirror else joint
        assert batch.weight[:, named].eq(1).all()
        assert batch.weight.sum() == 6
        for picture, target in zip(batch.images[:, 0], batch.targets[:, named], strict=True):
            if not ((target > 0.1) & (target < 0.9)).all():
                continue
            seen += 1
            grid = (torch.arange(size) + 0.5) / size
            share = picture.clamp(min=20) - 20
            share = share / share.sum()
            found = torch.stack([(share.sum(0) * grid).sum(), (share.sum(1) * grid).sum()])
            assert (found - target).abs().max() < 0.5 / size
    assert seen >= 12


def test_a_batch_is_that_of_its_step_and_parts_are_parts_of_it(
    dots: tuple[Samples, np.ndarray],
) -> None:
    samples, images = dots
    own = Samples(
        "train", lambda rows: np.repeat(images[rows].max(axis=1)[..., None], 3, 3),
        samples.targets, samples.weight, samples.visibility, samples.bbox_xyxy_px,
    )  # fmt: skip
    errors = Displacements(np.zeros((13, 2)), np.tile(np.eye(2) * 0.02, (13, 1, 1)))
    one, two = (StageBatches(own, VIEW, errors, 1.0, 32, 8, seed=5) for _ in range(2))
    one.batch(0)
    for field in ("images", "targets", "weight"):
        assert torch.equal(getattr(one.batch(4), field), getattr(two.batch(4), field))
    assert not torch.equal(one.batch(4).targets, one.batch(5).targets)
    parts = [one.batch(4, RankRows(rank, 2)).targets for rank in range(2)]
    assert torch.equal(torch.cat(parts), one.batch(4).targets)


def test_displacements_are_those_of_the_poses_and_are_drawn_alike() -> None:
    rng = np.random.default_rng(0)
    targets = rng.uniform(0.2, 0.8, (4000, 13, 2)).astype(np.float32)
    weight = (rng.random((4000, 13)) < 0.9).astype(np.float32)
    torso = torso_diameter(
        torch.from_numpy(targets), KEYPOINTS_13, torch.from_numpy(weight > 0)
    ).numpy()
    wanted = np.array([[0.02, 0.012], [0.012, 0.03]])
    moved = rng.multivariate_normal((0.1, -0.2), wanted, (4000, 13))
    poses = (targets + moved * torso[:, None, None]).astype(np.float32)
    poses[weight == 0] = 1e6  # what is not labelled must not matter
    found = measure_displacements(poses, targets, weight, KEYPOINTS_13, full=True)
    np.testing.assert_allclose(found.mean, np.tile([0.1, -0.2], (13, 1)), atol=0.015)
    np.testing.assert_allclose(found.covariance, np.tile(wanted, (13, 1, 1)), atol=0.003)
    plain = measure_displacements(poses, targets, weight, KEYPOINTS_13)
    assert not plain.covariance[:, 0, 1].any()
    drawn = found.draw(np.full(20_000, 5), rng)
    np.testing.assert_allclose(drawn.mean(axis=0), found.mean[5], atol=0.01)
    np.testing.assert_allclose(np.cov(drawn.T), found.covariance[5], atol=0.002)


def test_the_torso_is_that_of_pdj_then_the_other_diagonal_then_half_the_crop() -> None:
    pose = torch.zeros(3, 13, 2)
    pose[:, KEYPOINT["l_shoulder"]] = torch.tensor([0.3, 0.4])
    pose[:, KEYPOINT["r_shoulder"]] = torch.tensor([0.6, 0.8])
    known = torch.ones(3, 13, dtype=torch.bool)
    known[1, KEYPOINT["r_hip"]] = False
    known[2, [KEYPOINT["r_hip"], KEYPOINT["l_hip"]]] = False
    found = torso_diameter(pose, KEYPOINTS_13, known)
    torch.testing.assert_close(found, torch.tensor([0.5, 1.0, 0.5]))
