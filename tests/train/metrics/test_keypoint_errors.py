"""The kinds of wrong keypoints, each made by hand, and what correcting them gives."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from kincap.core.skeleton import KEYPOINTS_13
from kincap.train.metrics.keypoint_errors import CORRECTIONS, KINDS, diagnose
from kincap.train.metrics.oks import ImagePeople

Array = npt.NDArray[np.float64]

L_WRIST, R_WRIST = KEYPOINTS_13.index["l_wrist"], KEYPOINTS_13.index["r_wrist"]
POSE = np.array(
    [[100, 20], [80, 50], [70, 90], [60, 130], [120, 50], [130, 90], [140, 130]]
    + [[88, 130], [87, 180], [86, 230], [112, 130], [113, 180], [114, 230]],
    dtype=np.float64,
)


def image_of(truth: Array, pred: Array, score: Array | None = None) -> ImagePeople:
    low, high = truth.min(axis=1), truth.max(axis=1)
    return ImagePeople(
        truth_px=truth,
        counted=np.ones(truth.shape[:2], dtype=bool),
        area_px2=(high - low).prod(axis=1) / 2,
        box_xyxy_px=np.concatenate([low, high], axis=1),
        pred_px=pred,
        score=np.linspace(1, 0.5, len(pred)) if score is None else score,
    )


def two_people() -> Array:
    return np.stack([POSE, POSE + [150, 0]])


def to_other_person(pred: Array) -> None:
    pred[0, L_WRIST] = pred[1, R_WRIST]


def to_other_side(pred: Array) -> None:
    pred[0, [L_WRIST, R_WRIST]] = pred[0, [R_WRIST, L_WRIST]]


def to_nowhere(pred: Array) -> None:
    pred[0, L_WRIST] += [0, 300]


def a_little_off(pred: Array) -> None:
    pred[0, L_WRIST] += [12, 0]


def to_nan(pred: Array) -> None:
    pred[0, L_WRIST] = np.nan


@pytest.mark.parametrize(
    ("spoil", "kind", "how_many"),
    [
        (to_other_person, "swap", 1),
        (to_other_side, "inversion", 2),
        (to_nowhere, "miss", 1),
        (a_little_off, "jitter", 1),
        (to_nan, "miss", 1),
    ],
)
def test_each_kind_is_named_and_its_correction_makes_all_good(
    spoil: Callable[[Array], None], kind: str, how_many: int
) -> None:
    truth = two_people()
    pred = truth.copy()
    spoil(pred)
    report = diagnose([image_of(truth, pred)])
    found = {name: sum(row[name] for row in report.counts.values()) for name in KINDS}
    assert found == dict.fromkeys(KINDS, 0) | {kind: how_many, "good": 26 - how_many}
    assert report.counts["l_wrist"][kind] == 1
    assert report.shares()[kind] == pytest.approx(100 * how_many / 26)
    assert report.ap_corrected["jitter"] == pytest.approx(100)
    if kind != "jitter":
        assert report.ap is not None
        assert report.ap < 100
        assert report.ap_corrected[kind] == pytest.approx(100)


def test_someone_who_is_not_there_and_someone_who_is_missed() -> None:
    truth = two_people()
    report = diagnose([image_of(truth, np.stack([POSE, POSE + [0, 2000]]))])
    assert (report.background, report.not_found) == (1, 1)
    assert report.ap is not None
    assert report.ap_corrected["background"] == pytest.approx(report.ap)
    assert report.ap_corrected["not_found"] == pytest.approx(100)


def test_a_wrong_order_of_scores_costs_precision_until_it_is_corrected() -> None:
    truth = two_people()
    pred = np.concatenate([truth, POSE[None] + [0, 2000]])
    report = diagnose([image_of(truth, pred, np.array([0.2, 0.3, 0.9]))])
    assert report.ap is not None
    assert report.ap < 70
    assert report.ap_corrected["jitter"] == pytest.approx(report.ap)
    assert report.ap_corrected["score"] == pytest.approx(100)


def test_each_correction_only_helps_and_all_of_them_are_perfect() -> None:
    rng = np.random.default_rng(1)
    images = []
    for _ in range(30):
        truth = np.stack([POSE + [160 * k, 0] for k in range(3)]) + rng.normal(0, 5, (3, 13, 2))
        pred = truth + rng.normal(0, 1, truth.shape) * rng.choice([2, 12, 60], (3, 13, 1))
        images.append(image_of(truth, pred[: rng.integers(0, 4)], None))
    report = diagnose(images)
    steps = [report.ap, *(report.ap_corrected[name] for name in CORRECTIONS)]
    known = [step for step in steps if step is not None]
    assert len(known) == len(steps)
    assert known == sorted(known)
    assert known[-1] == pytest.approx(100)


def test_nothing_at_all_is_a_report_without_figures() -> None:
    nobody = image_of(POSE[None], POSE[None][:0])
    report = diagnose([nobody])
    assert report.not_found == 1
    assert report.shares()["good"] is None
    assert diagnose([]).ap is None
