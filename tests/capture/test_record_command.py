"""``kincap record`` as a command: what it prints, its exit codes, signals, who reads meanwhile."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from kincap.capture.record import RecordSettings, record

CLIP = "S001C001P001R001A001"
READER = """
import json, sys, time
from pathlib import Path
from kincap.sessions.lock import is_recording
from kincap.sessions.session_file import load_session
from kincap.sessions.reader import SessionReader
from kincap.sessions.shard.shard_reader import ShardReader

folder = Path(sys.argv[1])
print("ready", flush=True)
while not (folder / "000000.h5").exists():
    time.sleep(0.02)
seen, live = [], True
with ShardReader(folder / "000000.h5") as shard:  # opened once, before most rows are written
    until = time.monotonic() + 20
    while len(shard.rows("color_index")) < 60 and time.monotonic() < until:
        seen.append(len(shard.rows("color_index")))
        live = is_recording(folder)
        time.sleep(0.005)
    rows = shard.rows("color_index")
    for row in rows:
        assert shard.blob(row)[:2] == b"\\xff\\xd8"
with SessionReader(folder) as session:
    before = len(session.bodies)
    time.sleep(0.2)
    session.refresh()
    after = len(session.bodies)
print(json.dumps({"seen": seen, "live": live, "rows": len(rows), "grew": after > before}))
"""


def test_the_real_clip_as_json(kincap, data_dir, tmp_path):
    video = data_dir / "ntu" / f"{CLIP}_rgb.avi"
    run = kincap("record", "--session", "real1", "--source", f"ntu:{video}", "--json")
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout)
    assert done["schema"] == "kincap/record/1"
    assert (done["session"], done["path"]) == ("real1", "recordings/real1")
    assert (done["color_frames"], done["body_frames"], done["dropped"]) == (103, 103, {})
    assert (done["shards"], round(done["duration_s"], 2)) == (1, 3.4)
    assert (tmp_path / "recordings/real1/000000.h5").is_file()


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["--session", "s1"], 3, "no Kinect v2 on this machine"),
        (["--session", "../x", "--source", "simulator"], 2, "session name"),
        (["--session", "s1", "--source", "simulator", "--frames", "0"], 2, "--frames 0"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(kincap, tmp_path, args, code, says):
    run = kincap("record", *args)
    assert (run.returncode, run.stdout) == (code, "")
    assert says in run.stderr
    assert run.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_recording_needs_neither_pandas_nor_torch():
    code = "import sys, kincap.capture.record; print({'pandas', 'torch'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_another_process_sees_rows_while_they_are_written(tmp_path, memory_sensor):
    folder = tmp_path / "recordings" / "s1"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert reader.stdout.readline() == "ready\n"
    sensor = memory_sensor(frames=240, fps=60, live=True)
    done = record(RecordSettings("s1", folder.parent, shard_mib=32), sensor=sensor)
    out = reader.communicate(timeout=30)[0]
    assert reader.returncode == 0
    seen = json.loads(out)
    assert done.color_frames >= 60
    assert seen["live"]
    assert seen["rows"] >= 60
    assert seen["grew"]
    # it saw the table grow row by row, not in jumps: row n after row n-1
    assert len(set(seen["seen"])) > 10
    assert seen["seen"] == sorted(seen["seen"])


@pytest.fixture
def stored(tmp_path, memory_sensor):
    """Return a stored session of 600 pictures as a source that is read as fast as it is asked."""
    settings = RecordSettings("stored", tmp_path / "sources", shard_mib=64)
    return f"session:{record(settings, sensor=memory_sensor(frames=600)).path}"


def start(cwd, *args, **env):
    return subprocess.Popen(
        [sys.executable, "-m", "kincap", "record", *args], cwd=cwd, text=True,
        env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_for(path, until=20.0):
    end = time.monotonic() + until
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not appear"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_ends_a_recording_cleanly(tmp_path, stored, account, number):
    # every write takes 6 ms: the replay of 600 frames lasts longer than the test waits
    slow = {"KINCAP_FAULTS": "write:stall=0.006:*"}
    args = ("--session", "s1", "--source", stored, "--shard-mib", "8", "--json")
    process = start(tmp_path, *args, **slow)
    wait_for(tmp_path / "recordings/s1/000000.h5")
    time.sleep(0.5)
    refused = subprocess.run(
        [sys.executable, "-m", "kincap", "record", "--session", "s1", "--source", stored],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert refused.returncode == 2
    assert f"locked by process {process.pid} " in refused.stderr
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    done = json.loads(out)
    assert 0 < done["color_frames"] < 600
    read = account(tmp_path / "recordings/s1")
    assert len(read.stored["color"]) == done["color_frames"]
    assert read.emitted("color") == list(range(done["handed_over"]["color"]))
    assert (tmp_path / "recordings/s1/manifest.jsonl").is_file()


def test_a_second_signal_leaves_at_once(tmp_path, stored):
    process = start(
        tmp_path, "--session", "s1", "--source", stored, KINCAP_FAULTS="write:stall=0.5:20+"
    )
    wait_for(tmp_path / "recordings/s1/000000.h5")
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "interrupted" in err


def test_nobody_listens_on_stderr(tmp_path):
    source = "simulator:pace=fast,frames=40,faults=gaps@0-1"
    args = ["kincap", "record", "--session", "s1", "--source", source, "--no-report", "--json"]
    closed = (
        f"import os, sys; os.close(2); os.execv(sys.executable, [sys.executable, '-m', *{args!r}])"
    )
    run = subprocess.run(
        [sys.executable, "-c", closed], cwd=tmp_path, stdout=subprocess.PIPE, text=True, check=False
    )
    assert run.returncode == 0
    assert json.loads(run.stdout)["warnings"] != []
