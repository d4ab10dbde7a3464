"""The detector of people: it learns from whole frames, is saved, exported and used."""

import csv
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from kincap.cli.learning.train import FinetuneFlags
from kincap.core.errors import KincapError
from kincap.dataset.kinect13.reader import write_kinect13
from kincap.engines.detectors import make_detector
from kincap.engines.own_detector import choose_boxes, fit_image, overlap
from kincap.predict.detector import open_detector
from kincap.predict.export.export import ExportNetSettings, export_net
from kincap.predict.load_engine import load_engine
from kincap.train.detect.checkpoint import (
    DetectorCheckpoint,
    load_detector,
    save_detector,
)
from kincap.train.detect.finetune import finetune_detector
from kincap.train.detect.frames import change_frame
from kincap.train.detect.loss import detector_loss, detector_targets
from kincap.train.detect.net import COLUMNS, HEIGHT_PX, ROWS, STRIDE, WIDTH_PX, PersonNet
from kincap.train.detect.settings import DetectOptions
from kincap.train.nets.cost import measure_cost
from tests.train.people.conftest import draw_frames


def test_it_costs_at_most_015_gmac() -> None:
    with torch.device("meta"):
        net = PersonNet()
    assert measure_cost(net, HEIGHT_PX, WIDTH_PX).macs <= 150e6


def draw_scene(rng: np.random.Generator, person: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return (160, 256, 3) with a bright upright bar or none, and its boxes (P, 4)."""
    image = rng.integers(40, 70, (HEIGHT_PX, WIDTH_PX, 3), np.uint8)
    x, y = int(rng.integers(10, 190)), int(rng.integers(5, 50))
    width, height = int(rng.integers(24, 50)), int(rng.integers(60, 100))
    if person:
        cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), (230, 200, 60), -1)
    boxes = np.array([[x, y, x + width, y + height]], np.float32)
    return image, boxes if person else np.zeros((0, 4), np.float32)


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a detector of bright bars, taught for a few seconds."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng, net = np.random.default_rng(1), PersonNet()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    for _ in range(100):
        scenes = [draw_scene(rng, rng.random() < 0.8) for _ in range(4)]
        pixels = torch.from_numpy(np.stack([image for image, _ in scenes])).permute(0, 3, 1, 2)
        boxes = [box for _, box in scenes]
        targets = detector_targets(boxes, [np.zeros(len(box), bool) for box in boxes])
        loss = detector_loss(net((pixels.float() - 127) / 128), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    path = tmp_path_factory.mktemp("detector") / "person.ckpt"
    weights = {name: value.detach().clone() for name, value in net.state_dict().items()}
    save_detector(path, DetectorCheckpoint(weights, 0.3, {"step": 100}))
    return path


def test_a_trained_detector_finds_the_box_and_its_export_finds_the_same(learned: Path) -> None:
    done = export_net(ExportNetSettings(learned, "onnx"))
    assert done.difference <= 1e-4
    rng = np.random.default_rng(7)
    by_torch, by_onnx = open_detector(f"own:{learned}"), make_detector(f"own:{done.out}")
    for _ in range(4):
        scene, boxes = draw_scene(rng, person=True)
        image = cv2.resize(scene, (WIDTH_PX * 4, HEIGHT_PX * 4), interpolation=cv2.INTER_NEAREST)
        found, exported = by_torch.detect(image), by_onnx.detect(image)
        assert overlap(boxes[0] * 4 - 0.5, found[0].bbox_xyxy_px[None])[0] > 0.5
        assert len(found) == len(exported)
        np.testing.assert_allclose(found[0].bbox_xyxy_px, exported[0].bbox_xyxy_px, atol=0.1)
        assert found[0].score == pytest.approx(exported[0].score, abs=1e-4)


def test_the_export_says_what_it_is(learned: Path, tmp_path: Path) -> None:
    import onnx

    out = export_net(ExportNetSettings(learned, "onnx", tmp_path / "one.onnx")).out
    entries = {entry.key: entry.value for entry in onnx.load(str(out)).metadata_props}
    meta = json.loads(entries["kincap"])
    assert meta["schema"] == "kincap/detector/1"
    assert (meta["size_px"], meta["threshold"]) == ([WIDTH_PX, HEIGHT_PX], 0.3)
    assert [path.name for path in tmp_path.iterdir()] == ["one.onnx"]


@pytest.mark.parametrize(("height", "width"), [(1080, 1920), (1920, 1080), (30, 40)])
def test_an_image_of_any_shape_fits_and_boxes_come_back(height: int, width: int) -> None:
    image = np.full((height, width, 3), 200, np.uint8)
    fitted, fit = fit_image(image, (WIDTH_PX, HEIGHT_PX))
    rows, columns = np.flatnonzero((fitted == 200).all(2).any(1)), (fitted == 200).all(2).any(0)
    assert len(rows) == round(height * fit.scale)
    assert columns.sum() == round(width * fit.scale)
    assert rows[0] == fit.top


def test_targets_of_a_person_are_highest_in_the_middle_and_ignored_people_weigh_nothing() -> None:
    box = np.array([[64, 32, 128, 128], [160, 40, 200, 120]], np.float32)
    score, boxes, weight = detector_targets([box], [np.array([False, True])])
    grid = score.view(ROWS, COLUMNS)
    row, column = divmod(int(grid.argmax()), COLUMNS)
    assert abs((column + 0.5) * STRIDE - 96) <= STRIDE
    assert abs((row + 0.5) * STRIDE - 80) <= STRIDE
    assert boxes[0, int(grid.argmax())].tolist() == box[0].tolist()
    inside = weight.view(ROWS, COLUMNS)[int(80 / STRIDE), int(180 / STRIDE)]
    assert inside == 0
    assert weight.view(ROWS, COLUMNS)[row, column] == 1


def test_changed_frames_keep_their_boxes_on_the_person() -> None:
    rng = np.random.default_rng(3)
    image = np.zeros((368, 656, 3), np.uint8)
    image[100:300, 250:350] = 255
    for _ in range(20):
        changed, boxes = change_frame(image, np.array([[250, 100, 350, 300]], np.float32), rng)
        x0, y0, x1, y1 = np.round(boxes[0]).astype(int)
        if min(x1 - x0, y1 - y0) > 8:
            middle = changed[(y0 + y1) // 2, (x0 + x1) // 2].astype(int)
            assert middle.sum() > 250


def test_of_boxes_on_one_person_the_surest_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 1, 11, 11], [50, 50, 60, 60]], np.float32)
    scores = np.array([0.6, 0.9, 0.7], np.float32)
    assert choose_boxes(scores, boxes, 0.5).tolist() == [1, 2]
    assert choose_boxes(scores, boxes, 0.8).tolist() == [1]
    assert choose_boxes(scores, boxes, 0.95).tolist() == []


def test_a_detector_given_as_a_net_of_poses_is_named_as_what_it_is(
    learned: Path, tmp_path: Path
) -> None:
    exported = export_net(ExportNetSettings(learned, "onnx", tmp_path / "person.onnx")).out
    for path in (learned, exported):
        with pytest.raises(KincapError, match=f"a detector of people.*own:{path}"):
            load_engine(path)


def test_files_that_are_not_detectors_are_refused(learned: Path, tmp_path: Path) -> None:
    with pytest.raises(KincapError, match="write own:FILE"):
        open_detector("own")
    other = tmp_path / "other.onnx"
    other.write_bytes(b"not an onnx file")
    with pytest.raises(KincapError, match="not an ONNX model"):
        open_detector(f"own:{other}")
    cut = tmp_path / "cut.ckpt"
    cut.write_bytes(learned.read_bytes()[:5000])
    with pytest.raises(KincapError, match=r"cut\.ckpt"):
        open_detector(f"own:{cut}")
    with pytest.raises(KincapError, match="exported with --format onnx"):
        export_net(ExportNetSettings(learned, "torchscript", tmp_path / "a.pt"))
    detector = load_detector(learned)
    weights = dict(detector.weights)
    weights.pop("heads.bias")
    save_detector(tmp_path / "bad.ckpt", DetectorCheckpoint(weights, 0.5))
    with pytest.raises(KincapError, match="don't fit"):
        load_detector(tmp_path / "bad.ckpt")


def test_the_command_refuses_crops_and_flags_of_poses(
    learned: Path, figures_h5: Path, tmp_path: Path
) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "kincap", "finetune", "--task", "detect", *words],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip

    crops = run("--data", str(figures_h5))
    assert crops.returncode == 2
    assert "kincap build --layout full" in crops.stderr
    flag = run("--data", str(figures_h5), "--model", "linna")
    assert flag.returncode == 2
    assert "--model" in flag.stderr
    # neither is without effect in silence
    for given in ("--tensorboard", "--shuffle-labels"):
        with pytest.raises(KincapError, match=f"{given}: not for --task detect"):
            FinetuneFlags(**{given[2:].replace("-", "_"): True}).detect_options()


def test_a_detector_is_not_trained_in_place_of_its_start(learned: Path, tmp_path: Path) -> None:
    before = learned.read_bytes()
    for options, match in (
        (DetectOptions(Path("x.h5"), init=learned, out=learned), "which the run starts from"),
        (DetectOptions(Path("x.h5"), out=tmp_path / "no" / "x.ckpt"), "there is no folder"),
        (DetectOptions(Path("x.h5"), seed=-1), "--seed: -1 is outside"),
    ):
        with pytest.raises(KincapError, match=match):
            finetune_detector(replace(options, runs=tmp_path / "runs"))
    assert learned.read_bytes() == before
    assert not (tmp_path / "runs").exists()


def test_figures_are_means_since_the_last_ones_and_an_interrupt_says_what_is_saved(
    tmp_path: Path,
) -> None:
    frames = {"train": draw_frames(8, 1), "val": draw_frames(2, 2)}
    data = write_kinect13(tmp_path / "kinect13.h5", frames)
    # so slow that the loss stays; a validation after steps 2, 4, 6 and 7
    options = DetectOptions(data, runs=tmp_path / "runs", steps=7, batch=8, lr=1e-9)
    done = finetune_detector(options)
    with (done.run / "metrics.csv").open() as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert len(losses) == 4
    assert losses[3] == pytest.approx(np.mean(losses[:3]), rel=0.2)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KincapError, match="interrupted; nothing was saved yet") as caught:
        finetune_detector(options, interrupt)
    assert caught.value.exit_code == 130
