"""``kincap doctor --bundle``: what a support case needs, and nothing that names anybody."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from kincap.capture.doctor.bundle import check_bundle, write_bundle
from kincap.capture.doctor.checks import Check, Report
from kincap.capture.doctor.names_removed import without_texts
from kincap.core.errors import KincapError
from kincap.sessions.session_file import load_session, save_session
from tests.dataset.conftest import Frame, Sessions

PLANTED = {
    "user": "annabell", "host": "attic-pc", "session": "kitchen-monday", "subject": "Jörg Müller",
    "outfit": "grandma's \"red\" coat", "note": "lives at 5 Elm Street\nsecond line of it",
    "consent": "signed by J. Müller", "tag": "birthday", "device": "0123456789abc",
    "gone": "bathroom-tuesday", "folder": "secret-study",
}  # fmt: skip


WRITTEN = [
    {"kind": "mark", "count": 2, "text": 'the "nurse" comes in'},
    {"kind": "cue", "count": 1, "text": '{"name": "hug nurse", "phase": "begin"}'},
    {"kind": "gap", "count": 3, "text": "3 frames are missing"},
]
"""Findings; a person wrote the texts of the first two."""


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a bundle of a machine on which names are everywhere."""
    home = tmp_path / "home" / PLANTED["user"]
    recordings = home / PLANTED["folder"] / "recordings"
    logs = home / ".local" / "state" / "kincap" / "log"
    logs.mkdir(parents=True)
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("LOGNAME", PLANTED["user"])
    monkeypatch.setattr("socket.gethostname", lambda: PLANTED["host"])
    folder = Sessions(recordings)(PLANTED["session"], [Frame()])
    info = load_session(folder)
    info.subject, info.outfit = PLANTED["subject"], PLANTED["outfit"]
    info.note, info.consent, info.tags = PLANTED["note"], PLANTED["consent"], [PLANTED["tag"]]
    info.device = replace(info.device, id=PLANTED["device"])
    info.source = {"kind": "ntu", "uri": f"ntu:{home}/films/{PLANTED['subject']}.avi"}
    save_session(folder, info)
    every = {
        **PLANTED,
        "path": str(folder),
        "windows": f"C:\\Users\\{PLANTED['user']}\\recordings\\{PLANTED['session']}\\",
        "upper": PLANTED["user"].upper(),
        "uuid": info.uuid,
        "source": info.source["uri"],
        "rate": "29.97 fps on color",
    }
    (folder / "quality.json").write_text(json.dumps({**every, "findings": WRITTEN}))
    (folder / "000001.png").write_bytes(b"\x89PNG a picture")
    lines = [
        f"asked: record {PLANTED['gone']} from ntu:{home}/x.avi (frames=None) into {recordings}",
        f"recorded: {PLANTED['gone']}, 30 colour frames, 30 body rows in 1 shards",
        f"ended badly: {PLANTED['gone']}: {folder}: disk full",
        *map(repr, every.values()),
    ]
    (logs / "record.log").write_text("\n".join(lines), encoding="utf-8")
    (logs / "daemon.log.1").write_text(json.dumps(every, ensure_ascii=False), encoding="utf-8")
    report = Report((Check("disk", "ok", f"9 GiB free at {recordings}", f"ask {every['user']}"),))
    write_bundle(tmp_path / "case.zip", report, recordings)
    return tmp_path / "case.zip"


def test_nothing_that_was_planted_is_in_it(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert sorted(texts) == [
        "README.txt", "doctor.json", "logs/daemon.log.1", "logs/record.log",
        "sessions/1/quality.json", "versions.json",
    ]  # fmt: skip
    for name, text in texts.items():
        lowered = text.lower() + text.encode().decode("unicode_escape", "ignore").lower()
        for kind, value in PLANTED.items():
            for piece in value.lower().splitlines():
                assert piece not in lowered, f"{kind} in {name}: {text}"
        assert "ller" not in lowered, name
    # the raw bytes of the file, its directory and comments too
    assert not any(value.encode() in bundle.read_bytes() for value in PLANTED.values())


def test_marks_and_cues_are_not_in_a_damaged_quality_file_either() -> None:
    damaged = json.dumps({"findings": WRITTEN}, indent=1)[:-1]
    cleaned = without_texts(damaged)
    assert "nurse" not in cleaned
    assert "3 frames are missing" in cleaned


def test_what_a_support_case_needs_is_in_it(bundle: Path) -> None:
    with zipfile.ZipFile(bundle) as archive:
        versions = json.loads(archive.read("versions.json"))
        quality = json.loads(archive.read("sessions/1/quality.json"))
        log = archive.read("logs/record.log").decode()
        doctor = json.loads(archive.read("doctor.json"))
    assert {"kincap", "python", "system", "packages"} <= set(versions)
    assert versions["packages"]["numpy"]
    assert quality["session"] == "session-1"
    assert quality["rate"] == "29.97 fps on color"
    assert [one["text"] for one in quality["findings"]] == ["NOTE", "NOTE", WRITTEN[2]["text"]]
    # one name has one replacement, so that lines can be put together
    assert log.count("session-gone-1") == 4
    assert ", 30 colour frames, 30 body rows in 1 shards" in log
    assert doctor["checks"][0]["found"] == "9 GiB free at RECORDINGS"
    assert bundle.stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(KincapError, match="exists"):
        check_bundle(bundle)
    with pytest.raises(KincapError, match="ends in .zip"):
        check_bundle(tmp_path / "case.tar")
    with pytest.raises(KincapError, match="there is no folder"):
        check_bundle(tmp_path / "nowhere" / "case.zip")
