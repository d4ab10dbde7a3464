"""A recorder whose folder is deleted, moved or replaced says so within seconds and ends with 1."""

import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.capture.record import RecordError, RecordSettings, record


def _delete(folder: Path) -> None:
    shutil.rmtree(folder)


def _move(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


def _replace(folder: Path) -> None:
    _move(folder)
    folder.mkdir()
    (folder / "mine.txt").write_text("of another program")


def _delete_the_shard(folder: Path) -> None:
    (folder / "000000.h5").unlink()


def _delete_all_above(folder: Path) -> None:
    shutil.rmtree(folder.parent)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no folder with an open file")
@pytest.mark.parametrize("harm", [_delete, _move, _replace, _delete_the_shard, _delete_all_above])
def test_it_is_noticed_at_once(
    tmp_path: Path, memory_sensor, kincap, harm: Callable[[Path], None]
) -> None:
    sensor = memory_sensor(frames=3000, fps=30, live=True)
    settings = RecordSettings("s1", tmp_path / "recordings", shard_mib=8)
    folder, when = tmp_path / "recordings" / "s1", []

    def strike() -> None:
        while not (folder / "000000.h5").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        harm(folder)
        when.append(time.monotonic())

    threading.Thread(target=strike).start()
    with pytest.raises(RecordError, match="deleted, moved or replaced") as caught:
        record(settings, sensor=sensor)
    assert caught.value.exit_code == 1
    assert time.monotonic() - when[0] < 10  # a second, on a machine with nothing else to do
    assert sensor.closed
    assert caught.value.result.report is None
    if harm is _replace:
        assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    elif harm is not _delete_the_shard:
        assert not folder.exists()
    if harm in (_move, _replace):
        moved = tmp_path / "recordings" / "elsewhere"
        assert kincap("sessions", "repair", "elsewhere").returncode == 0
        assert kincap("sessions", "verify", "elsewhere").returncode == 0
        assert (moved / "manifest.jsonl").stat().st_size > 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes no folder with an open file")
def test_the_command_says_it_in_a_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kincap", "record", "--session", "s1", "--source", "simulator"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    folder = tmp_path / "recordings" / "s1"
    while not (folder / "000000.h5").exists():
        time.sleep(0.05)
    time.sleep(1)
    shutil.rmtree(folder)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in said
    assert "deleted, moved or replaced while it was recorded into" in said
    assert not folder.exists()
