"""A recording with an operator in front: real processes, a real terminal, a simulated person."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from kincap.capture.operator.conductor import HandsFree
from kincap.capture.operator.operate import operate
from kincap.capture.settings import RecordSettings
from kincap.core.errors import KincapError
from kincap.sessions.edits.journal import load_edits
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import EventKind

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is needed")

if sys.platform != "win32":
    from .pty_terminal import KINCAP, on_terminal

KinCap = Callable[..., CompletedProcess[str]]
SIMULATED = ("--no-report", "--shard-mib", "64", "--consent", "made up", "--source")
ROOT = Path(__file__).resolve().parents[3]


def small(script: str = "") -> tuple[str, ...]:
    """Return the flags of a small live source."""
    return (*SIMULATED, f"tests.capture.operator.live_person:open_sensor:{script}")


def recording(session: str, *flags: str) -> list[str]:
    """Return a command that records the small source."""
    return [*KINCAP, "record", "--session", session, *small(), *flags]


def events_of(folder: Path, *kinds: EventKind) -> list[tuple[str, str]]:
    """Return kind and text of a session's events of some kinds."""
    with SessionReader(folder) as reader:
        return [
            (EventKind(int(event["kind"])).name, event["text"].decode())
            for event in reader.events
            if EventKind(int(event["kind"])) in kinds
        ]


def test_a_simulated_person_starts_and_stops_it_with_cards_in_between(
    kincap: KinCap, tmp_path: Path
) -> None:
    (tmp_path / "cards.toml").write_text("ready_s = 0.2\n[[cue]]\nname = 'wave'\nseconds = 0.8\n")
    source = "simulator:fps=10,acts=away@0-1.5+raised_hands@4.5-9"
    done = kincap(
        "record", "--session", "alone", *SIMULATED, source, "--start-when", "body",
        "--stop-when", "raised-hands", "--cues", "cards.toml", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    lines = done.stderr.splitlines()
    assert lines[0] == "alone: waiting: step into view"
    assert "alone: recording, cue wave" in lines
    assert lines[-1] == "ended: both hands were raised and closed for 1 s"
    # in the zone from 1.2 s or so, stored from 3.3 s, ended at 5.9 s
    assert 10 < result["color_frames"] < 60
    assert result["stopped"]
    cues = [
        json.loads(text) for _, text in events_of(Path(tmp_path / result["path"]), EventKind.cue)
    ]
    assert [cue["phase"] for cue in cues[:4]] == ["begin", "end", "begin", "end"]
    assert cues[0]["name"] == "wave"


def test_cards_end_the_recording(kincap: KinCap, tmp_path: Path) -> None:
    (tmp_path / "cards.toml").write_text("ready_s = 0\n[[cue]]\nname = 'wave'\nseconds = 0.6\n")
    flags = ("--cues", "cards.toml", "--countdown", "0.3")
    done = kincap("record", "--session", "cards", *small(), *flags, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("ended: the last card was shown\n")


def test_a_bad_flag_is_one_line_and_nothing_is_made(kincap: KinCap, tmp_path: Path) -> None:
    done = kincap("record", "--session", "x", *small(), "--cues", "none.toml")
    assert done.returncode == 2
    assert done.stderr.startswith("kincap: --cues none.toml: No such file or directory; expected")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("hands_free", "message"),
    [
        (HandsFree(countdown_s=1), "--countdown: made-up: is not live"),
        (HandsFree(start_when="hands"), "--start-when hands: unknown trigger"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_is_written(
    tmp_path: Path, hands_free: HandsFree, message: str
) -> None:
    source = "tests.capture.made_up_sensor:open_sensor"
    settings = RecordSettings(session="x", recordings=tmp_path, source=source)
    with pytest.raises(KincapError, match=message) as refused:
        operate(settings, hands_free, lambda _line: None)
    assert refused.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_keys_on_a_terminal_pause_mark_retake_and_stop(tmp_path: Path) -> None:
    with on_terminal(recording("keys"), tmp_path, PYTHONPATH=str(ROOT)) as terminal:
        terminal.wait_for("RECORDING")
        terminal.wait_for("0:01")
        terminal.type("m")
        terminal.wait_for("mark at 0:0")
        terminal.type(" ")
        terminal.wait_for("PAUSED")
        terminal.type(" ")
        terminal.wait_for("take 1")
        terminal.type("r")
        terminal.wait_for("rejected at")
        terminal.wait_for("take 2")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.is_restored()
        assert "keys: " in terminal.output.rpartition("\x1b[?1049l")[2]
        # start, pause, resume, end
        assert terminal.output.count("\a") >= 4
    folder = tmp_path / "recordings" / "keys"
    kinds = (EventKind.pause, EventKind.resume, EventKind.mark, EventKind.retake)
    assert [kind for kind, _ in events_of(folder, *kinds)] == ["mark", "pause", "resume", "retake"]
    assert load_edits(folder).decisions


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_the_terminal_is_restored_after_a_signal(tmp_path: Path, number: int) -> None:
    with on_terminal(recording("cut"), tmp_path, PYTHONPATH=str(ROOT)) as terminal:
        terminal.wait_for("RECORDING")
        terminal.process.send_signal(number)
        assert terminal.end() in (0, -number)
        assert terminal.is_restored()


def test_two_ctrl_c_restore_the_terminal_and_the_preview_may_fail(tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(ROOT), "DISPLAY": ":987"}
    with on_terminal(recording("cut", "--preview"), tmp_path, **env) as terminal:
        terminal.wait_for("recording goes on")
        terminal.wait_for("0:01")
        terminal.type("\x03")
        terminal.type("\x03")
        assert terminal.end() in (0, 130)
        assert terminal.is_restored()
        assert (
            "preview: its process ended (code -6: no window"
            in terminal.output.rpartition("1049l")[2]
        )


def test_a_killed_preview_does_not_touch_the_recording(display: str, tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(ROOT), "DISPLAY": display}
    with on_terminal(recording("seen", "--preview"), tmp_path, **env) as terminal:
        terminal.wait_for("0:01")
        found = subprocess.run(
            ["pgrep", "-P", str(terminal.process.pid), "-f", "preview_window"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        os.kill(int(found.stdout), signal.SIGKILL)
        terminal.wait_for("preview: its process ended (code -9)")
        terminal.wait_for("0:03")
        terminal.type("q")
        assert terminal.end() == 0
    with SessionReader(tmp_path / "recordings" / "seen") as reader:
        assert len(reader.color) > 60
        assert (reader.color["seq"] == range(len(reader.color))).all()


def test_a_dumb_terminal_gets_plain_lines_and_a_recording_may_end_before_it_starts(
    tmp_path: Path,
) -> None:
    flags = ("--start-when", "body", "--countdown", "60")
    env = {"PYTHONPATH": str(ROOT), "TERM": "dumb"}
    with on_terminal(recording("never", *flags), tmp_path, **env) as terminal:
        terminal.wait_for("never: starting: 60")
        terminal.type("q")
        assert terminal.end() == 0
        assert "\x1b" not in terminal.output
        assert terminal.is_restored()


def test_a_terminal_that_is_closed_seals_the_recording(tmp_path: Path) -> None:
    with on_terminal(recording("gone"), tmp_path, PYTHONPATH=str(ROOT)) as terminal:
        terminal.wait_for("0:01")
        terminal.hang_up()
        assert terminal.process.wait(30) in (0, 1)
    folder = tmp_path / "recordings" / "gone"
    with SessionReader(folder) as reader:
        assert len(reader.color) > 20
    assert (folder / "manifest.jsonl").is_file()
