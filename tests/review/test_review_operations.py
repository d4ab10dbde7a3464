"""Every operation of edits.json by the page's interface, and what other windows see of it."""

import asyncio
from typing import Any

import numpy as np
import pytest

from kincap.review.changes import ChangeWatch
from kincap.sessions.edits.journal import add_edit, load_edits
from kincap.web.threads import WorkerThreads
from tests.review.test_review_api import unpack

PERSON = {"tracking_id": "0"}


def send(client: Any, *operations: dict[str, Any]) -> Any:
    return client.change("one", "edits", operations=list(operations))


def people(client: Any, seq: int) -> dict[str, Any]:
    """Return the row of the only person in a frame."""
    table = unpack(client.ask("/api/sessions/one/bodies/0").body)
    at = int(np.flatnonzero(table["seq"] == seq)[0])
    return {name: column[at] for name, column in table.items() if isinstance(column, np.ndarray)}


def test_every_operation_is_stored_and_shown(client: Any, make_session: Any):
    folder = make_session("one", dropped=range(0))
    moved = {"op": "move", "seq": 5, **PERSON, "keypoint": "l_wrist", "xy_px": [50.5, 60]}
    seen = {"op": "visibility", "seq": 5, **PERSON, "keypoint": "r_wrist", "value": 0}
    swap = {"op": "swap_sides", "seq_first": 7, "seq_last": 9, **PERSON}
    tag = {"op": "tag", "tag": "waving", "seq_first": 3, "seq_last": 4}
    note = {"op": "note", "note": "look at this"}
    found = send(client, moved, seen, swap, tag, note).json()
    assert found["revision"] == 5
    assert found["tags"] == [{"tag": "waving", "first": 3, "last": 4}]
    assert [one["note"] for one in found["notes"]] == ["look at this"]
    assert [one["op"] for one in found["moves"]] == ["move", "visibility", "swap_sides"]
    row = people(client, 5)
    assert row["joint_px"][6].tolist() == [50.5, 60]
    assert row["sensor_px"][6].tolist() == [105, 6]
    assert np.flatnonzero(row["moved"]).tolist() == [6]
    assert row["visibility"][10] == 0
    assert people(client, 8)["swapped"] == 1
    assert people(client, 8)["joint_px"][6].tolist() == [108, 10]
    # one undo takes all five back
    assert client.change("one", "undo").json()["moves"] == []
    assert load_edits(folder).counts() == {}


def test_copies_come_from_the_frame_before_with_its_edits(client: Any, make_session: Any):
    make_session("one", dropped=range(0))
    send(client, {"op": "move", "seq": 4, **PERSON, "keypoint": "head", "xy_px": [33, 44]})
    found = send(client, {"op": "copy_previous", "seq": 5, **PERSON, "keypoints": ["head"]})
    assert found.json()["moves"][-1]["xy_px"] == [33.0, 44.0]
    assert people(client, 5)["joint_px"][3].tolist() == [33, 44]
    every = send(client, {"op": "copy_previous", "seq": 6, **PERSON}).json()
    assert len(every["moves"]) == 2 + 13


def test_interpolation_joins_two_corrected_frames(client: Any, make_session: Any):
    make_session("one", dropped=range(0))
    ends = ((10, [100, 20]), (14, [140, 60]))
    for seq, place in ends:
        send(client, {"op": "move", "seq": seq, **PERSON, "keypoint": "head", "xy_px": place})
    between = {"op": "interpolate", "seq_first": 10, "seq_last": 14, **PERSON}
    send(client, {**between, "keypoints": ["head"]})
    places = [people(client, seq)["joint_px"][3].tolist() for seq in range(10, 15)]
    assert places == [[100, 20], [110, 30], [120, 40], [130, 50], [140, 60]]


BAD = [
    ([], 400, "list"),
    ([{"op": "paint"}], 400, "not an operation"),
    ([{"op": "reject", "seq_first": 0, "seq_last": 1, "path": "/etc"}], 400, "unknown key"),
    ([{"op": "undo"}], 400, "not an operation"),
    ([{"op": "reject", "seq_first": 0, "seq_last": 1000}], 422, "within"),
    ([{"op": "move", "seq": 1, **PERSON, "keypoint": "tail", "xy_px": [1, 2]}], 400, "move"),
    ([{"op": "move", "seq": 1, **PERSON, "keypoint": "head", "xy_px": [1e5, 2]}], 422, "near"),
    ([{"op": "copy_previous", "seq": 0, **PERSON}], 422, "before"),
    ([{"op": "copy_previous", "seq": 3, "tracking_id": "9"}], 422, "not tracked"),
    ([{"op": "copy_previous", "seq": 3, **PERSON, "keypoints": ["tail"]}], 400, "keypoints"),
    ([{"op": "interpolate", "seq_first": 3, "seq_last": 4, **PERSON}], 422, "between"),
    ([{"op": "interpolate", "seq_first": 3, "seq_last": "4", **PERSON}], 400, "whole"),
    ([{"op": "tag", "tag": "x" * 65}], 400, "tag"),
]


@pytest.mark.parametrize(("operations", "status", "words"), BAD)
def test_what_is_no_operation_changes_nothing(
    client: Any, make_session: Any, operations: Any, status: int, words: str
):
    folder = make_session("one", frames=20, takes=1, dropped=range(0))
    answer = client.change("one", "edits", operations=operations)
    assert answer.status == status
    assert words in answer.json()["error"]
    assert not (folder / "edits.json").exists()


def test_markup_in_texts_is_kept_as_text(client: Any, make_session: Any):
    make_session("one")
    script = '<img src=x onerror="alert(1)">'
    send(client, {"op": "tag", "tag": script}, {"op": "note", "note": script})
    answer = client.ask("/api/sessions/one")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["edits"]["tags"][0]["tag"] == script


def test_another_process_decision_is_seen_at_once(client: Any, make_session: Any):
    folder = make_session("one")
    send(client, {"op": "reject", "seq_first": 1, "seq_last": 2})
    add_edit(folder, "reject", 5, 6)
    found = client.ask("/api/sessions/one/edits").json()
    assert found["revision"] == 2
    send(client, {"op": "reject", "seq_first": 8, "seq_last": 9})
    assert len(load_edits(folder).ranges()) == 3


def test_a_waiting_page_hears_of_edits_and_of_sessions(client: Any, make_session: Any):
    folder = make_session("one")
    watch = ChangeWatch(client.sessions.marks, WorkerThreads())

    async def hear() -> None:
        first = await watch.wait("")
        assert set(first["sessions"]) == {"one"}
        same = await watch.wait(first["token"], wait_s=0.1)
        assert same["token"] == first["token"]
        waiting = asyncio.ensure_future(watch.wait(first["token"], wait_s=10))
        await asyncio.sleep(0.05)
        add_edit(folder, "reject", 5, 6)
        decided = await waiting
        old, new = first["sessions"]["one"], decided["sessions"]["one"]
        assert [key for key in old if old[key] != new[key]] == ["edits"]
        make_session("two")
        assert set((await watch.wait(decided["token"], 10))["sessions"]) == {"one", "two"}

    asyncio.run(hear())
