"""On a terminal, keys, dashboard and cue cards of a recording through the daemon are as alone."""

import sys

import pytest

from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind

from .conftest import ROOT, Place

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is needed")

if sys.platform != "win32":
    from ..operator.pty_terminal import KINCAP, on_terminal


def test_the_dashboard_the_keys_and_the_cards_work_through_the_daemon(place: Place) -> None:
    cards = place.folder / "cards.toml"
    cards.write_text("ready_s = 0\n[[cue]]\nname = 'wave'\nseconds = 60\n")
    place.daemon()
    command = [*KINCAP, "record", "--session", "far", "--no-report", "--countdown", "0.5"]
    command += ["--cues", str(cards), "--consent", "made up"]
    with on_terminal(command, place.folder, PYTHONPATH=str(ROOT)) as terminal:
        terminal.wait_for("card 1/1")
        terminal.type("m")
        terminal.wait_for("mark at 0:0")
        terminal.type(" ")
        terminal.wait_for("PAUSED")
        terminal.type(" ")
        terminal.wait_for("take 1")
        terminal.type("r")
        terminal.wait_for("take 2")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.is_restored()
        assert "far: " in terminal.output.rpartition("\x1b[?1049l")[2]
    with SessionReader(place.recordings / "far") as reader:
        kinds = {EventKind(int(event["kind"])) for event in reader.events}
    assert {
        EventKind.cue, EventKind.mark, EventKind.pause, EventKind.resume, EventKind.retake,
    } <= kinds  # fmt: skip
