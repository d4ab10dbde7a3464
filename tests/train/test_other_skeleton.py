"""A skeleton is a value: a data set of COCO's 17 keypoints is written, learnt from and drawn."""

import pickle
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import nn

import kincap
from kincap.core.errors import CheckpointError, DatasetError
from kincap.core.skeleton import Skeleton
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.dataset.sheets.examples import LEFT, MIDDLE, RIGHT, draw_sheet
from kincap.train.checkpoint import load_checkpoint
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.finetune import TrainResult, finetune
from kincap.train.metrics.pck import error_torso, score
from kincap.train.mirror import mirror_targets
from kincap.train.nets.compact import Compact
from kincap.train.nets.linna import Linna
from kincap.train.settings import TrainOptions

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


@pytest.mark.parametrize("net", [Compact(0.25, 64, keypoints=17), Linna(0.05, 64, keypoints=17)])
def test_nets_find_as_many(net: nn.Module) -> None:
    with torch.no_grad():
        assert net.eval()(torch.zeros(2, 3, 64, 64)).coords.shape == (2, 17, 2)


def _rows(count: int, seed: int) -> dict[str, npt.NDArray[np.generic]]:
    """Return grey crops with a bright spot at each keypoint; the last one of each is unlabelled."""
    rng = np.random.default_rng(seed)
    at = rng.uniform(4, 44, (count, 17, 2)).astype(np.float32)
    images = np.full((count, 48, 48, 3), 90, np.uint8)
    for image, points in zip(images, at, strict=True):
        for point in np.round(points).astype(int).tolist():
            cv2.circle(image, point, 2, (250, 250, 250), -1)
    at[:, -1] = np.nan
    return {"images": images, "keypoints_px": at}


@pytest.fixture(scope="module")
def coco_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("coco") / "kinect13.h5"
    rows = {"train": _rows(20, 1), "val": _rows(6, 2)}
    return write_kinect13(path, rows, sessions=("coco",), skeleton=COCO)


@pytest.fixture(scope="module")
def trained(coco_h5: Path) -> TrainResult:
    options = TrainOptions(
        data=coco_h5, runs=coco_h5.parent, model="compact", width=0.2, size=32, steps=3, batch=8
    )
    return finetune(options, None, skeleton=COCO)


def test_a_data_set_of_it_is_written_and_read(coco_h5: Path) -> None:
    wanted = _rows(6, 2)
    with open_kinect13(coco_h5, COCO) as data:
        assert data.meta.skeleton == COCO
        val = data.split("val")
        assert val.keypoints_px[:, :16].tobytes() == wanted["keypoints_px"][:, :16].tobytes()
        assert (val.keypoints_px[:, 16] == -1).all()
        assert val.weight.shape == val.visibility.shape == val.keypoint_quality.shape == (6, 17)
        assert (val.images(range(6)) == wanted["images"]).all()


def test_a_data_set_of_other_keypoints_is_refused(coco_h5: Path, figures_h5: Path) -> None:
    with pytest.raises(DatasetError, match=r"keypoint has shape \(17,\), not \(13,\)"):
        open_kinect13(coco_h5)
    with pytest.raises(DatasetError, match=r"keypoint has shape \(13,\), not \(17,\)"):
        open_kinect13(figures_h5, COCO)


def test_a_net_of_it_is_trained_and_measured(trained: TrainResult, coco_h5: Path) -> None:
    found = load_checkpoint(trained.last, COCO)
    assert found.trained["step"] == 3
    assert found.mean_pose.shape == (17, 2)
    with torch.no_grad():
        assert found.build()(torch.zeros(1, 3, 32, 32)).coords.shape == (1, 17, 2)
    sheet = coco_h5.with_name("overlay.png")
    result = evaluate(EvaluateSettings(trained.last, coco_h5, sheet=sheet), COCO)
    assert result.problems == ()
    assert result.to_json()["normaliser"] == "|right_shoulder - left_hip|"
    assert set(result.net.mirrored.score.pck["0.2"]) == {"wrist", "nose", "all"}
    drawn = cv2.imread(str(sheet))
    assert drawn is not None
    assert drawn.std() > 0


def test_a_checkpoint_of_other_keypoints_is_refused(trained: TrainResult) -> None:
    with pytest.raises(CheckpointError, match="skeleton of 17 keypoints, this kincap has 13"):
        load_checkpoint(trained.last)
    renamed = Skeleton("other", ("snout", *COCO.points[1:]), (), torso=COCO.torso)
    with pytest.raises(CheckpointError, match="keypoint 0 is 'nose', not 'snout'"):
        load_checkpoint(trained.last, renamed)


def test_its_examples_are_drawn(coco_h5: Path) -> None:
    with open_kinect13(coco_h5, COCO) as data:
        page = cv2.imdecode(np.frombuffer(draw_sheet(data), np.uint8), cv2.IMREAD_COLOR)
    assert page is not None
    for colour, least in ((LEFT, 2000), (RIGHT, 2000), (MIDDLE, 300)):
        assert (page == colour).all(axis=2).sum() > least


def test_notebooks_read_it_by_the_public_names(trained: TrainResult, coco_h5: Path) -> None:
    with kincap.open_dataset(coco_h5, COCO) as data:
        assert data.keypoint_names == COCO.points
        assert data.row("val", 0).keypoints_px.shape == (17, 2)
        assert "left_wrist_x_px" in data.table("val")
        copy = pickle.loads(pickle.dumps(data.torch("val")))
        assert copy[0]["keypoints"].shape == (17, 2)
        images = data.rows("val").images(range(2))
    assert kincap.load_net(trained.last, skeleton=COCO).predict(images).shape == (2, 17, 2)
