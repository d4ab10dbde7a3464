"""A protocol: its file, what is done and missing by the sessions on the disk, what is next."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from kincap.capture.operator.conductor import HandsFree
from kincap.capture.operator.guide import protocol_screen, recording_of
from kincap.capture.operator.protocol import Protocol, ProtocolStep, load_protocol, progress_of
from kincap.capture.record import RecordSettings, record
from kincap.core.errors import KincapError
from kincap.sessions.edits.edit_session import edit_session

SMALL = Protocol(
    "Two",
    "",
    (
        ProtocolStep("one", "red", 20, "gestures", "Red."),
        ProtocolStep("two", "blue", 30),
        ProtocolStep("one-b", "red", 10, is_test=True),
    ),
)


def test_the_papers_protocol_has_the_published_numbers() -> None:
    steps = load_protocol("paper").steps
    outfits = {step.outfit for step in steps}
    assert len(outfits) == 7
    test_clothes = [s for s in steps if s.outfit == "clothing1" and not s.is_test]
    others = [s for s in steps if s.outfit != "clothing1"]
    assert sum(s.frames for s in test_clothes) == 27_222
    assert sum(s.frames for s in others) == 92_092
    assert [(s.session, s.outfit, s.frames) for s in steps if s.is_test] == [
        ("clothing1b", "clothing1", 4000)
    ]
    assert steps[-1].is_test
    assert all(step.cues == "gestures" for step in steps)


@pytest.fixture
def make(memory_sensor: type, tmp_path: Path) -> Callable[[str, int], None]:
    """Return a function that records frames into a session."""

    def run(session: str, frames: int) -> None:
        settings = RecordSettings(session, recordings=tmp_path, shard_mib=64, report=False)
        record(settings, sensor=memory_sensor(frames=frames, size_px=(64, 48)))

    return run


def test_it_goes_on_from_what_is_on_the_disk(
    make: Callable[[str, int], None], tmp_path: Path
) -> None:
    progress = progress_of(SMALL, tmp_path)
    assert [one.state for one in progress.steps] == ["to do"] * 3
    make("two", 30)
    make("one", 12)
    progress = progress_of(SMALL, tmp_path)
    assert [(one.state, one.frames) for one in progress.steps] == [
        ("begun", 12), ("done", 30), ("to do", 0),
    ]  # fmt: skip
    assert progress.next_step is progress.steps[0]
    assert progress.missing() == [
        "one: 12 of 20 frames", "one-b (test): not begun, 10 frames",
    ]  # fmt: skip
    asked, hands_free = recording_of(progress.steps[0])
    assert asked == {"session": "one", "frames": 8, "outfit": "red", "tags": ()}
    assert RecordSettings(**asked).frames == 8
    assert HandsFree(**hands_free).cues is not None
    assert (hands_free["start_when"], hands_free["stop_when"]) == ("body", "lost")
    assert recording_of(progress.steps[2])[0]["tags"] == ("test",)
    make("one", 8)
    make("one-b", 10)
    progress = progress_of(SMALL, tmp_path)
    assert progress.is_done
    assert progress.next_step is None
    assert progress.missing() == []
    assert progress.minutes_left == 0


def test_rejected_frames_do_not_count(make: Callable[[str, int], None], tmp_path: Path) -> None:
    make("one", 20)
    edit_session(tmp_path, "one", "reject", {"frames": (0, 9)})
    first = progress_of(SMALL, tmp_path).steps[0]
    assert (first.state, first.frames, first.frames_left) == ("begun", 10, 10)


def test_a_session_that_can_not_be_read_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "session.json").write_text("{")
    progress = progress_of(SMALL, tmp_path)
    assert progress.steps[0].state == "problem"
    assert progress.next_step is progress.steps[1]
    assert progress.missing()[0].startswith("one: damaged: ")


def test_the_screen_says_what_to_put_on(make: Callable[[str, int], None], tmp_path: Path) -> None:
    make("one", 20)
    make("two", 15)
    progress = progress_of(SMALL, tmp_path)
    for width in (100, 40, 20):
        for ascii_only in (False, True):
            drawn = protocol_screen(progress, width=width, ascii_only=ascii_only).plain
            assert "blue, again as two" in drawn
            assert "15 frames, 0:00 of recording." in drawn
            assert drawn.isascii() or not ascii_only
    drawn = protocol_screen(progress, width=100).plain
    assert " ✓ one         20 of      20 frames  ██████████ 100 %" in drawn
    assert " ▶ two         15 of      30 frames  █████░░░░░  50 %" in drawn
    assert " · one-b        0 of      10 frames  ░░░░░░░░░░   0 %  test" in drawn
    console = Console(width=100, no_color=True, force_terminal=True)
    with console.capture() as shown:
        console.print(protocol_screen(progress, width=100))
    assert " ✓ one  " in shown.get()


BAD = {
    "": "0 tables [[session]]; expected 1 to 200",
    "[[session]]\nframes = 3": "session 1: no name; every table needs one",
    "[[session]]\nname = 'a'": "session 1: no frames; every table needs one",
    "[[session]]\nname = 'a/b'\nframes = 3": "session 1: name: session name 'a/b': expected",
    "[[session]]\nname = 'a'\nframes = 0": "frames = 0; expected a whole number from 1",
    "[[session]]\nname = 'a'\nframes = 3\ntest = 1": "test = 1; expected true or false",
    "[[session]]\nname = 'a'\nframes = 3\ncue = 'x'": "unknown key 'cue'; did you mean cues?",
    "[[session]]\nname = 'a'\nframes = 3\ncues = 'none.toml'": (
        "session 1: cues: --cues none.toml: No such file"
    ),
    "[[session]]\nname = 'a'\nframes = 3\n[[session]]\nname = 'A'\nframes = 3": (
        "session 2: name = 'A' appears twice"
    ),
}


@pytest.mark.parametrize("content", BAD)
def test_a_bad_file_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content)
    with pytest.raises(KincapError) as refused:
        load_protocol(str(file))
    message = str(refused.value)
    assert message.startswith(f"protocol {file}: ")
    assert BAD[content] in message
    assert message.isprintable()


def test_it_is_an_object_of_json(make: Callable[[str, int], None], tmp_path: Path) -> None:
    make("one", 12)
    said = json.loads(json.dumps(progress_of(SMALL, tmp_path).to_json()))
    assert said["schema"] == "kincap/protocol/1"
    assert (said["done"], said["next"]) == (False, "one")
    assert said["sessions"][0] == {
        "session": "one", "outfit": "red", "test": False, "cues": "gestures", "frames": 12,
        "frames_wanted": 20, "state": "begun", "problem": None,
    }  # fmt: skip
