"""kincap import: many recordings, each once, whatever happens in between."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kincap.capture.import_recordings import session_name
from kincap.core.skeleton import JOINT_NAMES
from kincap.sessions.folders import check_session_name, find_sessions
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.session_file import load_session


def write_irds(path: Path, frames: int) -> None:
    lines = ["Version0.1"]
    for k in range(frames):
        joints = (f"({n},Tracked,{0.1 * j:.2f},0.5,2.0,1,2)" for j, n in enumerate(JOINT_NAMES))
        lines.append(",".join([str(k), "5", str(33 * k), *joints]))
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def logs(tmp_path):
    """Return a folder of six logs: 1_1.txt has 11 frames, 1_2.txt 12 ..."""
    folder = tmp_path / "logs"
    folder.mkdir()
    for k in (1, 2, 3, 4, 5, 10):
        write_irds(folder / f"1_{k}.txt", 10 + k)
    return folder


def sessions(tmp_path: Path) -> list[str]:
    return find_sessions(tmp_path / "recordings")


def test_many_recordings_become_sessions_and_a_table(tmp_path, logs, kincap):
    done = kincap("import", f"irds:{logs}/*.txt", "--no-report")
    assert done.returncode == 0, done.stderr
    rows = [line.split()[:4] for line in done.stdout.splitlines() if "recorded" in line]
    names = ["1_1", "1_2", "1_3", "1_4", "1_5", "1_10"]
    assert [row[:2] for row in rows[:-1]] == [[name, "recorded"] for name in names]
    assert done.stdout.splitlines()[-1] == "6 recorded"
    assert sorted(sessions(tmp_path)) == sorted(names)
    for name in names:
        folder = tmp_path / "recordings" / name
        assert verify_session(folder).ok
        info = load_session(folder)
        assert (info.name, info.subject, info.outfit) == (name, "irds-1", name)
    again = kincap("import", f"irds:{logs}/*.txt", "--json")
    assert json.loads(again.stdout)["counts"] == {"exists": 6}
    write_irds(logs / "1_6.txt", 5)
    more = json.loads(kincap("import", f"{logs}", "--json").stdout)
    assert (more["schema"], more["counts"]) == ("kincap/import/1", {"exists": 6, "recorded": 1})
    assert [s["verdict"] is not None for s in more["sessions"] if s["state"] == "recorded"] == [
        True
    ]


def test_a_bad_file_is_named_and_the_others_are_recorded(tmp_path, logs, kincap):
    (logs / "1_3.txt").write_text("Version0.1\n1,2,3\n")
    done = kincap("import", f"irds:{logs}/*.txt", "--no-report")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == "5 recorded, 1 refused"
    assert f"1_3: {logs}/1_3.txt: line 2: 0 joints" in done.stderr
    assert "1_3" not in sessions(tmp_path)


def test_a_killed_import_goes_on_where_it_was(tmp_path, logs, kincap):
    for path in logs.iterdir():
        write_irds(path, 1500)
    start_import(tmp_path, logs, until=1, number=signal.SIGKILL if os.name == "posix" else None)
    done = kincap("import", f"irds:{logs}/*.txt", "--no-report", "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)["counts"]
    assert counts["exists"] >= 1
    assert sum(counts.values()) == 6
    assert len(sessions(tmp_path)) == 6
    for name in sessions(tmp_path):
        assert not name.startswith("importing-")
        shown = verify_session(tmp_path / "recordings" / name)
        assert shown.ok
    assert sum(1 for _ in (tmp_path / "recordings").glob("*/session.json")) == 6


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_ends_an_import_with_whole_sessions_alone(tmp_path, logs, kincap):
    for path in logs.iterdir():
        write_irds(path, 1500)
    code, out = start_import(tmp_path, logs, until=1, number=signal.SIGINT)
    assert code == 130
    assert "waiting" in out
    there = sessions(tmp_path)
    assert 1 <= len(there) < 6
    done = json.loads(kincap("import", f"irds:{logs}/*.txt", "--no-report", "--json").stdout)
    assert done["counts"] == {"exists": len(there), "recorded": 6 - len(there)}


def start_import(
    tmp_path: Path, logs: Path, until: int, number: int | None
) -> tuple[int | None, str]:
    """Run an import until some sessions are complete, then end it with a signal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", "import", f"irds:{logs}/*.txt", "--no-report"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    recordings, end = tmp_path / "recordings", time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        if sum(not p.name.startswith("importing-") for p in recordings.glob("1_*")) >= until:
            break
        time.sleep(0.01)
    if number is None:
        process.kill()
    else:
        process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


def test_files_that_would_get_one_name_are_refused_before_anything(tmp_path, logs, kincap):
    other = tmp_path / "other"
    other.mkdir()
    write_irds(other / "1_1.txt", 4)
    both = (f"irds:{logs}/*.txt", f"irds:{other}/*.txt")
    refused = kincap("import", *both)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "would be session 1_1" in refused.stderr
    assert kincap("import", both[0], "--no-report").returncode == 0
    second = kincap("import", both[1], "--no-report")
    assert second.returncode == 2
    assert "pass --prefix" in second.stderr
    assert kincap("import", both[1], "--no-report", "--prefix", "b-").returncode == 0
    assert "b-1_1" in sessions(tmp_path)


@pytest.mark.parametrize("pattern", ["irds:/nowhere/*.txt", "/nowhere", "irds:/nowhere/a.txt"])
def test_a_pattern_that_matches_nothing_is_refused(pattern, kincap):
    done = kincap("import", pattern)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "matches no recording" in done.stderr


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("S001C001P001R001A001_rgb.avi", "S001C001P001R001A001"),
        ("a b/ä ö.csv", "recording"),
        ("x..y z.txt", "x.y-z"),
        ("-_.txt", "recording"),
        ("a" * 90 + ".txt", "a" * 54),
    ],
)
def test_every_file_name_gives_an_allowed_session_name(path, name):
    assert session_name(Path(path)) == name
    check_session_name(session_name(Path(path)))


def test_ntu_names_fill_subject_camera_and_action(tmp_path, data_dir, kincap):
    done = kincap("import", data_dir / "ntu", "--no-report", "--json")
    assert done.returncode == 0, done.stderr
    found = {one["session"]: one for one in json.loads(done.stdout)["sessions"]}
    assert found["S001C001P001R001A001"]["color_frames"] == 103
    assert found["S001C001P001R001A050"]["body_frames"] == 74
    info = load_session(tmp_path / "recordings" / "S002C001P003R001A003")
    assert (info.subject, info.outfit) == ("ntu-P003", "ntu-S002P003")
    assert info.device.id == "ntu:S002C001"
    assert info.tags == ["action-A003", "repetition-R001", "setup-S002"]
