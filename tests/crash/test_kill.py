"""SIGKILL at any moment: every shard opens, no acknowledged item is lost, recording goes on."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.capture.record import RecordSettings, record
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Stream

from .device import FastDevice
from .kill import MUST_BE_ZERO, Truth, run, store_source
from .recorder import PHASES, command, run_recorder

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_no_acknowledged_item_is_lost_by_20_kills(tmp_path: Path, kincap: Run) -> None:
    told: list[str] = []
    found = run(20, folder=tmp_path, tell=lambda text, _: told.append(text))
    assert found["failures"] == []
    assert {name: found[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
    assert found["killed"] >= 18, found
    inside = found["inside"]
    assert sum(inside.values()) - inside.get("between", 0) >= 5, inside
    # which steps a kill really fell into is up to the machine
    assert len(set(PHASES.values()) & set(inside)) >= 4, inside
    assert found["acknowledged"] >= 1000
    assert found["recovered_shards"] >= 4
    assert len(told) == found["sessions"] == 4
    verified = kincap("sessions", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("fault", ["create:kill:1", "create:kill:2", "rename:kill:1"])
def test_a_recorder_killed_while_it_made_the_session_is_in_nobodys_way(
    tmp_path: Path, kincap: Run, fault: str
) -> None:
    stored = store_source(tmp_path / "sources")
    words = ("record", "--session", "one", "--source", f"session:{stored}", "--shard-mib", 8)
    killed = kincap(*words, KINCAP_FAULTS=fault)
    assert killed.returncode == -9, killed.stderr
    assert not (tmp_path / "recordings" / "one" / "session.json").exists()
    again = kincap(*words)
    assert again.returncode == 0, again.stderr
    assert kincap("sessions", "verify").returncode == 0


def test_nothing_is_acknowledged_before_it_is_written(tmp_path: Path) -> None:
    settings = RecordSettings("stored", tmp_path / "sources", shard_mib=64)
    stored = record(settings, sensor=FastDevice(frames=30)).path
    truth = Truth()
    for write in range(40, 43):  # a body row, a picture, the picture's row
        words = ["--recordings", tmp_path, "--session", f"s{write}", "--shard-mib", 8]
        words = [*command(f"session:{stored}", None), *words]
        heard = run_recorder(words, faults=f"write:kill:{write}")
        assert heard.killed, heard.stderr
        with SessionReader(tmp_path / f"s{write}") as reader:
            problems = [truth.problem(reader, *item) for item in heard.items]
        assert len(problems) > 10
        assert not any(problems), problems


def test_the_comparison_sees_what_is_lost_and_what_is_wrong(tmp_path: Path) -> None:
    stored = store_source(tmp_path)
    shard = stored / "000000.h5"
    with SessionReader(stored) as reader:
        assert not any(Truth().problem(reader, of, 7) for of in (Stream.color, Stream.bodies))
        blobs = reader.shard(shard.name).layout.tables["blobs"].offset
        blob = int(reader.row_by_seq(Stream.color, 7)["offset"])
        bodies = reader.shard(shard.name).layout.tables["bodies"]
    shard.chmod(0o600)
    with shard.open("r+b") as file:
        file.seek(blobs + blob + 999)
        file.write(b"\x5a\xa5")
        file.seek(bodies.offset + 8 * bodies.dtype.itemsize)
        file.write(bytes(bodies.dtype.itemsize))
    with SessionReader(stored) as reader:
        found = [Truth().problem(reader, of, seq) for of in (1, 2) for seq in (7, 8)]
    assert found == ["damaged: color 7", None, None, "lost: bodies 8"]
