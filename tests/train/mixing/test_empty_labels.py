"""Data sets whose labels give nothing to learn from, to choose by or to measure."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.core.skeleton import KEYPOINT
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.finetune import TrainResult, finetune
from kincap.train.mixing.choice import DataChoice
from kincap.train.settings import TrainOptions

Figures = Callable[..., dict[str, Any]]


@pytest.fixture
def build(figures: Figures, tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a data set, without the weights of some splits' keypoints."""

    def make(**without: list[str] | None) -> Path:
        splits = {"train": figures(30, seed=1), "val": figures(8, seed=2)}
        for split, names in without.items():
            columns = slice(None) if names is None else [KEYPOINT[name] for name in names]
            splits[split]["weight"][:, columns] = 0
        return write_kinect13(tmp_path / "labels.h5", splits)

    return make


def _learn(path: Path, said: list[str], *more: Path) -> TrainResult:
    options = TrainOptions(
        data=tuple(DataChoice(one) for one in (path, *more)), runs=path.parent / "runs",
        model="compact", width=0.25, size=32, steps=2, batch=8, device="cpu",
    )  # fmt: skip
    return finetune(options, None, on_notice=said.append)


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_split_without_weights_is_refused(
    build: Callable[..., Path], split: str, figures_h5: Path
) -> None:
    path = build(**{split: None})
    with pytest.raises(DatasetError, match=f"labels.h5: no keypoint of its {split} split has"):
        _learn(path, [])
    if split == "train":
        # also beside a set that has labels
        with pytest.raises(DatasetError, match=r"labels.h5: no keypoint of its train split has"):
            _learn(figures_h5, [], path)
    assert not (path.parent / "runs").exists()


def test_without_torsos_the_loss_chooses_and_evaluate_refuses(build: Callable[..., Path]) -> None:
    path, said = build(val=["r_shoulder"]), list[str]()
    done = _learn(path, said)
    assert any("no row of the validation split has r_shoulder and l_hip" in line for line in said)
    assert done.learned.best.score.mean_pck is None
    settings = EvaluateSettings(checkpoint=done.best, data=path)
    with pytest.raises(DatasetError, match=r"can be measured: .*; --include-inferred counts"):
        evaluate(settings)


def test_labels_that_are_miles_away_are_damage(figures: Figures, tmp_path: Path) -> None:
    fields = figures(8, seed=3)
    fields["keypoints_px"][2, 5] = 1e30
    path = write_kinect13(tmp_path / "far.h5", {"train": figures(9, seed=1), "val": fields})
    with pytest.raises(DatasetError, match=r"far.h5: val: keypoints_px has places more than"):
        open_kinect13(path)
    fields["visibility"][2, 5] = fields["weight"][2, 5] = 0
    fields["keypoints_px"][2, 5] = -1
    with open_kinect13(write_kinect13(tmp_path / "ok.h5", {"val": fields})) as dataset:
        assert np.isfinite(dataset.split("val").keypoints_px).all()
