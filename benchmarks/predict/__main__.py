"""Speed of predict, each row side by side: python -m benchmarks.predict [--live-s S] [--out FILE].

Nets have fresh weights: only their time counts. Times are CPU time of one thread, medians of
calls that take turns, so that a busy machine slows both sides alike. The live row takes wall time
from a simulated camera of 30 frames a second (a real camera is untried) to the JSON line.

``--data DIR --detector own:FILE --weights FILE.onnx`` adds the whole pipeline beside BlazePose, on
the real clip of DIR. Rows that can't be measured here are empty, with the reason.
"""

import argparse
import gc
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch

from benchmarks.predict.pipeline import measure_pipeline
from kincap.core.skeleton import KEYPOINTS_13
from kincap.engines.crop import cut_crops
from kincap.engines.detection import Detection
from kincap.engines.engine import PoseEngine, PoseResult
from kincap.engines.onnx_engine import OnnxPoseEngine, open_session, to_pixels
from kincap.predict.deployed_net import torch_engine
from kincap.predict.export.export import ExportNetSettings, export_net, metadata
from kincap.predict.export.int8 import quantize
from kincap.predict.export.onnx_file import set_meta
from kincap.predict.outputs.frame_poses import FramePoses
from kincap.predict.smoothing import PoseSmoother
from kincap.predict.sources.camera import CameraSource, Grabbed
from kincap.predict.tracks import Tracker
from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.nets.registry import build_net

STANDING = np.array(
    [(0.5, 0.1), (0.4, 0.24), (0.34, 0.4), (0.3, 0.54), (0.6, 0.24), (0.66, 0.4), (0.7, 0.54),
     (0.44, 0.54), (0.43, 0.72), (0.42, 0.9), (0.56, 0.54), (0.57, 0.72), (0.58, 0.9)]
)  # fmt: skip
"""(13, 2) crop units."""
SIZES = {"compact": 192, "linna": 224}
CALLS = {"compact": 60, "linna": 15}
FPS = 30
STEPS = 100


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: What is measured.
        against: What it is compared with.
        value: Ratio or ms; None: not measured.
        target: The most that it may be.
        note: The figures that it comes from, or why there is none.
    """

    what: str
    against: str
    value: float | None
    target: float
    note: str


def cpu_ms(calls: Sequence[Callable[[], object]], turns: int) -> list[float]:
    """Return the median CPU time of each call in ms; they take turns."""
    for call in calls:
        for _ in range(3):
            call()
    times: list[list[float]] = [[] for _ in calls]
    gc.disable()
    for _ in range(turns):
        for call, spent in zip(calls, times, strict=True):
            began = time.process_time_ns()
            call()
            spent.append((time.process_time_ns() - began) / 1e6)
    gc.enable()
    return [median(spent) for spent in times]


def make_net(folder: Path, model: str) -> Path:
    """Save a net with fresh weights and export it."""
    torch.manual_seed(0)
    size = SIZES[model]
    net = build_net(model, 1.0, size)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    path = folder / f"{model}.ckpt"
    save_checkpoint(
        path, Checkpoint(model, 1.0, size, weights, torch.full((13, 2), 0.5), mirror_training=True)
    )
    export_net(ExportNetSettings(path, "onnx"))
    return path


def measure_net(weights: Path) -> tuple[float, float, float]:
    """Return CPU ms of the engine of predict, of plain onnxruntime, and of torch's forward."""
    exported = weights.with_suffix(".onnx")
    engine, plain = OnnxPoseEngine(exported), open_session(exported)
    by_torch = torch_engine(load_checkpoint(weights), torch.device("cpu"))
    crop = np.random.default_rng(0).integers(0, 256, (1, engine.size, engine.size, 3), np.uint8)
    pixels = to_pixels(crop)
    calls = (
        lambda: engine.poses(crop),
        lambda: plain.run(None, {"pixels": pixels}),
        lambda: by_torch.poses(crop),
    )
    ours, theirs, torchs = cpu_ms(calls, CALLS[weights.stem])
    return ours, theirs, torchs


def net_rows(folder: Path) -> list[Row]:
    """Return the rows of the nets alone."""
    rows = []
    for model, target in (("compact", 0.56), ("linna", 0.74)):
        ours, plain, by_torch = measure_net(make_net(folder, model))
        note = f"{ours:.2f} ms, onnxruntime {plain:.2f} ms, torch {by_torch:.2f} ms"
        what = f"{model} {SIZES[model]} px"
        rows.append(Row(what, "plain onnxruntime, same file", ours / plain, 1.05, note))
        rows.append(Row(f"{what} through predict", "torch forward", ours / by_torch, target, note))
    return rows


def int8_row(folder: Path) -> Row:
    """Return the row of compact with 8-bit convolutions; their ranges are those of made-up crops.

    What int8 costs in PCK, kincap export measures on the user's own data.
    """
    weights = folder / "compact.ckpt"
    made, checkpoint = folder / "compact-int8.onnx", load_checkpoint(weights)
    coarse = np.random.default_rng(0).integers(0, 256, (32, 24, 24, 3), np.uint8)
    crops = coarse.repeat(8, axis=1).repeat(8, axis=2)
    quantize(folder / "compact.onnx", made, crops)
    set_meta(made, metadata(checkpoint, ExportNetSettings(weights, "onnx", int8=True)))
    engine, by_torch = OnnxPoseEngine(made), torch_engine(checkpoint, torch.device("cpu"))
    calls = (lambda: engine.poses(crops[:1]), lambda: by_torch.poses(crops[:1]))
    ours, torchs = cpu_ms(calls, CALLS["compact"])
    what = f"compact {SIZES['compact']} px, int8, through predict"
    return Row(what, "torch forward", ours / torchs, 0.5, f"{ours:.2f} ms, torch {torchs:.2f} ms")


class StandingEngine:
    """An engine that gives the pose of a standing person, after the work of another one or none.

    Poses of fresh weights are all in one point, which no tracker follows.
    """

    def __init__(self, size: int, engine: PoseEngine | None = None) -> None:
        self.size, self.keypoint_names = size, KEYPOINTS_13.points
        self._engine, self._noise = engine, np.random.default_rng(0).normal(0, 0.003, (64, 13, 2))
        self._calls = 0

    def poses(self, crops):
        """Return the pose for each crop."""
        if self._engine is not None:
            self._engine.poses(crops)
        self._calls += 1
        moved = (STANDING + self._noise[self._calls % 64]).astype(np.float32)
        sure = np.full((len(crops), 13), 0.9, np.float32)
        return PoseResult(np.repeat(moved[None], len(crops), axis=0), sure)


def tracking_row(folder: Path) -> Row:
    """Return the row of tracking, smoothing and box: steps without a net, less their crops.

    Whole runs are timed: reading the clock of CPU time takes as long as a step on some machines.
    """
    size = SIZES["compact"]
    image = np.full((1080, 1920, 3), 90, np.uint8)
    box = np.array([700.0, 200.0, 1200.0, 950.0])
    shown = []

    def steps() -> None:
        tracker, smoother = Tracker(StandingEngine(size)), PoseSmoother()
        shown.clear()
        for number in range(STEPS):
            time_s = 1 + number / FPS
            for one in tracker.step(image, time_s, lambda: [Detection(box, 1.0)]):
                smoother.smooth(one.keypoints_px, time_s)
                shown.append(one.bbox_xyxy_px[None])

    def crops() -> None:
        for boxes in shown:
            cut_crops(image, boxes, size)

    engine = OnnxPoseEngine(folder / "compact.onnx")
    crop = np.zeros((1, size, size, 3), np.uint8)
    steps_ms, crops_ms, net_ms = cpu_ms((steps, crops, lambda: engine.poses(crop)), 9)
    rest, what = (steps_ms - crops_ms) / STEPS, "tracking + smoothing + box"
    note = f"{rest:.3f} ms of {net_ms:.2f} ms; the crop takes {crops_ms / STEPS:.2f} ms more"
    return Row(what, "the pose net (compact)", rest / net_ms, 0.05, note)


def live_row(folder: Path, live_s: float) -> Row:
    """Return the row from camera to JSON line."""
    image = np.full((1080, 1920, 3), 90, np.uint8)
    grabbed: dict[int, float] = {}
    began = time.monotonic()
    numbers = itertools.count()

    def grab() -> Grabbed | None:
        number = next(numbers)
        due = began + number / FPS
        time.sleep(max(0.0, due - time.monotonic()))
        if due - began > live_s:
            return None
        grabbed[number] = time.monotonic()
        return Grabbed(image)

    engine = StandingEngine(SIZES["compact"], OnnxPoseEngine(folder / "compact.onnx"))
    tracker, smoother = Tracker(engine), PoseSmoother()
    source = CameraSource("camera:simulated", grab, lambda: None)
    box, late = np.array([700.0, 200.0, 1200.0, 950.0]), []
    with open("/dev/null" if sys.platform != "win32" else "NUL", "w", encoding="utf-8") as out:
        for frame in source.frames():
            time_s = frame.time_s or 0.0
            people = tracker.step(frame.image, 1 + time_s, lambda: [Detection(box, 1.0)])
            smoothed = [smoother.smooth(one.keypoints_px, 1 + time_s) for one in people]
            size = frame.image.shape[1], frame.image.shape[0]
            line = FramePoses(frame.number, "", time_s, size, tuple(people), tuple(smoothed))
            print(json.dumps(line.to_json()), file=out, flush=True)
            late.append(1e3 * (time.monotonic() - grabbed[frame.number]))
    source.close()
    quarter = max(1, len(late) // 4)
    growth = median(late[-quarter:]) - median(late[:quarter])
    note = (
        f"ms; p50 {median(late):.1f}, {len(late)} frames in {live_s:.0f} s, {source.dropped} "
        f"dropped, last quarter {growth:+.1f} ms against the first; box given"
    )
    return Row("camera to JSON line, p95", "30 fps", float(np.percentile(late, 95)), 33, note)


def pipeline_row(data: Path | None, detector: str, weights: Path | None) -> Row:
    """Return the row of the whole pipeline."""
    what, against = (
        "whole pipeline, 1 person, 1080p",
        "BlazePose with its own detector and tracking",
    )
    if data is None or weights is None:
        return Row(what, against, None, 0.5, "not measured: no --data and --weights")
    value, note = measure_pipeline(data, detector, weights)
    return Row(what, against, value, 0.5, note)


def main() -> None:
    """Measure, print the table, and write it as JSON if asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--live-s", type=float, default=20.0, help="length of the live row")
    parser.add_argument("--data", type=Path, help="folder of real recordings")
    parser.add_argument("--detector", default="blazepose", help="as predict takes it")
    parser.add_argument("--weights", type=Path, help="an .onnx file, for the whole pipeline")
    parser.add_argument("--out", type=Path, help="a JSON file to write")
    given = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="kincap-predict-") as name:
        folder = Path(name)
        rows = [*net_rows(folder), int8_row(folder)]
        rows.append(pipeline_row(given.data, given.detector, given.weights))
        rows += [tracking_row(folder), live_row(folder, given.live_s)]
    rows.append(Row("linna on a GPU, eager, ms", "", None, 1.0, "not measured: no GPU here"))
    print("| what | against | value | target | note |\n|---|---|---|---|---|")
    for row in rows:
        value = "" if row.value is None else f"{row.value:.3f}"
        print(f"| {row.what} | {row.against} | {value} | {row.target:g} | {row.note} |")
    if given.out is not None:
        given.out.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
