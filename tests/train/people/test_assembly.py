"""People assembled from maps: of true maps the people themselves come back."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

from kincap.core.skeleton import KEYPOINTS_13
from kincap.train.people.assembly import AssembledPeople, AssemblySettings, assemble
from kincap.train.people.targets import SIGMA_PX, joint_maps, limb_maps

Poses = npt.NDArray[np.float32]

PAIRS = KEYPOINTS_13.bone_indices
HEIGHT, WIDTH = 46, 54

STANDING = np.array(
    [[0, -80], [-18, -50], [-24, -22], [-26, 6], [18, -50], [24, -22], [26, 6]]
    + [[-12, 10], [-13, 46], [-14, 84], [12, 10], [13, 46], [14, 84]],
    dtype=np.float32,
)


def people_at(*places: tuple[float, float], size: float = 1.0) -> Poses:
    return np.stack([STANDING * size + np.array(place, dtype=np.float32) for place in places])


def maps_of(
    poses: Poses, labelled: npt.NDArray[np.bool_] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    there = np.ones(poses.shape[:2], dtype=bool) if labelled is None else labelled
    batch = torch.from_numpy(poses)[None], torch.from_numpy(there)[None]
    joints = joint_maps(*batch, HEIGHT, WIDTH)[0]
    limbs = limb_maps(*batch, PAIRS, HEIGHT, WIDTH)[0]
    return joints.numpy(), limbs.numpy()


def nearest(found: AssembledPeople, truth: Poses) -> Poses:
    """Return the found pose that is nearest to each true one."""
    far = np.abs(found.keypoints_px[None] - truth[:, None])
    return found.keypoints_px[np.nanmean(far, axis=(2, 3)).argmin(axis=1)]


@pytest.mark.parametrize("count", [1, 2, 6])
def test_true_maps_give_the_people_back(count: int) -> None:
    poses = people_at(*((40 + 68.5 * k, 180.2 + 7 * k) for k in range(count)))
    found = assemble(*maps_of(poses), PAIRS)
    assert found.keypoints_px.shape == (count, 13, 2)
    assert np.abs(nearest(found, poses) - poses).max() < 1.0
    assert found.confidence.min() > 0.5
    assert found.score.min() > 0.8


def test_people_who_overlap_keep_their_own_limbs() -> None:
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(40):
        first, second = people_at((200, 180), (245, 183))
        poses = np.stack([first, second]) + rng.uniform(-6, 6, (2, 13, 2)).astype(np.float32)
        found = assemble(*maps_of(poses), PAIRS)
        wrong += len(found.score) != 2 or np.abs(nearest(found, poses) - poses).max() > 4
    assert wrong <= 2


def test_joints_that_are_not_in_the_maps_are_missing_in_the_person() -> None:
    labelled = np.ones((1, 13), dtype=bool)
    labelled[0, [3, 9]] = False
    found = assemble(*maps_of(people_at((200, 180)), labelled), PAIRS)
    assert np.isnan(found.keypoints_px[0, [3, 9]]).all()
    assert (found.confidence[0, [3, 9]] == 0).all()
    assert np.isfinite(np.delete(found.keypoints_px[0], [3, 9], axis=0)).all()


@pytest.mark.parametrize(("joints", "people"), [(3, 0), (4, 1)])
def test_a_person_needs_four_joints(joints: int, people: int) -> None:
    labelled = np.zeros((1, 13), dtype=bool)
    labelled[0, [1, 2, 3, 7][:joints]] = True
    found = assemble(*maps_of(people_at((200, 180)), labelled), PAIRS)
    assert len(found.score) == people


def test_weak_maps_are_nobody() -> None:
    joints, limbs = maps_of(people_at((200, 180)))
    assert len(assemble(joints * np.float32(0.35), limbs * np.float32(0.35), PAIRS).score) == 0
    assert len(assemble(np.zeros_like(joints), np.zeros_like(limbs), PAIRS).score) == 0
    few = AssemblySettings(least_score=0.2)
    weak = assemble(joints * np.float32(0.35), limbs * np.float32(0.35), PAIRS, few)
    assert len(weak.score) == 1


def test_a_plateau_is_one_peak_and_noise_adds_none() -> None:
    joints, limbs = maps_of(people_at((200, 180)))
    assert len(assemble(np.minimum(joints, np.float32(0.6)), limbs, PAIRS).score) == 1
    noise = np.random.default_rng(0).uniform(-0.05, 0.05, joints.shape).astype(np.float32)
    assert len(assemble(joints + noise, limbs, PAIRS).score) == 1


def test_a_joint_map_is_the_formula() -> None:
    poses = people_at((200, 180), (230, 180))
    joints, _ = maps_of(poses)
    y, x = 20, 27
    centre = np.array([x, y]) * 8 + 3.5
    squared = ((poses[:, 4] - centre) ** 2).sum(axis=1)
    assert joints[4, y, x] == pytest.approx(np.exp(-squared / SIGMA_PX**2).max(), rel=1e-5)
    assert joints[13, y, x] == pytest.approx(1 - joints[:13, y, x].max(), abs=1e-6)


def test_a_limb_map_points_along_the_limb_and_is_the_mean_where_two_meet() -> None:
    poses = np.zeros((2, 13, 2), dtype=np.float32)
    labelled = np.zeros((2, 13), dtype=bool)
    limb = PAIRS.index((1, 2))
    labelled[:, [1, 2]] = True
    poses[0, 1], poses[0, 2] = (100, 100), (200, 100)
    poses[1, 1], poses[1, 2] = (150, 50), (150, 150)
    _, limbs = maps_of(poses, labelled)
    x, y = limbs[2 * limb], limbs[2 * limb + 1]
    assert (x[12, 14], y[12, 14]) == (1, 0)  # centre (115.5, 99.5): on the first alone
    assert (x[8, 18], y[8, 18]) == (0, 1)  # (147.5, 67.5): on the second alone
    assert (x[12, 18], y[12, 18]) == (0.5, 0.5)  # (147.5, 99.5): on both
    assert not x[11, 14]  # (115.5, 91.5): 8.5 pixels from the first
    assert not x[14].any()
    assert not np.delete(limbs, [2 * limb, 2 * limb + 1], axis=0).any()
