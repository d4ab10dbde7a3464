"""Duration, size, state, problems and counts of a session: the same wherever they are asked for."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.core.checked_json import dump_checked, load_checked
from kincap.core.files.file_io import FileIO, LockFile
from kincap.core.jpeg import encode_jpeg
from kincap.report.quality import make_quality
from kincap.review.session_list import SessionList
from kincap.sessions.details import show_session
from kincap.sessions.folders import SESSION_FILE
from kincap.sessions.lock import LOCK_FILE
from kincap.sessions.manifest import MANIFEST
from kincap.sessions.schema import empty_body_row, pack_index_row
from kincap.sessions.shard.sealing import seal
from kincap.sessions.shard.shard_writer import ShardWriter
from kincap.sessions.summary import list_sessions

from .repair.conftest import Tape, make_session

Run = Callable[..., subprocess.CompletedProcess[str]]
_JPEG = encode_jpeg(np.zeros((64, 96, 3), np.uint8))
KEYS = ("state", "duration_s", "bytes", "frames", "problem", "rejected")


def answers(recordings: Path, name: str) -> dict[str, dict[str, Any]]:
    """Return what each place says of a session, in the same keys."""
    listed = next(one for one in list_sessions(recordings) if one.name == name).to_json()
    shown = show_session(recordings, name).to_json()
    page = next(one for one in SessionList(recordings).report()["sessions"] if one["name"] == name)
    found = {
        "list": listed | {"frames": listed["color_frames"] or listed["body_frames"]},
        "show": shown | {"frames": shown["color_frames"] or shown["body_frames"]},
        "review": page | {"duration_s": round(page["duration_s"], 3)},
    }
    for said in (found["list"], found["show"]):
        said["problem"] = "; ".join(said["problems"]) or None
        said["rejected"] = said["rejected_frames"]
    return {place: {key: said[key] for key in KEYS} for place, said in found.items()}


def agree(recordings: Path, name: str) -> dict[str, Any]:
    """Check that all places say the same of a session, and return it."""
    found = answers(recordings, name)
    assert found["show"] == found["list"]
    assert found["review"] == found["list"]
    return found["list"]


def _report_s(folder: Path) -> float:
    """Return the duration that the report says."""
    duration: float = make_quality(folder, FileIO(), lag=False)["whole"]["duration_s"]
    return duration


def _clean(folder: Path) -> None:
    make_session(folder)
    (folder / "000002.h5").unlink()


def _left(folder: Path) -> None:
    make_session(folder)


def _empty(folder: Path) -> None:
    tape = Tape(folder)
    writer = ShardWriter(folder / "000000.h5", tape.layout, tape.io)
    writer.prepare()
    writer.close()


def _bodies_last(folder: Path) -> None:
    """A second of both streams, then another of bodies alone."""
    tape = Tape(folder)
    writer = tape.shard()
    tape.color(writer, 30)
    tape.bodies(writer, 60)
    writer.close()


def _takes(folder: Path) -> None:
    """Three takes in two shards; the second begins inside the first shard, without pictures."""
    tape = Tape(folder)
    for shard, takes in enumerate(((0, 1), (1, 2))):
        writer = tape.shard()
        for take in takes:
            first = 1000 * shard + 100 * take
            for k in range(first, first + 7):
                time = 5_000_000 * take + 100_000_000 * shard * (take == 1) + 333_333 * (k - first)
                if take != 1:
                    writer.append("color_index", pack_index_row(k, take, time, k), _JPEG)
                row = empty_body_row()
                row["seq"], row["take"], row["time_device"] = k, take, time + 100_000
                writer.append("bodies", row)
        writer.close()
        if shard == 0:
            seal(folder, writer.path.name, tape.layout, tape.io)


def _flipped(name: str, at: int) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        make_session(folder)
        raw = bytearray((folder / name).read_bytes())
        raw[at] ^= 1
        (folder / name).chmod(0o600)
        (folder / name).write_bytes(raw)

    return make


def _cut(folder: Path) -> None:
    make_session(folder)
    (folder / "000001.h5").chmod(0o600)
    os.truncate(folder / "000001.h5", 100_000)


def _gone(folder: Path) -> None:
    make_session(folder)
    (folder / "000001.h5").unlink()


def _no_json(folder: Path) -> None:
    make_session(folder)
    (folder / SESSION_FILE).write_text("{}")


def _newer(folder: Path) -> None:
    _left(folder)
    content = load_checked((folder / SESSION_FILE).read_bytes())
    content["format_version"] = 99
    (folder / SESSION_FILE).write_bytes(dump_checked(content, lines=True))


KINDS: dict[str, tuple[Callable[[Path], None], str]] = {
    "clean": (_clean, "sealed"),
    "left": (_left, "left"),
    "empty": (_empty, "empty"),
    "bodies last": (_bodies_last, "left"),
    "many takes": (_takes, "left"),
    "flipped manifest": (_flipped(MANIFEST, 40), "damaged"),
    "flipped session.json": (_flipped(SESSION_FILE, 40), "damaged"),
    "flipped edits": (_flipped("edits.json", 40), "damaged"),
    "flipped header": (_flipped("000000.h5", 70), "damaged"),
    "flipped picture": (_flipped("000000.h5", 3_000_000), "left"),
    "cut shard": (_cut, "damaged"),
    "lost shard": (_gone, "damaged"),
    "no session.json": (_no_json, "damaged"),
    "newer session": (_newer, "damaged"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_list_show_and_review_say_the_same(kind: str, tmp_path: Path) -> None:
    make, state = KINDS[kind]
    make(tmp_path / "recordings" / "s1")
    found = agree(tmp_path / "recordings", "s1")
    assert found["state"] == state
    assert (found["problem"] is not None) == (state == "damaged")
    if kind not in ("no session.json", "newer session"):
        assert _report_s(tmp_path / "recordings" / "s1") == pytest.approx(
            found["duration_s"], abs=1e-3
        )


def test_the_duration_covers_bodies_without_pictures_and_sums_takes(tmp_path: Path) -> None:
    _bodies_last(tmp_path / "recordings" / "s1")
    assert agree(tmp_path / "recordings", "s1")["duration_s"] == pytest.approx(59 / 30, abs=2e-3)
    _takes(tmp_path / "recordings" / "s2")
    one = 6 * 0.0333333 + 0.01
    second = 10 + 6 * 0.0333333
    assert agree(tmp_path / "recordings", "s2")["duration_s"] == pytest.approx(
        2 * one + second, abs=2e-3
    )


def test_a_session_that_is_recorded_is_so_everywhere(tmp_path: Path) -> None:
    _left(tmp_path / "recordings" / "s1")
    lock = LockFile(tmp_path / "recordings" / "s1" / LOCK_FILE)
    assert lock.try_acquire()
    assert agree(tmp_path / "recordings", "s1")["state"] == "recording"
    lock.release()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_a_closed_session_is_so_everywhere(tmp_path: Path) -> None:
    _clean(tmp_path / "recordings" / "s1")
    (tmp_path / "recordings" / "s1").chmod(0)
    try:
        assert agree(tmp_path / "recordings", "s1")["state"] == "closed"
    finally:
        (tmp_path / "recordings" / "s1").chmod(0o700)


@pytest.mark.parametrize("fault", ["bodies_only@2-4", "clock_jump@2", "color_only@2-4"])
def test_five_places_agree_about_a_recording(fault: str, tmp_path: Path, kincap: Run) -> None:
    source = f"simulator:frames=120,pace=fast,faults={fault}"
    done = kincap("record", "--session", "s1", "--source", source, "--json")
    assert done.returncode == 0, done.stderr
    recorded = json.loads(done.stdout)
    found = agree(tmp_path / "recordings", "s1")
    assert round(recorded["duration_s"], 3) == found["duration_s"]
    assert recorded["bytes"] == found["bytes"]
    quality = json.loads((tmp_path / "recordings" / "s1" / "quality.json").read_text())
    assert round(quality["whole"]["duration_s"], 3) == found["duration_s"]
    before = found["duration_s"]
    again = kincap("record", "--session", "s1", "--source", source, "--json")
    assert again.returncode == 0, again.stderr
    second = json.loads(again.stdout)
    found = agree(tmp_path / "recordings", "s1")
    assert second["duration_s"] == pytest.approx(recorded["duration_s"], abs=0.2)
    assert before + second["duration_s"] == pytest.approx(found["duration_s"], abs=1e-3)
    assert second["bytes"] == found["bytes"]
    shutil.rmtree(tmp_path / "recordings")
