"""Edits: a journal that replays to the same verdicts, written by several at once."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kincap.core.checked_json import dump_checked
from kincap.core.errors import SessionError
from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.core.skeleton import KEYPOINT_NAMES
from kincap.sessions.device import Device
from kincap.sessions.edits.journal import (
    EDITS_FILE,
    Edits,
    add_edit,
    add_edits,
    load_edits,
    redo_edit,
    undo_edit,
)
from kincap.sessions.edits.labels import edit_labels
from kincap.sessions.info import new_session
from kincap.sessions.session_file import load_session, save_session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a session without frames."""
    save_session(tmp_path, new_session("one", device=Device("drawn", (1920, 1080), True)))
    return tmp_path


OPERATION = st.one_of(
    st.tuples(st.sampled_from(["reject", "keep", "trim"]), st.integers(0, 20), st.integers(0, 6)),
    st.just(("undo", 0, 0)),
    st.just(("redo", 0, 0)),
)


def _replay(operations: list[tuple[str, int, int]]) -> tuple[list[dict[str, object]], list[str]]:
    """Return a legal journal and the verdict of frames 0..29, the slow and plain way."""
    journal: list[dict[str, object]] = []
    done: list[tuple[str, int, int]] = []
    undone: list[tuple[str, int, int]] = []
    for op, first, length in operations:
        if op == "undo":
            if not done:
                continue
            undone.append(done.pop())
            journal.append({"op": "undo"})
        elif op == "redo":
            if not undone:
                continue
            done.append(undone.pop())
            journal.append({"op": "redo"})
        else:
            done.append((op, first, first + length))
            undone = []
            journal.append({"op": op, "seq_first": first, "seq_last": first + length})
    verdicts = [""] * 30
    trims = [place for place, (op, *_) in enumerate(done) if op == "trim"]
    for place, (op, first, last) in enumerate(done):
        if op != "trim":
            verdicts[first : last + 1] = [op] * (last + 1 - first)
        elif place == trims[-1]:
            outside = [k for k in range(30) if not first <= k <= last]
            verdicts = ["reject" if k in outside else said for k, said in enumerate(verdicts)]
    return journal, verdicts


@given(st.lists(OPERATION, max_size=15))
@settings(max_examples=150, deadline=None)
def test_verdicts_and_ranges_equal_a_slow_replay(operations: list[tuple[str, int, int]]) -> None:
    journal, expected = _replay(operations)
    edits = Edits(tuple(journal))
    names = np.array(["", "keep", "reject"])
    assert names[edits.verdicts(np.arange(30))].tolist() == expected
    from_ranges = [""] * 30
    ranges = edits.ranges_within(0, 29)
    for first, last, verdict in ranges:
        from_ranges[first : last + 1] = [verdict] * (last + 1 - first)
    assert from_ranges == expected
    assert ranges == sorted(ranges)
    for (_, last, verdict), (first, _, following) in zip(ranges, ranges[1:], strict=False):
        assert last < first
        assert last + 1 < first or verdict != following


def test_undo_and_redo_are_operations_of_the_journal(folder: Path) -> None:
    assert load_edits(folder) == Edits()
    nothing = load_edits(folder).fingerprint()
    assert undo_edit(folder) == Edits()
    add_edit(folder, "reject", 3, 9, note="blurred")
    one = load_edits(folder).fingerprint()
    edits = add_edit(folder, "keep", 5, 5)
    assert edits.ranges() == [(3, 4, "reject"), (5, 5, "keep"), (6, 9, "reject")]
    assert undo_edit(folder).fingerprint() == one != nothing
    edits = undo_edit(folder)
    assert edits.ranges() == []
    assert edits.fingerprint() == nothing
    assert (edits.can_undo, edits.can_redo) == (False, True)
    assert undo_edit(folder) == edits
    assert redo_edit(folder).fingerprint() == one
    edits = add_edit(folder, "reject", 20, 20)
    assert not edits.can_redo
    assert redo_edit(folder) == edits == load_edits(folder)
    ops = [operation["op"] for operation in edits.operations]
    assert ops == ["reject", "keep", "undo", "undo", "redo", "reject"]
    assert edits.operations[0]["note"] == "blurred"


@pytest.mark.parametrize(("op", "first", "last"), [("drop", 1, 2), ("keep", 3, 2), ("keep", -1, 2)])
def test_a_decision_that_makes_no_sense_is_refused(
    op: str, first: int, last: int, folder: Path
) -> None:
    with pytest.raises(SessionError, match="edit"):
        add_edit(folder, op, first, last)
    assert not (folder / EDITS_FILE).exists()


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw.replace(b"reject", b"accept"),
        lambda raw: raw[:-1],
        lambda raw: b"",
        lambda raw: b"[1, 2]",
    ],
)
def test_a_damaged_file_is_an_error_not_an_empty_one(
    damage: Callable[[bytes], bytes], folder: Path
) -> None:
    add_edit(folder, "reject", 1, 2)
    path = folder / EDITS_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SessionError, match=r"edits\.json: damaged"):
        load_edits(folder)
    with pytest.raises(SessionError, match="damaged"):
        add_edit(folder, "reject", 3, 4)


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "accept", "seq_first": 1, "seq_last": 2},
        {"op": "keep", "seq_first": 1},
        {"op": "keep", "seq_first": 3, "seq_last": 2},
        {"op": "keep", "seq_first": 1.5, "seq_last": 2},
        {"op": "undo"},
        {},
        "keep",
    ],
)
def test_a_whole_file_with_odd_operations_is_an_error(operation: object, folder: Path) -> None:
    kept = {"format_version": 1, "operations": [operation]}
    (folder / EDITS_FILE).write_bytes(dump_checked(kept, lines=True))
    with pytest.raises(SessionError, match=r"edits\.json: damaged"):
        load_edits(folder)


def test_a_failed_write_keeps_the_decisions_before_it(folder: Path) -> None:
    before = add_edit(folder, "reject", 1, 2)
    with pytest.raises(OSError, match="edits.json"):
        add_edit(folder, "keep", 1, 2, io=FaultyFileIO(parse_faults("sync:eio:1")))
    assert load_edits(folder) == before


def test_several_processes_lose_no_decision(folder: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from kincap.sessions.edits.journal import add_edit\n"
        "folder, base = pathlib.Path(sys.argv[1]), int(sys.argv[2])\n"
        "for i in range(15): add_edit(folder, 'reject', base + i, base + i)\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(folder), str(base)])
        for base in (0, 100, 200)
    ]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert len(load_edits(folder).operations) == 45
    assert load_edits(folder).ranges() == [(base, base + 14, "reject") for base in (0, 100, 200)]


def test_version_1_is_read_and_the_next_decision_writes_version_2(folder: Path) -> None:
    old = [
        {"op": "reject", "seq_first": 3, "seq_last": 9, "note": "", "utc": "2026-01-01T00:00:00Z"},
        {"op": "undo", "utc": "2026-01-01T00:00:01Z"},
        {"op": "redo", "utc": "2026-01-01T00:00:02Z"},
    ]
    kept = {"format_version": 1, "operations": old}
    (folder / EDITS_FILE).write_bytes(dump_checked(kept, lines=True))
    assert load_edits(folder).ranges() == [(3, 9, "reject")]
    fingerprint = load_edits(folder).fingerprint()
    edits = add_edits(folder, [{"op": "tag", "tag": "waving"}])
    content = json.loads((folder / EDITS_FILE).read_bytes())
    assert content["format_version"] == 2
    assert {one["uuid"] for one in content["operations"]} == {load_session(folder).uuid}
    assert edits == load_edits(folder)
    assert undo_edit(folder).fingerprint() == fingerprint


def test_decisions_of_another_session_are_refused(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    save_session(other, new_session("other", device=Device("drawn", (1920, 1080), True)))
    add_edit(other, "reject", 1, 2)
    (folder / EDITS_FILE).write_bytes((other / EDITS_FILE).read_bytes())
    with pytest.raises(SessionError, match=r"edits\.json: decisions about session"):
        load_edits(folder, load_session(folder).uuid)
    with pytest.raises(SessionError, match="decisions about session"):
        add_edit(folder, "reject", 1, 2)


def test_decisions_added_together_are_taken_back_together(folder: Path) -> None:
    move = {"op": "move", "seq": 3, "tracking_id": "7", "keypoint": "head", "xy_px": [1.5, 2]}
    add_edits(folder, [move, {**move, "seq": 4}])
    add_edits(folder, [{**move, "seq": 5}, {**move, "seq": 6}])
    assert [one["seq"] for one in undo_edit(folder).labels] == [3, 4]
    assert [one["seq"] for one in redo_edit(folder).labels] == [3, 4, 5, 6]
    assert undo_edit(folder).can_undo
    assert not undo_edit(folder).can_undo
    assert load_edits(folder).counts() == {}


POINT = {"seq": 3, "tracking_id": "7", "keypoint": "head"}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "move", **POINT, "xy_px": [1, float("nan")]},
        {"op": "move", **POINT, "xy_px": [1, 10**400]},
        {"op": "move", **POINT, "xy_px": [1]},
        {"op": "move", **POINT, "xy_px": [True, 2]},
        {"op": "move", **POINT, "joint": "Head", "xy_px": [1, 2]},
        {"op": "move", **POINT, "keypoint": "nose", "xy_px": [1, 2]},
        {"op": "move", **POINT, "tracking_id": 7, "xy_px": [1, 2]},
        {"op": "move", **POINT, "tracking_id": str(1 << 64), "xy_px": [1, 2]},
        {"op": "visibility", **POINT, "value": 3},
        {"op": "visibility", **POINT, "value": True},
        {"op": "visibility", **POINT, "seq": -1, "value": 1},
        {"op": "swap_sides", "seq_first": 1, "seq_last": 2},
        {"op": "swap_sides", "seq_first": 2, "seq_last": 1, "tracking_id": "7"},
        {"op": "tag", "tag": ""},
        {"op": "tag", "tag": "a", "seq_first": 3},
        {"op": "tag", "tag": "a" * 65},
        {"op": "note", "note": ""},
        {"op": "note", "note": "a" * 1001},
        {"op": "trim", "seq_first": 0, "seq_last": 1 << 64},
        {"op": "undo"},
    ],
    ids=str,
)
def test_an_operation_that_makes_no_sense_is_neither_added_nor_read(
    operation: dict[str, object], folder: Path
) -> None:
    with pytest.raises(SessionError, match="not an operation"):
        add_edits(folder, [operation])
    assert not (folder / EDITS_FILE).exists()
    if operation["op"] != "undo" and "nan" not in str(operation):
        kept = {"format_version": 2, "operations": [{**operation, "uuid": "u", "utc": ""}]}
        (folder / EDITS_FILE).write_bytes(dump_checked(kept, lines=True))
        with pytest.raises(SessionError, match="damaged"):
            load_edits(folder)


def test_many_thousands_of_decisions_stay_quick(folder: Path) -> None:
    person = {"tracking_id": "72057594037927940"}
    many = [
        {"op": "move", "seq": k // 13, **person, "keypoint": KEYPOINT_NAMES[k % 13],
         "xy_px": [k % 1900 + 0.5, 20.25]}
        for k in range(20_000)
    ]  # fmt: skip
    many += [{"op": "reject", "seq_first": 7 * k, "seq_last": 7 * k + 3} for k in range(5_000)]
    many += [{"op": "swap_sides", "seq_first": k, "seq_last": k + 30, **person}
             for k in range(0, 1500, 3)]  # fmt: skip
    began = time.process_time()
    add_edits(folder, many)
    add_edit(folder, "keep", 2, 2)
    edits = load_edits(folder)
    assert int((edits.verdicts(np.arange(100_000)) == 2).sum()) == 19_999
    seq = np.arange(30_000)
    labels = edit_labels(
        edits.labels, seq, np.full(30_000, int(person["tracking_id"]), np.uint64),
        np.zeros((30_000, 13, 2)), np.full((30_000, 13), 2, np.uint8),
    )  # fmt: skip
    assert int(labels.moved.sum()) == 20_000
    # a quarter of a second on an idle core; each step is linear in the decisions
    assert time.process_time() - began < 5
