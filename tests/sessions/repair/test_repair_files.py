"""session.json, manifest.jsonl and edits.json: exactly as before where that can be proven."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.core.errors import SessionError
from kincap.sessions.edits.journal import load_edits
from kincap.sessions.folders import SESSION_FILE
from kincap.sessions.manifest import MANIFEST, read_manifest
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.session_file import load_session, save_session


@pytest.fixture
def sealed(session: Path) -> Path:
    """Return a session whose shards are all sealed."""
    assert repair(session.parent, session.name).after.ok
    return session


@pytest.mark.parametrize("name", ["session.json", "manifest.jsonl", "edits.json"])
def test_a_flipped_bit_is_put_back(sealed: Path, flip: Callable, name: str) -> None:
    rng = random.Random(name)
    path = sealed / name
    before = path.read_bytes()
    newlines = [at for at, byte in enumerate(before) if byte == 10]
    for at in (*rng.sample(range(len(before)), 4), newlines[0], newlines[-1]):
        flip(path, at, rng.randrange(8))
        report = repair(sealed.parent, sealed.name)
        assert report.after.ok
        assert path.read_bytes() == before, at
        assert not report.look_at
        kept = sealed / report.kept[0]
        assert sum((a ^ b).bit_count() for a, b in zip(kept.read_bytes(), before, strict=True)) == 1


@pytest.mark.parametrize("bit", range(8))
def test_a_line_cut_in_two_by_a_flipped_bit_is_joined(
    sealed: Path, flip: Callable, bit: int
) -> None:
    path = sealed / MANIFEST
    before = path.read_bytes()
    at = before.find(bytes([10 ^ 1 << bit]), 40)
    if at < 0:
        at = before.find(b"\n")  # no such byte: join two lines instead
    flip(path, at, bit)
    assert repair(sealed.parent, sealed.name).after.ok
    assert path.read_bytes() == before


def test_a_deleted_session_file_comes_back_from_the_shards(sealed: Path) -> None:
    before = load_session(sealed)
    (sealed / SESSION_FILE).unlink()
    report = repair(sealed.parent, sealed.name)
    assert report.after.ok
    info = load_session(sealed)
    for name in ("name", "uuid", "created_utc", "layouts", "event_kinds", "format_version"):
        assert getattr(info, name) == getattr(before, name), name
    assert info.takes == [{**before.takes[0], "source": ""}]
    assert info.device.color_size_px == before.device.color_size_px
    assert info.device.mirrored is True
    assert {"subject", "outfit", "device.mirrored"} <= {
        text.removeprefix("session.json: ").split()[0] for text in report.look_at
    }


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.95])
def test_what_a_damaged_session_file_still_says_is_kept_and_named(
    sealed: Path, share: float
) -> None:
    before = load_session(sealed)
    path = sealed / SESSION_FILE
    raw = bytearray(path.read_bytes())
    at = int(len(raw) * share)
    raw[at : at + 120] = bytes(len(raw[at : at + 120]))
    path.write_bytes(raw)
    report = repair(sealed.parent, sealed.name)
    assert report.after.ok
    info = load_session(sealed)
    assert (info.uuid, info.created_utc) == (before.uuid, before.created_utc)
    assert [layout["id"] for layout in info.layouts] == [layout["id"] for layout in before.layouts]
    assert info.layouts == before.layouts
    assert (sealed / report.kept[0]).read_bytes() == bytes(raw)
    told = " ".join(report.look_at)
    for name in ("subject", "note", "tags", "consent", "source", "device", "settings"):
        # the same, or said to be lost
        assert getattr(info, name) == getattr(before, name) or name in told, name
    if share >= 0.3:
        assert (info.subject, info.note) == ("P1", "a note")


@pytest.mark.parametrize(
    "junk", [b"", b"\0" * 500, b"[]", b"{}\n", b'{"subject": 3, "takes": [1]}']
)
def test_a_session_file_of_garbage_is_written_anew(sealed: Path, junk: bytes) -> None:
    before = load_session(sealed)
    (sealed / SESSION_FILE).write_bytes(junk)
    report = repair(sealed.parent, sealed.name)
    assert report.after.ok
    assert load_session(sealed).uuid == before.uuid


def test_a_session_file_of_a_later_version_is_left_alone(sealed: Path) -> None:
    path = sealed / SESSION_FILE
    info = load_session(sealed)
    info.format_version = 3
    save_session(sealed, info)
    raw = path.read_bytes()
    with pytest.raises(SessionError, match="upgrade kincap"):
        repair(sealed.parent, sealed.name)
    assert path.read_bytes() == raw


@pytest.mark.parametrize("how", ["deleted", "emptied", "zeroed", "first line zeroed", "torn"])
def test_shards_whose_line_is_lost_are_sealed_once_more(sealed: Path, how: str) -> None:
    path = sealed / MANIFEST
    before = path.read_bytes()
    records = read_manifest(sealed)
    lines = before.splitlines(keepends=True)
    content = {
        "emptied": b"",
        "zeroed": bytes(len(before)),
        "first line zeroed": bytes(100) + before[100:],
        "torn": b"".join(lines[:2]) + lines[2][:-40],
    }
    path.write_bytes(content.get(how, b""))
    if how == "deleted":
        path.unlink()
    assert {d.kind for d in verify_session(sealed).damage} == {"manifest"}
    report = repair(sealed.parent, sealed.name)
    assert report.after.ok
    again = read_manifest(sealed)
    assert {n: (r.sha256, r.rows, r.streams, r.layout) for n, r in again.items()} == {
        n: (r.sha256, r.rows, r.streams, r.layout) for n, r in records.items()
    }


def test_decisions_survive_damage_of_their_file(sealed: Path) -> None:
    path = sealed / "edits.json"
    before = load_edits(sealed)
    raw = bytearray(path.read_bytes())
    at = raw.index(b"format_version")
    raw[at : at + 5] = b"\0\0\0\0\0"
    path.write_bytes(raw)
    report = repair(sealed.parent, sealed.name)
    assert report.after.ok
    assert load_edits(sealed).ranges() == before.ranges()
    assert "edits.json" in report.look_at[0]


def test_a_damaged_name_does_not_rename_the_session(sealed: Path) -> None:
    raw = json.loads((sealed / SESSION_FILE).read_bytes())
    raw["name"] = "another"
    (sealed / SESSION_FILE).write_text(json.dumps(raw))
    assert repair(sealed.parent, sealed.name).after.ok
    assert load_session(sealed).name == sealed.name
