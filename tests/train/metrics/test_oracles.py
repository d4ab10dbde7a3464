"""PDJ, PCP, PCKi, AUC, the swap rate and OKS AP against slow or independent versions."""

import contextlib
import io
import math
import statistics
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from kincap.core.oks_sigmas import oks_sigmas
from kincap.core.skeleton import KEYPOINT, KEYPOINT_NAMES, KEYPOINTS_13
from kincap.train.metrics.errors import mean_and_median
from kincap.train.metrics.oks import ImagePeople, average_precision
from kincap.train.metrics.pck import area_under_curve, curve, distances, pck, pcki
from kincap.train.metrics.pckh import THRESHOLDS_H, pckh
from kincap.train.metrics.pcp import pcp
from kincap.train.metrics.sides import swap_rate

Poses = npt.NDArray[np.float64]
Known = npt.NDArray[np.bool_]

LIMBS = [
    (f"{side}_{a}", f"{side}_{b}")
    for side in "rl"
    for a, b in (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
]


def _case(seed: int, count: int = 40) -> tuple[Poses, Poses, Known]:
    """Return predictions, the truth and what is counted: with numbers missing on both sides."""
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 400, (count, 13, 2))
    pred = truth + rng.normal(0, rng.uniform(5, 60, (count, 1, 1)), truth.shape)
    pred[rng.random((count, 13)) < 0.04] = np.nan
    counted = rng.random((count, 13)) < 0.85
    truth[~counted] = np.nan
    truth[2] = 7.0
    return pred, truth, counted


def _far(a: Poses, b: Poses) -> float:
    far = math.dist(a, b)
    return far if math.isfinite(far) else math.inf


@pytest.mark.parametrize("seed", range(4))
def test_pdj_is_pck_by_the_other_diagonal(seed: int) -> None:
    pred, truth, counted = _case(seed)
    distance, torso = distances(pred, truth, counted, other_diagonal=True)
    used = counted & ~np.isnan(torso)[:, None]
    found = pck(distance, torso, used, 0.2)["elbow"]
    right = seen = 0
    shoulder, hip = KEYPOINT["l_shoulder"], KEYPOINT["r_hip"]
    for i in range(len(truth)):
        if not (counted[i, shoulder] and counted[i, hip]):
            continue
        length = math.dist(truth[i, shoulder], truth[i, hip])
        for name in ("l_elbow", "r_elbow"):
            k = KEYPOINT[name]
            if length > 0 and counted[i, k]:
                seen += 1
                right += _far(pred[i, k], truth[i, k]) <= 0.2 * length
    assert found == pytest.approx(100 * right / seen)


@pytest.mark.parametrize("loose", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_pcp_equals_the_slow_count(seed: int, loose: bool) -> None:
    pred, truth, counted = _case(seed)
    distance, _ = distances(pred, truth, counted)
    right = seen = 0
    for i in range(len(truth)):
        for first, second in LIMBS:
            a, b = KEYPOINT[first], KEYPOINT[second]
            if not (counted[i, a] and counted[i, b]):
                continue
            length = math.dist(truth[i, a], truth[i, b])
            if length == 0:
                continue
            ends = [_far(pred[i, k], truth[i, k]) for k in (a, b)]
            seen += 1
            right += (sum(ends) / 2 if loose else max(ends)) <= 0.5 * length
    found = pcp(distance, truth, counted, loose=loose)
    assert found["all"] == pytest.approx(100 * right / seen)
    assert set(found) == {"upper_arm", "forearm", "thigh", "shin", "all"}


def test_pcp_at_exactly_half_a_limb_is_right_and_one_good_end_helps_only_the_loose_one() -> None:
    truth = np.zeros((1, 13, 2))
    truth[0, KEYPOINT["r_elbow"]] = (40, 0)
    counted = np.zeros((1, 13), dtype=bool)
    counted[0, [KEYPOINT["r_shoulder"], KEYPOINT["r_elbow"]]] = True
    pred = truth.copy()
    pred[0, KEYPOINT["r_elbow"], 1] = 20
    distance, _ = distances(pred, truth, counted)
    assert pcp(distance, truth, counted)["upper_arm"] == 100
    pred[0, KEYPOINT["r_elbow"], 1] = 30
    distance, _ = distances(pred, truth, counted)
    assert pcp(distance, truth, counted)["upper_arm"] == 0
    assert pcp(distance, truth, counted, loose=True)["upper_arm"] == 100
    assert pcp(distance, truth, counted)["shin"] is None


def test_pcki_is_a_twelfth_of_the_input_whatever_the_torso_is() -> None:
    truth = np.zeros((1, 13, 2))
    pred = truth.copy()
    pred[0, KEYPOINT["head"], 0] += 1 / 12
    pred[0, KEYPOINT["l_wrist"], 0] += 1 / 12 + 1e-6
    found = pcki(pred, truth, np.ones((1, 13), dtype=bool))
    assert (found["head"], found["wrist"], found["all"]) == (100, 50, pytest.approx(1200 / 13))


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_the_mean_of_pck_over_its_thresholds(seed: int) -> None:
    pred, truth, counted = _case(seed)
    distance, torso = distances(pred, truth, counted)
    used = counted & ~np.isnan(torso)[:, None]
    at = [pck(distance, torso, used, a / 100)["all"] for a in range(1, 51)]
    assert curve(distance, torso, used, 0.5)[1] == pytest.approx(at)
    assert area_under_curve(distance, torso, used, 0.2) == pytest.approx(np.mean(at[:20]))
    assert area_under_curve(distance, torso, np.zeros_like(used), 0.2) is None


def test_a_threshold_is_inclusive_on_the_curve_too() -> None:
    truth = np.zeros((1, 13, 2))
    truth[0, KEYPOINT["l_hip"], 1] = 100
    pred = truth.copy()
    pred[0, :, 0] += 7
    distance, torso = distances(pred, truth, np.ones((1, 13)))
    used = np.ones((1, 13), dtype=bool)
    assert curve(distance, torso, used, 0.1)[1].tolist() == [0] * 6 + [100] * 4


def test_exchanged_sides_are_counted_by_pair() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 400, (50, 13, 2))
    truth[:, KEYPOINT["r_shoulder"]], truth[:, KEYPOINT["l_hip"]] = (0, 0), (100, 0)
    truth[:, KEYPOINT["l_shoulder"]] = (60, 0)
    pred = truth.copy()
    pred[:20] = truth[:20][:, KEYPOINTS_13.flip]
    used = np.ones((50, 13), dtype=bool)
    _, torso = distances(pred, truth, used)
    apart = np.array(
        [
            [math.dist(row[a], row[b]) > 20 for a, b in enumerate(KEYPOINTS_13.flip) if a < b]
            for row in truth
        ]
    )
    assert swap_rate(truth, truth, used, torso) == 0
    expected = 100 * apart[:20].sum() / apart.sum()
    assert swap_rate(pred, truth, used, torso) == pytest.approx(expected)
    # a pair that is nearly in one place says nothing about sides
    truth[:, KEYPOINT["l_wrist"]] = truth[:, KEYPOINT["r_wrist"]] + 1
    only = np.zeros_like(used)
    only[:, [KEYPOINT["l_wrist"], KEYPOINT["r_wrist"]]] = True
    assert swap_rate(pred, truth, only, torso) is None


def _image(rng: np.random.Generator, noise: float) -> ImagePeople:
    """Return an image of up to four people with a prediction for most, and some too many."""
    people = int(rng.integers(0, 5))
    size = rng.uniform(20, 300, people)
    truth = rng.uniform(0, 1, (people, 13, 2)) * size[:, None, None]
    truth = np.round(truth + rng.uniform(0, 300, (people, 1, 2)), 3)
    counted = rng.random((people, 13)) < 0.8
    if people:
        counted[-1] = rng.random() < 0.7
    found = rng.permutation(np.repeat(np.arange(people), rng.integers(0, 3, people)))
    pred = truth[found] + rng.normal(0, 1, (len(found), 13, 2)) * noise * size[found, None, None]
    wild = rng.uniform(0, 400, (int(rng.integers(0, 2)), 13, 2))
    pred = np.round(np.concatenate([pred, wild]), 3)
    # equal scores are in too: their order is that of the predictions
    score = np.round(rng.random(len(pred)), 1)
    area = np.round(0.6 * size**2, 3)
    return ImagePeople(truth, counted, area, _boxes(truth), pred, score)


def _boxes(truth: Poses) -> Poses:
    return np.concatenate([truth.min(axis=1), truth.max(axis=1)], axis=1)


def _pycocotools(images: list[ImagePeople]) -> list[float]:
    """Return AP, AP50, AP75, medium and large as pycocotools has them."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    from pycocotools.cocoeval import COCOeval

    annotations: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for index, one in enumerate(images, 1):
        for points, known, area in zip(one.truth_px, one.counted, one.area_px2, strict=True):
            flat = np.column_stack([points * known[:, None], 2 * known]).reshape(-1).tolist()
            low, high = points.min(axis=0), points.max(axis=0)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": index, "category_id": 1, "iscrowd": 0,
                 "keypoints": flat, "num_keypoints": int(known.sum()), "area": float(area),
                 "bbox": [*low.tolist(), *(high - low).tolist()]}
            )  # fmt: skip
        for points, score in zip(one.pred_px, one.score, strict=True):
            flat = np.column_stack([points, np.ones(13)]).reshape(-1).tolist()
            results.append(
                {"image_id": index, "category_id": 1, "keypoints": flat, "score": float(score)}
            )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(1, len(images) + 1)],
            "annotations": annotations,
            "categories": [{"id": 1, "name": "person", "keypoints": list(KEYPOINT_NAMES)}],
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = oks_sigmas()
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [float(evaluation.stats[i]) for i in (0, 1, 2, 3, 4)]


@pytest.mark.parametrize("noise", [0.02, 0.06, 0.15])
def test_average_precision_equals_pycocotools(noise: float) -> None:
    rng = np.random.default_rng(round(100 * noise))
    images = [_image(rng, noise) for _ in range(60)]
    found = average_precision(images)
    ours = [found[k] for k in ("ap", "ap50", "ap75", "ap_medium", "ap_large")]
    assert ours == pytest.approx([100 * x for x in _pycocotools(images)], abs=1e-9)
    assert ours[0] is not None
    assert 0.2 < ours[0] < 99


def test_average_precision_of_nothing_is_none_and_of_no_number_is_zero() -> None:
    nobody = ImagePeople(
        np.zeros((0, 13, 2)), np.zeros((0, 13), dtype=bool), np.zeros(0), np.zeros((0, 4)),
        np.zeros((1, 13, 2)), np.ones(1),
    )  # fmt: skip
    assert set(average_precision([nobody]).values()) == {None}
    assert set(average_precision([]).values()) == {None}
    one = ImagePeople(
        np.ones((1, 13, 2)), np.ones((1, 13), dtype=bool), np.array([5000.0]), np.ones((1, 4)),
        np.full((1, 13, 2), np.nan), np.ones(1),
    )  # fmt: skip
    assert average_precision([one])["ap"] == 0


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("threshold", THRESHOLDS_H)
def test_pckh_equals_the_slow_count(seed: int, threshold: float) -> None:
    pred, truth, counted = _case(seed)
    rng = np.random.default_rng(seed)
    # the diagonal of MPII's box of the head; of some people there is none
    head = np.where(rng.random(len(truth)) < 0.2, np.nan, rng.uniform(20, 200, len(truth)))
    distance = distances(pred, truth, counted)[0]
    found = pckh(distance, head, counted, threshold)
    right: dict[str, list[bool]] = {}
    for n in range(len(truth)):
        for k, name in enumerate(KEYPOINT_NAMES):
            if counted[n, k] and not math.isnan(head[n]):
                off = math.dist(pred[n, k], truth[n, k])
                hit = off <= threshold * 0.6 * head[n]  # False for NaN
                for group in (name.rpartition("_")[2], "all"):
                    right.setdefault(group, []).append(hit)
    assert found == {group: pytest.approx(100 * sum(h) / len(h)) for group, h in right.items()}


def test_pckh_is_inclusive_and_needs_a_head_but_no_torso() -> None:
    distance = np.full((3, 13), 30.0)
    known = np.zeros((3, 13), dtype=bool)
    known[:, KEYPOINT["head"]] = True
    head = np.array([100.0, np.nan, 0.0])
    found = pckh(distance, head, known, 0.5)
    assert (found["head"], found["wrist"], found["all"]) == (100.0, None, 100.0)
    assert pckh(distance + 1e-6, head, known, 0.5)["head"] == 0
    assert pckh(distance, head[1:].repeat(2)[:3], known, 0.5)["all"] is None


@pytest.mark.parametrize("seed", range(3))
def test_mean_and_median_errors_equal_the_slow_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    distance, side = rng.uniform(0, 90, (20, 13)), rng.uniform(100, 900, 20)
    torso = np.where(rng.random(20) < 0.2, np.nan, rng.uniform(50, 200, 20))
    known = rng.random((20, 13)) < 0.8
    px, share = [], []
    for n in range(20):
        for k in range(13):
            if known[n, k]:
                px.append(distance[n, k] * 224 / side[n])
                if torso[n] > 0:
                    share.append(100 * distance[n, k] / torso[n])
    found = mean_and_median(distance, known, torso, side)
    assert found["mean_px"] == pytest.approx(sum(px) / len(px))
    assert found["median_px"] == pytest.approx(statistics.median(px))
    assert found["mean_torso"] == pytest.approx(sum(share) / len(share))
    assert found["median_torso"] == pytest.approx(statistics.median(share))


def test_errors_of_nothing_and_of_no_number_are_none() -> None:
    one, none = np.ones((1, 13)), np.full(1, np.nan)
    empty = mean_and_median(one, one < 0, none, np.ones(1))
    assert set(empty.values()) == {None}
    lost = one.copy()
    lost[0, 0] = np.inf
    found = mean_and_median(lost, one > 0, np.ones(1), np.ones(1))
    assert (found["mean_torso"], found["median_torso"]) == (None, 100.0)
    # without a torso the pixels are still counted
    assert mean_and_median(one, one > 0, none, np.full(1, 224.0))["mean_px"] == 1
