"""Consent is asked for on a terminal, warned about elsewhere, stored, and shown."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.cli.session_commands.consent import ask_for_recording, consent, warn_of_recording
from kincap.cli.sessions import list_, show
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.export.export import consent_to_export
from kincap.sessions.consent import consent_to_sources, note_consent
from kincap.sessions.repair.verify import verify
from kincap.sessions.session_file import load_session
from kincap.sessions.summary import list_sessions
from tests.dataset.conftest import Body, Frame, Sessions

Run = Callable[..., subprocess.CompletedProcess[str]]
REPLAY = ("--source", "session:recordings/given", "--no-report")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two sessions and their data set."""
    folder = tmp_path_factory.mktemp("consent")
    made = Sessions(folder / "recordings")
    for name in ("given", "val"):
        made(name, [Frame((Body(x=120 + 8 * k),)) for k in range(6)], subject="P01")
    build(BuildSettings(out=folder / "kinect13.h5", recordings=made.recordings, size=64,
                        workers=1, val="val", with_report=False))  # fmt: skip
    return folder


@pytest.fixture
def place(pristine: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder."""
    subprocess.run(["cp", "-r", pristine, tmp_path / "place"], check=True)
    about = tmp_path / "place" / "kinect13.h5.json"
    kept = json.loads(about.read_text())
    about.write_text(json.dumps({**kept, "recordings": str(tmp_path / "place" / "recordings")}))
    return tmp_path / "place"


def on_terminal(place: Path, answer: str, *args: str) -> tuple[int, str]:
    """Run a command on a terminal of its own and type an answer; return exit code and screen."""
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", *args],
        cwd=place, stdin=there, stdout=there, stderr=there, close_fds=True,
    )  # fmt: skip
    os.close(there)
    screen, deadline, answered = "", time.monotonic() + 60, False
    while time.monotonic() < deadline:
        if select.select([here], [], [], 0.1)[0]:
            try:
                screen += os.read(here, 4096).decode(errors="replace")
            except OSError:
                break  # the terminal's other end is closed
        elif process.poll() is not None:
            break
        if not answered and "agree to?" in screen:
            os.write(here, answer.encode() + b"\n")
            answered = True
    code = process.wait(timeout=60)
    os.close(here)
    return code, screen


def consent_of(place: Path, name: str) -> str:
    return load_session(place / "recordings" / name).consent


def ask(place: Path, session: str, given: str = "", source: str = "kinect") -> str:
    """Ask as ``kincap record`` does, here without a terminal."""
    recordings = place / "recordings"
    return ask_for_recording(
        given, recordings=recordings, session=session, subject="", source=source
    )


def test_a_script_is_warned_in_one_line_and_never_held_up(place: Path, kincap: Run) -> None:
    done = kincap("record", "--session", "new", *REPLAY, cwd=place)
    assert done.returncode == 0
    assert done.stderr.splitlines() == [
        "warning: new: no consent is noted; kincap sessions consent new TEXT notes it"
    ]


def test_no_one_is_asked_without_need(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(place, "new", given="all") == "all"
    assert ask(place, "new", source="simulator:outfit=3") == ""
    note_consent(place / "recordings" / "given", "yes")
    assert ask(place, "given") == ""
    warn_of_recording(place / "recordings", "given", "kinect")
    warn_of_recording(place / "recordings", "val", "simulator:outfit=3")
    assert capsys.readouterr().err == ""
    warn_of_recording(place / "recordings", "val", "kinect")
    assert "val: no consent is noted" in capsys.readouterr().err


def test_on_a_terminal_it_is_asked_for_and_stored(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, screen = on_terminal(place, "for training", "record", "--session", "new", *REPLAY)
    assert code == 0
    assert "new: what did the person agree to? (Enter: none)" in screen
    assert consent_of(place, "new") == "for training"
    listed = {one.name: one.to_json()["consent"] for one in list_sessions(place / "recordings")}
    assert listed == {"given": "", "val": "", "new": "for training"}
    list_(place / "recordings")
    show("new", place / "recordings")
    show("val", place / "recordings")
    printed = capsys.readouterr().out
    assert printed.count("for training") == 2
    assert "consent   none is noted" in printed


def test_what_a_person_agreed_to_before_is_offered(place: Path) -> None:
    note_consent(place / "recordings" / "val", "as signed on 3 May")
    more = ("record", *REPLAY, "--subject", "P01", "--session", "new")
    _, screen = on_terminal(place, "", *more)
    assert 'as for val, "as signed on 3 May"; -: none' in screen
    assert consent_of(place, "new") == "as signed on 3 May"


def test_an_export_asks_for_what_is_missing(
    place: Path, kincap: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    export = ("export", "kinect13.h5", "--format", "csv", "--pictures", "none", "--out")
    done = kincap(*export, "one", cwd=place)
    assert done.returncode == 0
    assert done.stderr == (
        "warning: no consent is noted of given, val; kincap sessions consent NAME TEXT notes it\n"
    )
    consent("given", "yes", place / "recordings")
    assert capsys.readouterr().out == "given: yes\n"
    code, screen = on_terminal(place, "yes too", *export, "two")
    assert code == 0
    assert "val: what did the people agree to?" in screen
    assert "warning" not in screen
    assert consent_of(place, "val") == "yes too"
    assert all(report.ok for report in verify(place / "recordings"))
    assert all(one.consent for one in consent_to_export(place / "kinect13.h5"))


def test_a_session_elsewhere_counts_as_missing(place: Path) -> None:
    sources = [{"session": "given", "uuid": "another"}, {"session": "coco"}]
    (one,) = consent_to_sources(sources, place / "recordings")
    assert (one.name, one.folder, one.consent) == ("given", None, "")
