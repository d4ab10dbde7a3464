"""The truth beside a recording: what it holds, what a kill leaves of it, who tolerates it."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.simulator.sensor import open_simulator
from kincap.core.errors import SessionError
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Stream
from kincap.sessions.truth import TruthWriter, has_truth, load_truth, truth_dtype

SOURCE = "simulator:pace=fast,fps=10,seed=2"


def recorded(recordings: Path, options: str, name: str = "s1") -> Path:
    """Record a few frames into a session; return its folder."""
    record(RecordSettings(name, recordings, f"{SOURCE},{options}", shard_mib=32))
    return recordings / name


def test_rows_name_items_and_hold_joints_in_space_and_in_the_picture(tmp_path: Path) -> None:
    folder = recorded(tmp_path, "frames=8,persons=2,noise=0")
    truth = load_truth(folder)
    assert truth.faults == ()
    assert truth.color.dtype == truth_dtype(2)
    with SessionReader(folder) as reader:
        rows = reader.bodies
        assert np.array_equal(truth.color["seq"], reader.color["seq"])
        assert np.array_equal(truth.color["time_device"], reader.color["time_device"])
    slots = truth.bodies["slot"]
    every = np.arange(8)[:, None]
    assert (rows["tracking_id"][every, slots] == truth.bodies["tracking_id"]).all()
    assert np.array_equal(rows["joint_xyz_m"][every, slots], truth.bodies["joint_xyz_m"])
    off = rows["joint_color_px"][every, slots] - truth.bodies["joint_color_px"]
    assert np.abs(off).max() < 0.01
    assert np.array_equal(rows["joint_state"][every, slots] == 1, truth.bodies["hidden"] == 1)
    assert np.array_equal(truth.color["time_s"], truth.color["shown_s"])


def test_recordings_into_one_session_go_on_by_seq_and_may_have_more_people(
    tmp_path: Path,
) -> None:
    folder = recorded(tmp_path, "frames=5,persons=2,faults=stall@0.2-0.3")
    recorded(tmp_path, "frames=6,faults=lag@0.1-0.5")
    truth = load_truth(folder)
    with SessionReader(folder) as reader:
        for stream, rows in ((Stream.color, reader.color), (Stream.bodies, reader.bodies)):
            assert np.array_equal(truth.rows(stream)["seq"], rows["seq"])
    later = truth.bodies[truth.bodies["seq"] >= 4]
    assert (later["slot"][:, 1] == -1).all()
    assert np.isnan(later["joint_xyz_m"][:, 1]).all()
    assert [fault.name for fault in truth.faults] == ["stall", "lag"]
    assert truth.touched("lag", Stream.bodies).tolist() == [5, 6, 7, 8]
    assert truth.touched("stall", Stream.color).tolist() == [2]
    assert truth.faults[0].seq[Stream.color] == (1, 2)
    assert truth.touched("unheard_of", Stream.color).tolist() == []
    assert len(list((folder / "truth").iterdir())) == 4


def test_a_killed_recording_leaves_the_truth_of_every_acknowledged_item(
    tmp_path: Path, acknowledged
) -> None:
    source = "simulator:fps=30,seed=1,faults=crossed_arms@0.4-60+gaps@0.5-40"
    args = ["--session", "s1", "--source", source, "--shard-mib", "32"]
    log = acknowledged(args, tmp_path, kill=lambda _stream, _seq, count: count >= 60)
    assert log.code == -9
    folder = tmp_path / "recordings/s1"
    truth = load_truth(folder)
    for stream in (Stream.color, Stream.bodies):
        acked = [seq for number, seq in log.items if number == stream]
        assert acked
        assert set(acked) <= set(truth.rows(stream)["seq"].tolist())
        assert np.array_equal(truth.rows(stream)["seq"], np.arange(len(truth.rows(stream))))
    (crossed,) = [fault for fault in truth.faults if fault.name == "crossed_arms"]
    assert not crossed.ended
    assert crossed.seq[Stream.color][1] == truth.color["seq"][-1]
    with (folder / "truth/0000.rows").open("ab") as rows, (
        folder / "truth/0000.jsonl"
    ).open("a") as lines:  # fmt: skip
        rows.write(b"\1" * 100)  # a torn row, a torn line
        lines.write('{"fault": 7, "na')
    torn = load_truth(folder)
    assert np.array_equal(torn.color, truth.color)
    assert torn.faults == truth.faults


def test_the_commands_that_know_sessions_leave_it_alone_and_take_it_along(
    kincap, tmp_path: Path
) -> None:
    folder = recorded(tmp_path / "recordings", "frames=4,faults=freeze@0.1-0.3")
    before = (folder / "truth/0000.rows").read_bytes()
    for command in (("list",), ("show", "s1"), ("verify",), ("repair", "s1")):
        run = kincap("sessions", *command)
        assert run.returncode == 0, run.stderr
        assert "truth" not in run.stderr
    assert kincap("sessions", "rename", "s1", "s2", "--yes").returncode == 0
    moved = folder.with_name("s2")
    assert (moved / "truth/0000.rows").read_bytes() == before
    assert load_truth(moved).faults[0].name == "freeze"
    run = kincap("sessions", "delete", "s2", "--yes")
    assert run.returncode == 0, run.stderr
    assert not moved.exists()


def test_a_disk_that_refuses_the_truth_does_not_end_the_recording(tmp_path: Path) -> None:
    recorded(tmp_path, "frames=2")
    folder = tmp_path / "s1"
    for path in (folder / "truth").iterdir():
        path.unlink()
    (folder / "truth").rmdir()
    (folder / "truth").write_text("in the way")
    result = record(RecordSettings("s1", tmp_path, f"{SOURCE},frames=3", shard_mib=32))
    assert result.color_frames == 3
    assert any("no truth is kept" in warning for warning in result.warnings)


def test_without_a_recorder_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in open_simulator({"pace": "fast", "frames": "2", "faults": "freeze@0-0.03"}).items():
        pass
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_truth_is_named(tmp_path: Path) -> None:
    assert not has_truth(tmp_path)
    with pytest.raises(SessionError, match="no truth here"):
        load_truth(tmp_path)
    TruthWriter(tmp_path, 1, ("gaps",), {}).close()
    assert len(load_truth(tmp_path).color) == 0
    header = tmp_path / "truth/0000.jsonl"
    whole = header.read_text()
    for damage, words in (
        (whole.replace("truth/1", "truth/9"), "upgrade kincap"),
        (whole.replace('"persons": 1', '"persons": 1000'), "1000 persons"),
        ("no JSON at all\n", "truth of a recording"),
        (json.dumps([1]) + "\n", "truth of a recording"),
    ):
        header.write_text(damage)
        with pytest.raises(SessionError, match=words) as caught:
            load_truth(tmp_path)
        assert str(header) in str(caught.value)
    header.write_text("")  # killed before the first line
    assert load_truth(tmp_path).faults == ()


FILLS_THE_DISK = """
import resource, sys
from pathlib import Path
from kincap.sessions.truth import TruthWriter
writer = TruthWriter(Path(sys.argv[1]), 1, ("gaps",), {})
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
row = writer.empty()
try:
    for seq in range(9):
        row["stream"], row["seq"] = 1, seq
        writer.row(row)
except OSError:
    print(seq)
"""


def test_a_full_disk_leaves_whole_rows_and_the_writer_knows(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="this system has no limit on the size of files")
    command = [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    whole = 2000 // truth_dtype(1).itemsize
    assert int(done.stdout) == whole
    assert load_truth(tmp_path).color["seq"].tolist() == list(range(whole))
