"""kincap sessions edit: decisions that are checked against the session."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kincap.core.errors import SessionError
from kincap.sessions.details import show_session
from kincap.sessions.edits.edit_session import OPERATIONS, edit_session
from kincap.sessions.edits.journal import EDITS_FILE, load_edits
from tests.dataset.conftest import Body, Frame, Sessions


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return recordings of a session of six frames; two people are in the last three."""
    made = Sessions(tmp_path_factory.mktemp("made") / "recordings")
    alone, both = Frame((Body(),)), Frame((Body(x=80, slot=1), Body(x=220, slot=4)))
    made("one", [alone] * 3 + [both] * 3)
    return made.recordings


@pytest.fixture
def edit(recordings: Path) -> Callable[..., Any]:
    """Return a function that edits the session, its edits taken away before."""
    (recordings / "one" / EDITS_FILE).unlink(missing_ok=True)
    return lambda op, **given: edit_session(recordings, "one", op, given)


def test_every_operation_is_stored_as_the_format_says(
    edit: Callable[..., Any], recordings: Path
) -> None:
    edit("reject", frames=(1, 2), note="blurred")
    edit("keep", frames=(2, 2))
    edit("trim", frames=(0, 4))
    edit("move", frames=(1, 1), point="l_wrist", xy_px=(100.12345, 80))
    edit("visibility", frames=(4, 4), person="7004", point="HandTipLeft", value=1)
    edit("swap_sides", frames=(0, 2))
    edit("tag", tag="waving", frames=(0, 1))
    edit("tag", tag="waving", frames=(0, 1), remove=True)
    edits = edit("note", note="a dark room")
    fields = [
        {key: value for key, value in one.items() if key not in ("utc", "uuid")}
        for one in edits.operations
    ]
    assert fields == [
        {"op": "reject", "seq_first": 1, "seq_last": 2, "note": "blurred"},
        {"op": "keep", "seq_first": 2, "seq_last": 2},
        {"op": "trim", "seq_first": 0, "seq_last": 4},
        {"op": "move", "seq": 1, "tracking_id": "7002", "keypoint": "l_wrist",
         "xy_px": [100.123, 80.0]},
        {"op": "visibility", "seq": 4, "tracking_id": "7004", "joint": "HandTipLeft", "value": 1},
        {"op": "swap_sides", "seq_first": 0, "seq_last": 2, "tracking_id": "7002"},
        {"op": "tag", "seq_first": 0, "seq_last": 1, "tag": "waving"},
        {"op": "tag", "seq_first": 0, "seq_last": 1, "tag": "waving", "remove": True},
        {"op": "note", "note": "a dark room"},
    ]  # fmt: skip
    assert {one["op"] for one in fields} | {"undo", "redo"} == set(OPERATIONS)
    details = show_session(recordings, "one")
    assert details.edits == [(1, 1, "reject"), (2, 2, "keep"), (5, 5, "reject")]
    assert details.summary.rejected == 2
    assert details.notes == ["a dark room"]
    assert details.to_json()["edit_counts"]["move"] == 1
    edit("undo")
    assert edit("undo").tags() == [("waving", 0, 1)]
    assert edit("redo").tags() == []
    assert load_edits(recordings / "one").can_redo


@pytest.mark.parametrize(
    ("op", "given", "says"),
    [
        ("drop", {}, "expected one of reject"),
        ("reject", {}, "--frames missing"),
        ("move", {"frames": (1, 1)}, "--keypoint and --to missing"),
        ("reject", {"frames": (4, 6)}, "expected a range within 0-5"),
        ("reject", {"frames": (3, 2)}, "expected a range within 0-5"),
        ("move", {"frames": (1, 2), "point": "head", "xy_px": (1, 2)}, "is about one frame"),
        ("move", {"frames": (4, 4), "point": "head", "xy_px": (1, 2)}, "7001, 7004; name one"),
        ("swap_sides", {"frames": (0, 5), "person": "9"}, "--person 9: tracked there: 7001, 7002"),
        ("move", {"frames": (1, 1), "point": "nose", "xy_px": (1, 2)}, "--keypoint nose"),
        ("move", {"frames": (1, 1), "point": "head", "xy_px": (0, 0)}, "not near an image of 320"),
        ("move", {"frames": (1, 1), "point": "head", "xy_px": (9e3, 0)}, "not near an image"),
        ("visibility", {"frames": (1, 1), "point": "head", "value": 5}, "--value 5: expected 0"),
        ("tag", {"tag": "x" * 65}, "--tag: 65 characters, expected at most 64"),
        ("note", {"note": "x" * 1001}, "--note: 1001 characters"),
        ("undo", {}, "one: nothing to undo"),
        ("redo", {}, "one: nothing to redo"),
    ],
)
def test_what_the_session_lacks_is_refused(
    op: str, given: dict[str, Any], says: str, edit: Callable[..., Any], recordings: Path
) -> None:
    with pytest.raises(SessionError) as caught:
        edit(op, **given)
    assert says in str(caught.value)
    assert not (recordings / "one" / EDITS_FILE).exists()
