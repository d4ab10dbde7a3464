"""The whole pipeline beside BlazePose on the real clip: CPU time of a frame, and PCK."""

import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.off_the_shelf.__main__ import FIRST_PART, LAST_PART, clip_frames, row
from kincap.engines.blazepose.teacher import BlazePose
from kincap.engines.constant_offsets import fit_offsets
from kincap.engines.onnx_engine import OnnxPoseEngine
from kincap.predict.detector import open_detector
from kincap.predict.smoothing import PoseSmoother
from kincap.predict.tracks import Tracker

FPS = 30
ROUNDS = 3


def measure_pipeline(data: Path, detector: str, weights: Path) -> tuple[float, str]:
    """Return our CPU time over BlazePose's, and a note.

    Both find the person by themselves and follow the person through all frames of the clip; they
    take turns, frame by frame. Decoding is left out, smoothing is in.

    Args:
        data: Folder of real recordings.
        detector: As predict takes it; ``blazepose`` runs in this process, so that its time counts.
        weights: An .onnx file.
    """
    with tempfile.TemporaryDirectory() as name:
        images, labels, trusted = clip_frames(data, Path(name))
    labels = np.nan_to_num(labels)
    ours, theirs, spent = [], [], []
    for _ in range(ROUNDS):
        blazepose, tracker, smoother = BlazePose(), Tracker(OnnxPoseEngine(weights)), PoseSmoother()
        finder = BlazePose() if detector == "blazepose" else open_detector(detector)
        ours, theirs = [], []
        for number, image in enumerate(images):
            time_s, began = 1 + number / FPS, time.process_time_ns()
            people = tracker.step(image, time_s, partial(finder.detect, image))
            for one in people:
                smoother.smooth(one.keypoints_px, time_s)
            done = time.process_time_ns()
            seen = blazepose.follow(image)
            spent.append((done - began, time.process_time_ns() - done))
            nothing = np.full((13, 2), np.nan)
            ours.append(people[0].keypoints_px if people else nothing)
            theirs.append(nothing if seen is None else seen.keypoints_px)
    own_ms, other_ms = np.mean(spent, axis=0) / 1e6
    found, other = np.stack(ours), np.stack(theirs)
    moved = fit_offsets(other[FIRST_PART], labels[FIRST_PART], trusted[FIRST_PART]).apply(other)
    shares = [
        row("", poses[LAST_PART], labels[LAST_PART], trusted[LAST_PART]).pck["0.1"]
        for poses in (found, other, moved)
    ]
    note = (
        f"ours {own_ms:.2f} ms a frame, BlazePose {other_ms:.2f} ms; PCK@0.1 on frames 72 to 102: "
        f"ours {shares[0]:.1f} %, BlazePose {shares[1]:.1f} %, with offsets {shares[2]:.1f} %"
    )
    return float(own_ms / other_ms), note
