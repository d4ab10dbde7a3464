"""Labels beside the truth: exact where nothing is wrong, counted by fault where something is."""

import json
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.core.skeleton import KEYPOINT_NAMES
from kincap.dataset.build import BuildSettings, build
from kincap.sessions.schema import Stream
from kincap.sessions.truth import TRUTH_FOLDER, TruthWriter

from .conftest import Body, Frame

FRAMES = 120
NAMES = ("side_swap", "outliers", "unplug")


def write_truth(folder: Path, frames: list[Frame], faults: dict[int, int], off: float = 0) -> None:
    """Write the truth of drawn frames: everybody ``off`` pixels to the right; bits of faults."""
    writer = TruthWriter(folder, 1, NAMES, {})
    for seq, frame in enumerate(frames):
        for stream in (Stream.color, Stream.bodies):
            row = writer.empty()
            row["stream"], row["seq"], row["slot"] = stream, seq, frame.bodies[0].slot
            row["tracking_id"] = 7_000 + frame.bodies[0].slot
            joints = frame.bodies[0].joints_px()
            row["joint_color_px"] = np.stack([319 - (joints[:, 0] + off), joints[:, 1]], axis=-1)
            row["faults"] = faults.get(seq, 0)
            writer.row(row)
    writer.close()


def dry_run(recordings: Path, **more: object):
    """Count only, with everything in one split."""
    settings = {"sessions": "*", "val": "0.2", "dry_run": True, "workers": 1, **more}
    return build(BuildSettings(recordings=recordings, **settings))


def test_errors_and_counts_are_those_of_the_labels(sessions) -> None:
    """All 3 px off; of three frames with outliers two have a wrist elsewhere, one inferred."""
    frames = [Frame((Body(),)) for _ in range(FRAMES)]
    moved = {"WristLeft": (40.0, 60.0)}
    truth = [Frame((Body(),)) for _ in range(FRAMES)]
    frames[3] = Frame((Body(moved=moved),))
    frames[4] = Frame((Body(moved=moved, inferred=("WristLeft",)),))
    folder = sessions("sim", frames)
    write_truth(folder, truth, {3: 0b010, 4: 0b010, 5: 0b010, 7: 0b101}, off=3)
    done = dry_run(sessions.recordings)
    error = done.label_error
    kept = done.kept * len(KEYPOINT_NAMES) - 1
    assert (error["labels"], error["median_px"], error["wrong"]) == (kept, 3.0, 1)
    assert error["sessions"] == ["sim"]
    assert error["unknown"] == 0
    assert error["groups"]["head"]["p95_px"] == 3.0
    assert error["groups"]["wrist"] == {
        "labels": 2 * done.kept - 1, "median_px": 3.0, "p95_px": 3.0, "wrong": 1
    }  # fmt: skip
    faults = error["faults"]
    assert set(faults) == {"none", "side_swap", "outliers", "unplug"}
    assert faults["outliers"] == {
        "labels": 39, "wrong": 2, "wrong_kept": 1, "wrong_rejected": 1, "right_rejected": 0
    }  # fmt: skip
    assert faults["side_swap"] == faults["unplug"]
    assert faults["side_swap"]["labels"] == 13
    assert faults["none"]["wrong"] == 0
    assert faults["none"]["labels"] == 13 * (FRAMES - 4)
    rejected = sum(done.rejected.values())
    assert faults["none"]["right_rejected"] == 13 * rejected


def test_people_that_the_truth_does_not_know_are_counted_apart(sessions) -> None:
    """A second body in another slot, and a frame without any."""
    frames = [Frame((Body(),)) for _ in range(FRAMES)]
    truth = list(frames)
    frames[2] = Frame((Body(), Body(x=60, slot=4)))
    frames[3] = Frame(body_after_ms=None)
    folder = sessions("sim", frames)
    write_truth(folder, truth, {})
    done = dry_run(sessions.recordings, bodies="all")
    assert done.label_error["unknown"] == 1
    assert done.label_error["labels"] == 13 * (done.kept - 1)
    assert done.label_error["median_px"] == 0
    assert done.label_error["faults"].keys() == {"none"}


def test_only_where_every_session_has_a_truth(sessions, walk) -> None:
    first, frames = sessions("sim1", walk(FRAMES)), walk(FRAMES)
    sessions("sim2", frames)
    write_truth(first, frames, {})
    assert dry_run(sessions.recordings).label_error is None
    assert dry_run(sessions.recordings, sessions="sim1").label_error["median_px"] == 0
    next((first / TRUTH_FOLDER).glob("*.jsonl")).write_text('{"schema": "of/others/9"}\n')
    done = dry_run(sessions.recordings, sessions="sim1")
    assert done.label_error is None
    assert any("labels' error is not known" in warning for warning in done.warnings)


def test_the_truth_decides_nothing_in_the_file(sessions, walk, tmp_path) -> None:
    frames = walk(FRAMES)
    folder = sessions("sim", frames)
    settings = {"recordings": sessions.recordings, "size": 32, "workers": 1}
    without = build(BuildSettings(out=tmp_path / "a.h5", **settings))
    write_truth(folder, frames, {3: 1}, off=2)
    done = build(BuildSettings(out=tmp_path / "b.h5", **settings))
    assert done.sha256 == without.sha256
    beside = json.loads((tmp_path / "b.h5.json").read_text())
    assert beside["label_error"] == done.label_error
    assert done.label_error["median_px"] == 2


@pytest.fixture(scope="module")
def swapped(tmp_path_factory) -> Path:
    """Recordings with a take of 90 simulated frames, sides swapped for a while."""
    recordings = tmp_path_factory.mktemp("swapped") / "recordings"
    source = "simulator:frames=90,fps=15,seed=5,noise=0.05,pace=fast,faults=side_swap@0.8-1.8"
    record(RecordSettings("sim", recordings, source))
    return recordings


def test_a_simulated_fault_is_found_in_the_labels_and_nothing_else_is(swapped) -> None:
    error = dry_run(swapped).label_error
    none, swap = error["faults"]["none"], error["faults"]["side_swap"]
    assert none["wrong"] == 0
    assert swap["wrong"] > 13
    assert swap["wrong"] == swap["wrong_kept"] + swap["wrong_rejected"]
    assert error["wrong"] == swap["wrong_kept"]
    # with little noise labels are the truth, but for the 2 to 9 ms between body and picture
    assert error["median_px"] < 2


def test_the_command_prints_it(swapped, kincap) -> None:
    done = kincap("build", "--recordings", swapped, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "kept labels against the truth" in done.stdout
    assert "side_swap" in done.stdout
    done = kincap("build", "--recordings", swapped, "--dry-run", "--json")
    assert json.loads(done.stdout)["label_error"]["groups"]["wrist"]["labels"] > 0
