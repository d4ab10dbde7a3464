"""Evaluate: several nets, intervals, the gate, predictions and the report."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from kincap.core.errors import CheckpointError, KincapError
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.checkpoint import load_checkpoint, save_checkpoint
from kincap.train.evaluation.conclusion import conclusion
from kincap.train.evaluation.evaluate import EvaluateSettings, evaluate
from kincap.train.evaluation.gate import missed, parse_minimum
from kincap.train.evaluation.page import comparison_rows
from kincap.train.evaluation.sheet import worst_rows
from kincap.train.finetune import finetune
from kincap.train.settings import TrainOptions

GROUPS = ("wrist", "head")


@pytest.fixture(scope="module")
def nets(figures_h5: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a net that has learnt something, and one that has learnt nothing."""
    folder = tmp_path_factory.mktemp("nets")
    options = TrainOptions(
        data=figures_h5, out=folder / "good.ckpt", runs=folder / "runs", model="compact",
        width=0.25, size=48, steps=120, batch=16, device="cpu",
    )  # fmt: skip
    finetune(options, None)
    finetune(replace(options, out=folder / "bad.ckpt", steps=1), None)
    return folder / "good.ckpt", folder / "bad.ckpt"


@pytest.fixture(scope="module")
def compared(
    nets: tuple[Path, Path], figures_h5: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], Path]:
    """Return the report of both nets, and the folder of its files."""
    folder = tmp_path_factory.mktemp("compared")
    done = evaluate(
        EvaluateSettings(
            nets[0], figures_h5, "test", device="cpu", others=(nets[1],),
            report=folder / "report.html", predictions=folder / "poses.json",
            minimums=("pck@0.2=0.2", "wrist@0.05=0.99"), errors=True,
        )
    )  # fmt: skip
    assert done.problems == ()
    return done.to_json(), folder


def test_two_nets_are_compared_on_the_same_rows(compared: tuple[dict[str, Any], Path]) -> None:
    report, _ = compared
    (other,) = report["compared"]
    for a in ("0.2", "0.1"):
        found = other["difference"][a]["all"]
        expected = report["pck"][a]["all"] - other["pck"][a]["all"]
        assert found["points"] == pytest.approx(expected)
        low, high = found["interval"]
        assert low <= found["points"] <= high
        assert report["interval"][a]["all"][0] <= report["pck"][a]["all"]
    assert report["pck"]["0.2"]["all"] > other["pck"]["0.2"]["all"] + 10
    assert any("points better than" in line for line in report["conclusion"])


def test_all_nets_are_in_one_table_the_first_one_on_top(
    compared: tuple[dict[str, Any], Path],
) -> None:
    report, _ = compared
    rows = comparison_rows(report, ("all",))
    assert [row[1] for row in rows] == 3 * [
        report["checkpoint"],
        report["compared"][0]["checkpoint"],
    ]
    found = report["compared"][0]["difference"]["0.2"]["all"]
    low, high = found["interval"]
    assert rows[1][3:] == (f"{found['points']:+.1f}", f"{low:.1f} to {high:.1f}")


def test_the_worst_frames_are_named(compared: tuple[dict[str, Any], Path]) -> None:
    report, _ = compared
    errors = [one["error_torso"] for one in report["worst"]]
    assert len(errors) == 18
    assert errors == sorted(errors, reverse=True)  # rows without times are blocks of their own
    assert errors[0] > report["error"]["mean_torso"]
    assert {one["session"] for one in report["worst"]} == {"synthetic"}


def test_the_worst_of_each_moment_come_first_and_uncounted_rows_last() -> None:
    errors = np.array([1.0, 9.0, 8.0, np.nan, 3.0, np.inf, 7.0])
    block = np.array([0, 1, 1, 2, 0, 3, 1])
    assert worst_rows(errors, block, 9).tolist() == [5, 1, 4, 2, 6, 0, 3]
    assert worst_rows(errors, block, 2).tolist() == [5, 1]


def test_a_sheet_has_as_many_crops_as_asked_for(
    nets: tuple[Path, Path], figures_h5: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "worst.png"
    done = evaluate(
        EvaluateSettings(
            nets[0], figures_h5, "val", device="cpu", boxes="truth", sheet=sheet, sheet_worst=True,
            crops=4,
        )
    )  # fmt: skip
    assert len(done.worst) == 4
    drawn = cv2.imread(str(sheet))
    assert drawn is not None
    assert drawn.shape[1] == 8 + 4 * (256 + 8)  # one row of four cells


def test_errors_are_counted_by_kind_and_corrected_in_turn(
    compared: tuple[dict[str, Any], Path],
) -> None:
    report, _ = compared
    errors = report["errors"]
    counted = sum(sum(kinds.values()) for kinds in errors["keypoints"].values())
    assert sum(errors["shares"].values()) == pytest.approx(100)
    # 40 people; an inferred wrist is not counted
    assert 40 * 11 < counted <= 40 * 13
    assert errors["shares"]["good"] < 100
    steps = [errors["ap"], *errors["ap_corrected"].values()]
    assert steps == sorted(steps)
    assert steps[0] == pytest.approx(report["oks"]["ap"], abs=15)
    assert steps[-1] > 95  # good keypoints stay as they are, and OKS goes up to 0.95


def test_a_net_that_gives_no_numbers_is_refused(
    nets: tuple[Path, Path], figures_h5: Path, tmp_path: Path
) -> None:
    made = load_checkpoint(nets[1])
    name = next(iter(made.weights))
    too_large = torch.full_like(made.weights[name], 3e38)
    broken = tmp_path / "broken.ckpt"
    save_checkpoint(broken, replace(made, weights={**made.weights, name: too_large}))
    for boxes in ("auto", "tracked"):
        with pytest.raises(CheckpointError, match="broken.ckpt: its net gives places that are not"):
            evaluate(EvaluateSettings(broken, figures_h5, boxes=boxes))
    options = TrainOptions(data=figures_h5, runs=tmp_path / "runs", steps=2, batch=16)
    with pytest.raises(KincapError, match="before the first step: the net gives no numbers"):
        finetune(options, broken)
    name = next(name for name in made.weights if name.endswith("running_var"))
    negative = made.weights[name] - 9
    save_checkpoint(broken, replace(made, weights={**made.weights, name: negative}))
    with pytest.raises(CheckpointError, match=f"{name} has negative variances"):
        load_checkpoint(broken)


@pytest.mark.parametrize(
    ("net", "mean", "guessing"),
    [
        ((0, 0, 0), (47, 2, 0), True),
        ((100, 60, 20), (100, 30, 10), False),
        ((9, 9, 9), (9, 9, 9), True),
    ],
)
def test_wrists_are_judged_at_the_threshold_that_tells_most(
    net: tuple[float, ...], mean: tuple[float, ...], guessing: bool
) -> None:
    def report(values: tuple[float, ...]) -> dict[str, Any]:
        pck = {
            a: {"wrist": v, "all": v} for a, v in zip(("0.2", "0.1", "0.05"), values, strict=True)
        }
        return {"pck": pck, "interval": {"0.2": {"all": None}}, "swap_rate": None}

    lines = conclusion(report(net), report(mean), {})
    assert any(line.startswith("Wrists are not better") for line in lines) == guessing


def test_a_minimum_that_is_missed_is_named(compared: tuple[dict[str, Any], Path]) -> None:
    (line,) = compared[0]["missed"]
    assert line.startswith("--min wrist@0.05=0.99: 0.")


def test_predictions_are_coco_results_with_their_places(
    compared: tuple[dict[str, Any], Path], figures_h5: Path
) -> None:
    report, folder = compared
    results = json.loads((folder / "poses.json").read_text())
    with open_kinect13(figures_h5) as data:
        rows = data.split("test")
        box = rows.bbox_xyxy_px.astype(np.float64)
        truth = (
            box[:, None, :2]
            + (rows.keypoints_px + 0.5) * (box[:, 2:3, None] - box[:, :1, None]) / 48
        )
        torso = np.hypot(*(truth[:, 1] - truth[:, 10]).T)
        weight = rows.weight > 0
        assert [one["color_seq"] for one in results] == rows.color_seq.tolist()
    pred = np.array([one["keypoints"] for one in results]).reshape(-1, 13, 3)[..., :2]
    off = np.hypot(*np.moveaxis(pred - truth, -1, 0)) / torso[:, None]
    assert 100 * (off <= 0.2)[weight].mean() == pytest.approx(report["pck"]["0.2"]["all"], abs=0.3)
    assert {one["checkpoint_sha256"] for one in results} == {report["checkpoint_sha256"]}
    assert {one["session"] for one in results} == {"synthetic"}


def test_the_report_is_one_file_with_every_figure(compared: tuple[dict[str, Any], Path]) -> None:
    report, folder = compared
    page = (folder / "report.html").read_text()
    for a in ("0.2", "0.1", "0.05"):
        assert f"{report['pck'][a]['all']:.1f}" in page
    assert page.count("<polyline") == 3 + 7  # both nets and the mean pose, then by joint
    assert ">mean pose</text>" in page
    assert f"{report['error']['mean_px']:.1f} px of a crop of 224" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    for line in report["conclusion"]:
        assert line.split(".")[0] in page


def test_files_of_others_are_not_replaced(nets: tuple[Path, Path], figures_h5: Path) -> None:
    page, poses = nets[0].with_name("mine.html"), nets[0].with_name("mine.json")
    page.write_text("my page")
    poses.write_text("[]")
    base = EvaluateSettings(nets[0], figures_h5, device="cpu")
    for settings, flag in (
        (replace(base, report=page), "--report"),
        (replace(base, predictions=poses), "--save-predictions"),
        (replace(base, report=poses), "--report"),
        (replace(base, predictions=poses.with_name("no") / "x.json"), "--save-predictions"),
        (replace(base, boxes="no-such.json"), "--boxes"),
        (replace(base, crops=0), "--crops"),
    ):
        with pytest.raises(KincapError, match=flag) as refused:
            evaluate(settings)
        assert refused.value.exit_code == 2
    assert page.read_text() == "my page"


@pytest.mark.parametrize(
    "text", ["pck@0.2", "pck@0.3=0.5", "pck=0.5", "toe@0.2=0.5", "pck@0.2=50", "pck@0.2=x", ""]
)
def test_a_minimum_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(KincapError, match="--min"):
        parse_minimum(text, GROUPS, ("0.2", "0.1"))


def test_a_minimum_is_inclusive_and_nothing_counted_misses_it() -> None:
    wanted = parse_minimum("pck@0.2=0.5", GROUPS, ("0.2",))
    assert missed(wanted, {"0.2": {"all": 50.0}}) is None
    assert missed(wanted, {"0.2": {"all": 49.99}}) == "--min pck@0.2=0.5: 0.4999"
    assert missed(wanted, {"0.2": {"all": None}}) == "--min pck@0.2=0.5: nothing was counted"


def test_confidences_are_reported_and_stored(compared: tuple[dict[str, Any], Path]) -> None:
    report, folder = compared
    trust = report["confidence"]
    assert 0 <= trust["calibration_error"] < 30
    assert trust["wrist_surest_90"] is not None
    results = json.loads((folder / "poses.json").read_text())
    sure = np.array([one["keypoints"] for one in results]).reshape(-1, 13, 3)[..., 2]
    assert 0 < sure.min() < sure.max() < 1
    assert results[0]["score"] == pytest.approx(sure[0].mean(), abs=1e-3)
