"""A disk that is full or fails: the recording ends cleanly and loses nothing it acknowledged."""

import os
import subprocess
from pathlib import Path

import pytest

from kincap.capture.record import RecordError, RecordSettings, record
from kincap.core.errors import KincapError
from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.sessions.manifest import read_manifest
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Stream


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a file system of 40 MB."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can mount a tmpfs")
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def check_acknowledged(folder: Path, items: list[tuple[int, int]]) -> None:
    with SessionReader(folder) as reader:
        there = {(int(Stream.color), int(seq)) for seq in reader.color["seq"]}
        there |= {(int(Stream.bodies), int(seq)) for seq in reader.bodies["seq"]}
        assert set(items) <= there
        for stream, seq in items:
            if stream == Stream.color:
                assert reader.color_blob(seq)[-2:] == b"\xff\xd9"


def test_a_full_disk_ends_the_recording_with_all_that_was_acknowledged(
    small_disk, tmp_path, memory_sensor, acknowledged, account, opens_plainly
):
    source = record(
        RecordSettings("stored", tmp_path / "sources", shard_mib=64),
        sensor=memory_sensor(frames=900),
    )
    args = ["--session", "s1", "--recordings", small_disk, "--shard-mib", 8]
    args += ["--source", f"session:{source.path}"]
    log = acknowledged(args, tmp_path)
    assert log.code == 1
    lines = log.stderr.strip().splitlines()
    assert "the next shard can't be prepared (No space left on device)" in log.stderr
    assert "no further shard can be made (No space left on device)" in lines[-1]
    folder = small_disk / "s1"
    sealed = read_manifest(folder)
    assert len(sealed) >= 3
    assert sorted(sealed) == sorted(p.name for p in folder.glob("*.h5*"))
    opens_plainly(folder)
    check_acknowledged(folder, log.items)
    # the end is accounted for too: what had been handed over and found no room is an event
    read = account(folder)
    assert read.emitted("color") == list(range(len(read.emitted("color"))))
    assert 0 < len(read.dropped["color"]) < 900
    # what cutting the last shard freed may hold one more; then nothing is begun any more
    for _ in range(6):
        again = acknowledged(args, tmp_path)
        assert again.code == 1
        if not again.items:
            break
    assert "no shard of 8 MiB can be made" in again.stderr
    check_acknowledged(folder, log.items)


@pytest.mark.parametrize("error", ["enospc", "eio"])
@pytest.mark.parametrize("kind", ["write", "reserve", "create", "sync", "rename"])
def test_an_error_at_any_call_loses_nothing_stored(tmp_path, memory_sensor, account, kind, error):
    numbers = {"write": (2, 3, 5, 9, 40, 41, 120, 500), "sync": (2, 3, 4, 6)}.get(kind, (2, 3, 4))
    for number in (1, *numbers):
        for more in ("", "+"):
            io = FaultyFileIO(parse_faults(f"{kind}:{error}:{number}{more}"))
            name = f"s{number}{'on' if more else ''}"
            settings = RecordSettings(name, tmp_path / "recordings", shard_mib=8)
            sensor = memory_sensor(frames=250)
            code, result = 0, None
            try:
                result = record(settings, sensor=sensor, io=io)
            except RecordError as failed:
                code, result = failed.exit_code, failed.result
            except KincapError as refused:
                code = refused.exit_code
            assert code in (0, 1)
            if result is None:
                assert not (settings.recordings / name).exists()
                continue
            read = account(result.path)
            assert len(read.stored["color"]) == result.color_frames
            assert len(read.stored["bodies"]) == result.body_frames
            handed = result.handed_over["color"] + result.handed_over["bodies"]
            kept = result.color_frames + result.body_frames
            assert kept + sum(result.dropped.values()) == handed
            if kind == "write" and more:
                continue  # then no event can be written either; the result alone says it
            for stream in ("color", "bodies"):
                assert read.emitted(stream) == list(range(result.handed_over[stream]))


def test_a_single_failed_write_costs_a_shard_but_no_frame(tmp_path, memory_sensor, account):
    io = FaultyFileIO(parse_faults("write:eio:100"))
    # large enough for all: no other shard is being prepared when the write of a row fails
    settings = RecordSettings("s1", tmp_path / "recordings", shard_mib=64)
    done = record(settings, sensor=memory_sensor(frames=100), io=io)
    assert (done.color_frames, done.body_frames, done.dropped) == (100, 100, {})
    assert any("a write failed" in warning for warning in done.warnings)
    assert account(done.path).stored["color"] == list(range(100))


def test_a_failed_sync_ends_the_shard_and_is_told(tmp_path, memory_sensor, account):
    # syncs: session.json (2), shard, then session.json of the take or that of the first second
    io = FaultyFileIO(parse_faults("sync:eio:4"))
    settings = RecordSettings("s1", tmp_path / "recordings", shard_mib=64)
    with pytest.raises(RecordError, match="can't be synced") as failed:
        record(settings, sensor=memory_sensor(frames=100, fps=50, live=True), io=io)
    result = failed.value.result
    assert result.color_frames == 100
    assert result.shards == 2
    assert account(result.path).stored["color"] == list(range(100))
