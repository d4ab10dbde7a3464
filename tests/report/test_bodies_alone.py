"""Sessions without pictures through every command that meets them."""

import json
from pathlib import Path

import pytest

from kincap.core.skeleton import JOINT_NAMES

FRAMES = 20


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Write a laban log of one person who stands still."""
    joints = ",".join(f"{0.1 * j:.2f},0.5,2.0,2" for j in range(len(JOINT_NAMES)))
    path = tmp_path / "log.csv"
    path.write_text("".join(f"{1000 + 330_000 * k},{joints},\n" for k in range(FRAMES)))
    return path


def test_list_show_verify_repair_replay_and_build(kincap, log: Path, tmp_path: Path) -> None:
    assert kincap("record", "--session", "log1", "--source", f"laban:{log}").returncode == 0
    listed = json.loads(kincap("sessions", "list", "--json").stdout)["sessions"][0]
    assert (listed["name"], listed["state"]) == ("log1", "sealed")
    assert (listed["color_frames"], listed["body_frames"]) == (0, FRAMES)
    shown = kincap("sessions", "show", "log1")
    assert shown.returncode == 0
    assert f"{FRAMES} body rows" in shown.stdout
    assert "estimated" in shown.stdout
    assert kincap("sessions", "verify").returncode == 0
    # a second take, then a copy of both
    assert kincap("record", "--session", "log1", "--source", f"laban:{log}").returncode == 0
    copied = kincap("record", "--session", "copy", "--source", "session:recordings/log1", "--json")
    assert json.loads(copied.stdout)["body_frames"] == 2 * FRAMES
    device = json.loads((tmp_path / "recordings/copy/session.json").read_text())["device"]
    assert device["projection"]["estimated"] is True

    refused = kincap("build", "--sessions", "copy")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "no colour pictures in copy" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not list(tmp_path.glob("kinect13.h5*"))

    shard = next((tmp_path / "recordings/log1").glob("*.h5"))
    shard.chmod(0o600)
    with shard.open("r+b") as file:
        file.seek(shard.stat().st_size - 600)
        file.write(b"\xff" * 8)
    assert kincap("sessions", "verify", "log1").returncode == 1
    repaired = kincap("sessions", "repair", "log1")
    assert repaired.returncode == 0, repaired.stderr
    assert kincap("sessions", "verify", "log1").returncode == 0


def test_beside_pictures_they_are_left_out_of_a_data_set_and_named(kincap, log: Path) -> None:
    source = "simulator:frames=20,fps=5,pace=fast"
    assert kincap("record", "--session", "film", "--source", source).returncode == 0
    assert kincap("record", "--session", "log1", "--source", f"laban:{log}").returncode == 0
    done = kincap("build", "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["sessions"]["log1"]["candidates"] == 0
    left_out = "log1: holds no colour pictures, nothing of it is in the data set"
    assert left_out in report["warnings"]
