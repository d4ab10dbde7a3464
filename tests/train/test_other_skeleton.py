"""Metrics, mirroring and nets take their keypoints by value: 17 of COCO as well as 13."""

import numpy as np
import pytest
import torch
from torch import nn

from kincap.core.skeleton import Skeleton
from kincap.train.augment import mirror_targets
from kincap.train.metrics import error_torso, score
from kincap.train.nets.compact import Compact
from kincap.train.nets.linna import Linna

_PARTS = ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
COCO = Skeleton(
    "coco-17",
    ("nose", *(f"{side}_{part}" for part in _PARTS for side in ("left", "right"))),
    (("left_shoulder", "left_elbow"),),
    torso=("right_shoulder", "left_hip"),
    groups=(("wrist", ("left_wrist", "right_wrist")), ("nose", ("nose",))),
)


def test_metrics_count_its_groups() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 200, (5, 17, 2))
    truth[:, COCO.index["right_shoulder"]] = (100, 0)
    truth[:, COCO.index["left_hip"]] = (100, 100)
    found = truth.copy()
    found[:, COCO.index["left_wrist"]] += 50
    counted = np.ones((5, 17), bool)
    result = score(found, truth, counted, COCO)
    assert result.pck["0.2"] == {"wrist": 50.0, "nose": 100.0, "all": pytest.approx(1600 / 17)}
    errors = error_torso(found, truth, counted, COCO)
    assert errors == pytest.approx(np.full(5, 50 * np.sqrt(2) / 17))


def test_mirroring_renames_its_sides() -> None:
    targets = np.random.default_rng(1).random((2, 17, 2), np.float32)
    once = mirror_targets(targets, COCO)
    left, right = COCO.index["left_wrist"], COCO.index["right_wrist"]
    assert once[:, left, 0] == pytest.approx(1 - targets[:, right, 0])
    assert mirror_targets(once, COCO) == pytest.approx(targets)


@pytest.mark.parametrize(
    "net", [Compact(0.25, 64, keypoints=17), Linna(0.05, 64, "M", keypoints=17)]
)
def test_nets_find_as_many(net: nn.Module) -> None:
    with torch.no_grad():
        assert net.eval()(torch.zeros(2, 3, 64, 64)).coords.shape == (2, 17, 2)
