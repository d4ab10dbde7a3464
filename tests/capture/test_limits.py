"""A recorder under limits of file size and memory: exit 1 and one line, no traceback."""

import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("Windows has no such limits", allow_module_level=True)

import resource

from kincap.capture.record import RecordError, RecordSettings, record
from kincap.sessions.repair.verify import verify_session

MIB = 1 << 20
COMMAND = [
    *(sys.executable, "-m", "kincap", "record", "--session", "s1", "--no-report"),
    *("--source", "simulator:frames=5,pace=fast"),
]


def run_limited(folder: Path, kind: int, size: int, *args: str) -> tuple[int, str]:
    """Run ``kincap record`` under a limit; return its exit code and what it printed on stderr."""
    code = "import os, resource, sys; resource.setrlimit(int(sys.argv[1]), (int(sys.argv[2]),) * 2)"
    code += "; os.execv(sys.argv[3], sys.argv[3:])"
    command = [sys.executable, "-c", code, str(kind), str(size), *COMMAND, *args]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    return run.returncode, run.stderr


@pytest.mark.parametrize("size", [0, 1000, 60_000, MIB, 8 * MIB - 1])
def test_no_file_may_be_as_large_as_a_shard(tmp_path: Path, size: int) -> None:
    code, said = run_limited(tmp_path, resource.RLIMIT_FSIZE, size, "--shard-mib", "8")
    assert code == 1, said
    assert said.count("\n") == 1, said
    assert "File too large" in said
    assert not (tmp_path / "recordings" / "s1").exists()


def test_a_limit_that_comes_while_it_records(tmp_path: Path, memory_sensor) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    sensor = memory_sensor(frames=900, size_px=(640, 360))
    settings = RecordSettings("s1", tmp_path / "recordings", shard_mib=8, report=False)
    told: list[str] = []

    def limit(done: int, _total: int | None, _note: str) -> None:
        if done:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, before[1]))

    try:
        with pytest.raises(RecordError) as caught:
            record(settings, sensor=sensor, on_progress=limit, on_warning=told.append)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.exit_code == 1
    assert "File too large" in " ".join([*told, str(caught.value)])
    done = caught.value.result
    stored = done.color_frames + done.body_frames
    assert sum(done.handed_over.values()) == stored + sum(done.dropped.values())
    assert not [d for check in verify_session(done.path).shards for d in check.damage]


@pytest.mark.parametrize("size_mib", [200, 300, 450, 600])
def test_too_little_memory(tmp_path: Path, size_mib: int) -> None:
    code, said = run_limited(tmp_path, resource.RLIMIT_AS, size_mib * MIB)
    assert code == 1, said
    assert "Traceback" not in said
    assert said.splitlines()[-1].startswith("kincap: ")
    assert "memory" in said.splitlines()[-1]
