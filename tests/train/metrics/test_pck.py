"""PCK and the median error, against a slow version that follows the definition word by word."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from kincap.core.skeleton import GROUPS, KEYPOINT, KEYPOINT_NAMES
from kincap.train.metrics.pck import error_torso, score

Poses = npt.NDArray[np.float64]

# Linna, Kannala and Rahtu 2016: head, wrist, elbow, shoulder, hip, knee, ankle, all
PUBLISHED = {
    "general, mean pose": (31.1, 18.9, 8.5, 11.8, 10.0, 40.8, 33.5, 21.4),
    "general, pretrain": (84.2, 41.6, 60.5, 76.9, 72.8, 62.6, 53.7, 63.1),
    "general, full": (77.5, 22.2, 42.9, 49.8, 52.5, 42.6, 38.6, 44.2),
    "use case, pretrain": (86.1, 24.5, 64.1, 86.8, 88.0, 82.5, 64.0, 69.6),
    "use case, phase1": (95.3, 67.4, 87.3, 98.4, 96.3, 96.4, 95.5, 90.6),
    "use case, phase2": (99.6, 88.1, 95.6, 99.9, 97.3, 98.5, 98.5, 96.6),
    "use case, full": (99.3, 89.2, 95.9, 99.7, 97.6, 98.5, 98.6, 96.8),
}


def _people(count: int, seed: int) -> Poses:
    return np.random.default_rng(seed).uniform(0, 400, (count, 13, 2))


def _slow_pck(pred: Poses, truth: Poses, counted: Poses, a: float) -> dict[str, float | None]:
    """Count one keypoint after the other."""
    right = dict.fromkeys([*GROUPS, "all"], 0)
    seen = dict.fromkeys([*GROUPS, "all"], 0)
    shoulder, hip = KEYPOINT["r_shoulder"], KEYPOINT["l_hip"]
    for i in range(len(truth)):
        if not (counted[i][shoulder] and counted[i][hip]):
            continue
        torso = math.dist(truth[i][shoulder], truth[i][hip])
        if torso == 0:
            continue
        for k, name in enumerate(KEYPOINT_NAMES):
            if not counted[i][k]:
                continue
            is_right = math.dist(pred[i][k], truth[i][k]) <= a * torso
            for group in (name.split("_")[-1], "all"):
                seen[group] += 1
                right[group] += is_right
    return {g: 100 * right[g] / seen[g] if seen[g] else None for g in seen}


@pytest.mark.parametrize("seed", range(5))
def test_pck_equals_the_slow_count(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = _people(60, seed)
    pred = truth + rng.normal(0, 25, truth.shape)
    pred[rng.random((60, 13)) < 0.05] = np.nan
    counted = rng.random((60, 13)) < 0.85
    truth[3, KEYPOINT["r_shoulder"]] = truth[3, KEYPOINT["l_hip"]]
    counted[3] = True
    found = score(pred, truth, counted)
    for a in (0.2, 0.1, 0.05):
        assert found.pck[f"{a:g}"] == pytest.approx(_slow_pck(pred, truth, counted, a))
    ends = counted[:, [KEYPOINT["r_shoulder"], KEYPOINT["l_hip"]]].all(axis=1)
    assert found.skipped == 60 - ends.sum() + 1
    assert found.frames == 60 - found.skipped


@pytest.mark.parametrize("row", PUBLISHED)
def test_all_pools_keypoints_as_the_published_rows_do(row: str) -> None:
    *groups, published = PUBLISHED[row]
    truth = _people(1000, 0)
    torso = np.hypot(*(truth[:, KEYPOINT["r_shoulder"]] - truth[:, KEYPOINT["l_hip"]]).T)
    pred = truth.copy()
    for share, keypoints in zip(groups, GROUPS.values(), strict=True):
        wrong = round(1000 * (1 - share / 100))
        for k in keypoints:
            pred[:wrong, k, 0] += 0.5 * torso[:wrong]
    found = score(pred, truth, np.ones((1000, 13)))
    assert [found.pck["0.2"][g] for g in GROUPS] == pytest.approx(groups)
    assert found.pck["0.2"]["all"] == pytest.approx(published, abs=0.1)


def _one_person() -> Poses:
    """Return a person with a torso of exactly 100 px."""
    truth = np.tile([[200.0, 200.0]], (13, 1))
    truth[KEYPOINT["r_shoulder"]] = (100, 100)
    truth[KEYPOINT["l_hip"]] = (160, 180)
    return truth[None]


def test_a_distance_of_exactly_the_threshold_is_right() -> None:
    truth = _one_person()
    pred = truth + (12.0, 16.0)  # exactly 20 px away
    found = score(pred, truth, np.ones((1, 13)))
    assert found.pck["0.2"]["all"] == 100
    assert found.pck["0.1"]["all"] == 0
    assert found.median_error_torso == pytest.approx(20)
    assert score(pred + 1e-9, truth, np.ones((1, 13))).pck["0.2"]["all"] == 0


def test_a_prediction_that_is_no_number_is_wrong() -> None:
    truth = _one_person()
    pred = truth.copy()
    pred[0, KEYPOINT["head"]] = np.nan
    pred[0, KEYPOINT["l_knee"], 0] = np.inf
    found = score(pred, truth, np.ones((1, 13)))
    assert found.pck["0.2"]["head"] == 0
    assert found.pck["0.2"]["knee"] == 50
    assert found.median_error_torso == 0
    assert score(np.full_like(truth, np.nan), truth, np.ones((1, 13))).median_error_torso is None


def test_frames_without_a_torso_are_skipped_and_counted() -> None:
    truth = np.repeat(_one_person(), 3, axis=0)
    counted = np.ones((3, 13), dtype=bool)
    counted[0, KEYPOINT["l_hip"]] = False
    truth[1, KEYPOINT["l_hip"]] = truth[1, KEYPOINT["r_shoulder"]]
    found = score(truth, truth, counted)
    assert (found.frames, found.skipped) == (1, 2)
    assert found.pck["0.2"]["all"] == 100


@pytest.mark.parametrize("frames", [0, 1, 4])
def test_nothing_to_count_gives_no_figure(frames: int) -> None:
    truth = np.full((frames, 13, 2), np.nan)
    found = score(truth, truth, np.zeros((frames, 13)))
    assert found.skipped == frames
    assert found.median_error_torso is None
    assert set(found.pck["0.1"].values()) == {None}


def test_a_group_without_counted_keypoints_is_none_and_the_rest_counts() -> None:
    truth = _one_person()
    counted = np.ones((1, 13), dtype=bool)
    counted[0, list(GROUPS["wrist"])] = False
    found = score(truth, truth, counted)
    assert found.pck["0.2"]["wrist"] is None
    assert found.pck["0.2"]["all"] == 100


def test_the_arguments_are_left_as_they_are() -> None:
    truth, pred = _people(5, 1), _people(5, 2)
    counted = np.ones((5, 13), dtype=bool)
    counted[2] = False
    truth[2] = np.nan
    before = truth.copy(), pred.copy(), counted.copy()
    score(pred, truth, counted)
    for now, then in zip((truth, pred, counted), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_frame_errors_are_means_over_what_is_counted() -> None:
    truth = _one_person()
    pred = truth.copy()
    pred[0, KEYPOINT["head"]] += (0, 26)
    assert error_torso(pred, truth, np.ones((1, 13))) == pytest.approx([2.0])
    assert np.isnan(error_torso(pred, truth, np.zeros((1, 13)))).all()
