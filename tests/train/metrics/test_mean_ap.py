"""mAP of keypoints against a slow loop, and cases worked out by hand."""

import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINTS_13
from kincap.train.metrics.mean_ap import ImageKeypoints, mean_ap
from kincap.train.metrics.oks import ImagePeople

K = len(KEYPOINTS_13)


def image(
    truth: np.ndarray, pred: np.ndarray, confidence: np.ndarray, score: np.ndarray
) -> ImageKeypoints:
    """Return an image with a tolerance of 5 pixels."""
    counted = np.isfinite(truth).all(axis=2)
    people = ImagePeople(
        np.nan_to_num(truth), counted, np.full(len(truth), 1e4),
        np.tile([0.0, 0.0, 100.0, 100.0], (len(truth), 1)), pred, score,
    )  # fmt: skip
    return ImageKeypoints(people, np.full(len(truth), 5.0), confidence)


def drawn(rng: np.random.Generator) -> ImageKeypoints:
    """Return people with errors of all kinds: far off, not found, not labelled, not there."""
    count = int(rng.integers(0, 4))
    truth = rng.uniform(0, 300, (count, K, 2))
    found = [one + rng.normal(0, rng.choice([1.0, 6.0]), (K, 2)) for one in truth]
    found = [one for one in found if rng.random() < 0.8]
    found += [rng.uniform(0, 300, (K, 2)) for _ in range(int(rng.integers(0, 2)))]
    pred = np.array(found).reshape(-1, K, 2)
    pred[rng.random(pred.shape[:2]) < 0.1] = np.nan
    truth[rng.random(truth.shape[:2]) < 0.1] = np.nan
    confidence = rng.random(pred.shape[:2]).round(1)
    return image(truth, pred, confidence, rng.random(len(pred)))


def slow(images: list[ImageKeypoints], k: int) -> float:
    """Return the AP of a keypoint: precision at each recall that a confidence reaches."""
    rows: list[tuple[float, bool]] = []
    total = 0
    for one in images:
        people = one.people
        total += int(people.counted[:, k].sum())
        near = {
            (p, g): [
                bool(people.counted[g, j])
                and bool(np.hypot(*(people.pred_px[p, j] - people.truth_px[g, j])) <= 5.0)
                for j in range(K)
            ]
            for p in range(len(people.pred_px))
            for g in range(len(people.truth_px))
        }
        owner: dict[int, int] = {}
        while True:
            free = [
                (sum(hits) / max(people.counted[g].sum(), 1), people.score[p], p, g)
                for (p, g), hits in near.items()
                if p not in owner and g not in owner.values() and any(hits)
            ]
            if not free:
                break
            _, _, p, g = max(free)
            owner[p] = g
        for p in range(len(people.pred_px)):
            if np.isfinite(people.pred_px[p, k]).all():
                rows.append((one.confidence[p, k], p in owner and near[p, owner[p]][k]))
    area = before = 0.0
    for level in sorted({score for score, _ in rows}, reverse=True):
        at = [hit for score, hit in rows if score >= level]
        area += (sum(at) / total - before) * (sum(at) / len(at))
        before = sum(at) / total
    return 100 * area


def test_it_is_that_of_a_slow_loop() -> None:
    rng = np.random.default_rng(4)
    images = [drawn(rng) for _ in range(25)]
    found = mean_ap(images)
    each = [slow(images, k) for k in range(K)]
    assert found["all"] == pytest.approx(np.mean(each))
    assert found["head"] == pytest.approx(each[KEYPOINTS_13.index["head"]])
    wrists = [each[KEYPOINTS_13.index[f"{side}_wrist"]] for side in "lr"]
    assert found["wrist"] == pytest.approx(np.mean(wrists))
    assert 5 < found["all"] < 95


def test_a_second_prediction_of_a_person_is_wrong_and_the_surer_one_counts_first() -> None:
    truth = np.zeros((1, K, 2)) + np.arange(K)[:, None] * 20
    twice = np.concatenate([truth, truth])
    scores = np.array([0.9, 0.5])
    sure = np.repeat(scores[:, None], K, axis=1)
    assert mean_ap([image(truth, twice, sure, scores)])["all"] == pytest.approx(100)
    # the surer one is far off: half of what is found first is wrong
    twice[0] += 1000
    assert mean_ap([image(truth, twice, sure, scores)])["all"] == pytest.approx(50)


def test_exactly_at_the_tolerance_is_right_and_nothing_is_none() -> None:
    truth = np.zeros((1, K, 2)) + 50.0
    pred, sure = truth + (5.0, 0.0), np.ones((1, K))
    assert mean_ap([image(truth, pred, sure, np.ones(1))])["all"] == pytest.approx(100)
    pred = truth + (np.nextafter(5.0, 6.0) + 1e-9, 0.0)
    assert mean_ap([image(truth, pred, sure, np.ones(1))])["all"] == 0
    nobody = np.zeros((0, K, 2))
    assert mean_ap([image(nobody, nobody, np.zeros((0, K)), np.zeros(0))])["all"] is None
    assert mean_ap([])["all"] is None
