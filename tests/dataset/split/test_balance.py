"""Balancing by pose: frequent poses lose rows, rare ones none."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.split.balance import chosen_rows, pose_bins

from ..conftest import Body, Frame, Sessions


def pose(wrist: tuple[float, float]) -> Frame:
    """Return a frame in which the left wrist is moved by some pixels."""
    body = Body()
    at = body.joints_px()[7 - 1]
    return Frame((Body(moved={"WristLeft": (float(at[0] + wrist[0]), float(at[1] + wrist[1]))}),))


@pytest.fixture
def recordings(sessions: Sessions) -> Path:
    """A session with 60 frames of one pose and 6 of another, and one for validation."""
    sessions("train1", [pose((0, 0))] * 30 + [pose((0, -60))] * 6 + [pose((0, 0))] * 30)
    sessions("val1", [pose((0, 0))] * 20)
    return sessions.recordings


def test_a_frequent_pose_keeps_rows_over_its_whole_time(recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "set.h5"
    result = build(BuildSettings(out, recordings, val="val1", size=16, workers=1, balance=1.0))
    assert result.balance == {
        "factor": 1.0, "bins": 2, "fullest": 60, "most": 33, "rows": 66, "kept": 39,
    }  # fmt: skip
    assert result.rejected["balance"] == 27
    assert result.splits == {"train": 39, "val": 20}
    with open_kinect13(out) as dataset:
        seq = dataset.split("train").color_seq
        assert set(range(30, 36)) <= set(seq.tolist())
        assert np.diff(seq).max() <= 3
        assert "balance = 1.0" in dataset.meta.settings
        assert dataset.meta.counts["balance"] == result.balance


@pytest.mark.parametrize("factor", [0.5, 0.0, float("nan"), 1e9])
def test_a_factor_that_cannot_be_is_refused(
    recordings: Path, tmp_path: Path, factor: float
) -> None:
    with pytest.raises(DatasetError, match="--balance .*: expected 1 to 1000"):
        build(BuildSettings(tmp_path / "set.h5", recordings, balance=factor))


def test_thinning_leaves_out_frames_without_motion(
    recordings: Path, kincap: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    args = ("build", "--recordings", recordings, "--val", "val1", "--dry-run", "--json", "--thin")
    done = kincap(*args, 0.05)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    # of four still stretches the first frame is kept
    assert counts["splits"] == {"train": 3, "val": 1}
    assert counts["rejected"]["redundancy"] == 82
    refused = kincap(*args, 2)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "kincap: --thin 2: expected a share of the torso from 0 to 1\n"


def test_a_bin_says_where_both_wrists_are_and_nothing_else() -> None:
    body = Body()
    points = body.joints_px()[[3, 8, 9, 10, 4, 5, 6, 16, 17, 18, 12, 13, 14]]
    some = np.stack([points, points * 1.7 + 40, points, points, points])
    some[2, 6] += [0, -80]  # the left wrist
    some[3, 3] = np.nan
    some[4, 9] += 50
    bins = pose_bins(some)
    assert bins[0] == bins[1] == bins[4]
    assert len(set(bins.tolist())) == 3


def test_rows_of_a_bin_are_chosen_evenly() -> None:
    bins = np.array([1] * 9 + [2] * 2)
    assert np.flatnonzero(chosen_rows(bins, 3)).tolist() == [0, 4, 8, 9, 10]
    assert chosen_rows(bins, 9).all()
