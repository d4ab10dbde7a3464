"""Build from a real Kinect v2 recording, with the commands that a person types."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.geometry import unmirror_points
from kincap.core.skeleton import JOINT, KEYPOINT, KEYPOINT_JOINT
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.filters import FILTER_BITS, has_flag
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.sessions.edits.journal import add_edit
from kincap.sessions.reader import SessionReader

from .conftest import crop_to_image

Run = Callable[..., subprocess.CompletedProcess[str]]
WIDTH = 1920


@pytest.fixture
def real1(data_dir: Path, tmp_path: Path, kincap: Run) -> Path:
    """A folder with the recorded session ``real1``."""
    clip = data_dir / "ntu" / "S001C001P001R001A001_rgb.avi"
    if not clip.is_file():
        pytest.skip(f"no real recording at {clip}")
    recorded = kincap("record", "--session", "real1", "--source", f"ntu:{clip}")
    assert recorded.returncode == 0, recorded.stderr
    return tmp_path


def test_a_real_recording_is_built_and_accounted_for(real1: Path, kincap: Run) -> None:
    done = kincap("build", "--out", "kinect13.h5", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/build/1"
    assert report["kept"] + sum(report["rejected"].values()) == 103
    assert report["kept"] == sum(report["splits"].values()) == 22 + 21
    with open_kinect13(real1 / "kinect13.h5") as dataset:
        check_rows(real1, dataset)
    sheet = cv2.imread(str(real1 / report["sheet"]))
    assert sheet is not None
    assert min(sheet.shape[:2]) > 900
    table = kincap("build", "--dry-run")
    assert table.returncode == 0
    for words in (("kept:", "train", "22"), ("rejected:", "guard", "60"), ("candidates", "103")):
        assert any(all(word in line for word in words) for line in table.stdout.splitlines())


def check_rows(folder: Path, dataset) -> None:
    """Compare every row with the recording."""
    with SessionReader(folder / "recordings" / "real1") as reader:
        bodies = reader.bodies
    slot = int(np.flatnonzero(bodies["tracked"][0])[0])
    inferred = bodies["joint_state"][:, slot, JOINT["WristLeft"]] == 1
    assert abs(inferred.mean() - 0.83) < 0.01
    for name in dataset.splits:
        rows = dataset.split(name)
        seq = rows.color_seq.astype(int)
        points = rows.keypoints_px
        assert np.isfinite(points).all()
        # the person faces the camera: the left shoulder is on the right of the true image
        assert (points[:, KEYPOINT["l_shoulder"], 0] > points[:, KEYPOINT["r_shoulder"], 0]).all()
        wrist = rows.weight[:, KEYPOINT["l_wrist"]]
        named = has_flag(rows.keypoint_quality[:, KEYPOINT["l_wrist"]], *FILTER_BITS)
        assert np.array_equal(wrist == 0, inferred[seq] | named)
        assert (named & ~inferred[seq]).mean() < 0.05
        assert (rows.visibility[:, KEYPOINT["l_wrist"]] == np.where(inferred[seq], 1, 2)).all()
        stored = bodies["joint_color_px"][seq, slot][:, KEYPOINT_JOINT]
        back = crop_to_image(points, rows.bbox_xyxy_px, dataset.size)
        known = rows.visibility > 0
        assert np.abs(back - unmirror_points(stored, WIDTH))[known].max() < 0.01


def test_frames_that_the_reviewer_rejected_are_left_out(real1: Path) -> None:
    recordings = real1 / "recordings"
    add_edit(recordings / "real1", "reject", 3, 9)
    result = build(BuildSettings(out=real1 / "edited.h5", recordings=recordings, size=32))
    assert result.rejected["edits"] == 7
    assert result.kept + sum(result.rejected.values()) == 103
    with open_kinect13(real1 / "edited.h5") as dataset:
        assert not set(range(3, 10)) & set(dataset.split("train").color_seq.tolist())


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--val", "nobody"), "--val nobody"),
        (("--val", "real1"), "nothing is left for train"),
        (("--test", "real1"), "nothing is left for train"),
        (("--size", "30"), "--size 30"),
        (("--sessions", "x*"), "--sessions x*"),
        (("--recordings", "elsewhere"), "elsewhere"),
    ],
)
def test_a_bad_request_is_one_line_and_writes_nothing(tmp_path, kincap, args, named) -> None:
    from .conftest import Frame, Sessions

    Sessions(tmp_path / "recordings")("real1", [Frame()] * 3)
    before = sorted(tmp_path.iterdir())
    done = kincap("build", *args)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert named in done.stderr
    assert sorted(tmp_path.iterdir()) == before
