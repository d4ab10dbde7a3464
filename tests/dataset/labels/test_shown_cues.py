"""The column ``cue``: which card was shown when a row's colour frame was taken."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import build
from kincap.dataset.forget.forget import forget
from kincap.dataset.forget.plan import ForgetSettings, plan_forget
from kincap.dataset.kinect13.format import LAYOUTS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.labels.shown_cues import ShownCues, cue_names, shown_cues
from kincap.sessions.schema import COLOR_DTYPE, EVENTS_DTYPE, EventKind, event_row
from tests.dataset.conftest import Body, Frame, Sessions
from tests.dataset.small_builds import settings

WIDE = "\U0001f57a" * 40


def cue(seq: int, name: str, phase: str = "begin", take: int = 0) -> np.ndarray:
    """Return the event of a cue."""
    text = json.dumps({"name": name, "phase": phase}, ensure_ascii=False)
    return event_row(EventKind.cue, take=take, seq_first=seq, seq_last=seq, text=text)


def shown(takes: list[int], *events: np.ndarray, first: int = 0) -> list[str]:
    """Return the name of the cue at each colour frame."""
    color = np.zeros(len(takes), COLOR_DTYPE)
    color["seq"], color["take"] = np.arange(first, first + len(takes)), takes
    found = shown_cues(color, np.concatenate([np.empty(0, EVENTS_DTYPE), *events]))
    return [found.names[index] for index in found.of_frame]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), ["", "", "", "", "", ""]),
        ((cue(2, "zoom"), cue(4, "zoom", "end")), ["", "", "zoom", "zoom", "", ""]),
        ((cue(1, "zoom"), cue(3, "wave")), ["", "zoom", "zoom", "wave", "wave", "wave"]),
        # two at one boundary: the later one counts
        ((cue(2, "zoom"), cue(2, "zoom", "end")), [""] * 6),
        ((cue(2, "zoom", "end"), cue(2, "wave")), ["", "", "wave", "wave", "wave", "wave"]),
        # one before the first frame of a session that was cut, one after the last
        ((cue(0, "zoom"), cue(9, "wave")), ["zoom"] * 6),
        # a text that was cut says nothing
        ((cue(1, "zoom"), cue(3, WIDE * 9)), ["", "zoom", "zoom", "", "", ""]),
    ],
)  # fmt: skip
def test_a_cue_is_shown_to_the_next_event(events, expected) -> None:
    assert shown([0] * 6, *events) == expected


def test_a_cue_ends_with_its_take() -> None:
    assert shown([0, 0, 1, 1], cue(1, "zoom")) == ["", "zoom", "", ""]
    assert shown([0, 0, 1, 1], cue(1, "zoom"), cue(2, "zoom", take=1)) == ["", *["zoom"] * 3]
    # asked for after the last frame of a killed recording: the next one has that number
    assert shown([0, 0, 1, 1], cue(2, "zoom", take=0)) == [""] * 4


def test_names_are_cut_to_what_the_data_set_holds() -> None:
    assert shown([0], cue(0, WIDE)) == [WIDE[:16]]
    assert shown([0], cue(0, "a\0b\x1b")) == ["ab"]


def test_more_cues_than_the_column_can_point_at_are_refused() -> None:
    many = [ShownCues(("", *(f"{n}-{k}" for k in range(2**15)))) for n in range(2)]
    with pytest.raises(DatasetError, match="65536 different cues") as caught:
        cue_names(many)
    assert caught.value.exit_code == 2


@pytest.fixture
def made(sessions: Sessions) -> Sessions:
    """Return two sessions with cues of their own, and one without."""
    frames = [Frame((Body(x=120 + 8 * k),)) for k in range(8)]
    sessions("train1", frames, subject="anna", events=(cue(2, "zoom of anna"), cue(4, "wave")))
    sessions("train2", frames, subject="bert", events=(cue(6, "wave"), cue(7, "wave", "end")))
    sessions("val1", frames, subject="cleo")
    return sessions


def named(path: Path, split: str) -> dict[tuple[str, int], str]:
    """Return the cue of each row by session and colour frame."""
    with open_kinect13(path, layouts=LAYOUTS) as dataset:
        rows, meta = dataset.split(split), dataset.meta
        keys = zip(rows.session, rows.color_seq, rows.cue, strict=True)
        return {(meta.sessions[s], int(seq)): meta.cues[c] for s, seq, c in keys}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_have_the_cue_of_their_colour_frame(made: Sessions, layout: str) -> None:
    asked = settings(made, layout=layout)
    build(asked)
    expected = {
        ("train1", k): "" if k < 2 else "zoom of anna" if k < 4 else "wave" for k in range(8)
    }
    expected |= {("train2", k): "wave" if k == 6 else "" for k in range(8)}
    assert named(asked.out, "train") == expected
    assert set(named(asked.out, "val").values()) == {""}
    with h5py.File(asked.out) as file:
        assert file["meta/cues"][:].tolist() == [b"", b"wave", b"zoom of anna"]


def test_a_forgotten_person_is_not_named_by_a_cue(made: Sessions) -> None:
    asked = settings(made)
    build(asked)
    place = ForgetSettings("anna", made.recordings, folder=made.recordings.parent)
    result = forget(place, plan_forget(place))
    assert result.proven, result.mentions
    assert named(asked.out, "train")[("train2", 6)] == "wave"
    with h5py.File(asked.out) as file:
        assert file["meta/cues"][:].tolist() == [b"", b"wave", b"zoom of (forgotten)"]
