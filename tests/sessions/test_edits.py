"""Edits: a journal that replays to the same verdicts, written by several at once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kincap.core.checked_json import dump_checked
from kincap.core.errors import SessionError
from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.sessions.edits import (
    EDITS_FILE,
    Edits,
    add_edit,
    load_edits,
    redo_edit,
    undo_edit,
)

OPERATION = st.one_of(
    st.tuples(st.sampled_from(["reject", "keep"]), st.integers(0, 20), st.integers(0, 6)),
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
    for op, first, last in done:
        verdicts[first : last + 1] = [op] * (last + 1 - first)
    return journal, verdicts


@given(st.lists(OPERATION, max_size=15))
@settings(max_examples=150, deadline=None)
def test_verdicts_and_ranges_equal_a_slow_replay(operations: list[tuple[str, int, int]]) -> None:
    journal, expected = _replay(operations)
    edits = Edits(tuple(journal))
    names = np.array(["", "keep", "reject"])
    assert names[edits.verdicts(np.arange(30))].tolist() == expected
    from_ranges = [""] * 30
    ranges = edits.ranges()
    for first, last, verdict in ranges:
        from_ranges[first : last + 1] = [verdict] * (last + 1 - first)
    assert from_ranges == expected
    assert ranges == sorted(ranges)
    for (_, last, verdict), (first, _, following) in zip(ranges, ranges[1:], strict=False):
        assert last < first
        assert last + 1 < first or verdict != following


def test_undo_and_redo_are_operations_of_the_journal(tmp_path: Path) -> None:
    assert load_edits(tmp_path) == Edits()
    nothing = load_edits(tmp_path).fingerprint()
    assert undo_edit(tmp_path) == Edits()
    add_edit(tmp_path, "reject", 3, 9, note="blurred")
    one = load_edits(tmp_path).fingerprint()
    edits = add_edit(tmp_path, "keep", 5, 5)
    assert edits.ranges() == [(3, 4, "reject"), (5, 5, "keep"), (6, 9, "reject")]
    assert undo_edit(tmp_path).fingerprint() == one != nothing
    edits = undo_edit(tmp_path)
    assert edits.ranges() == []
    assert edits.fingerprint() == nothing
    assert (edits.can_undo, edits.can_redo) == (False, True)
    assert undo_edit(tmp_path) == edits
    assert redo_edit(tmp_path).fingerprint() == one
    edits = add_edit(tmp_path, "reject", 20, 20)
    assert not edits.can_redo
    assert redo_edit(tmp_path) == edits == load_edits(tmp_path)
    ops = [operation["op"] for operation in edits.operations]
    assert ops == ["reject", "keep", "undo", "undo", "redo", "reject"]
    assert edits.operations[0]["note"] == "blurred"


@pytest.mark.parametrize(("op", "first", "last"), [("drop", 1, 2), ("keep", 3, 2), ("keep", -1, 2)])
def test_a_decision_that_makes_no_sense_is_refused(
    op: str, first: int, last: int, tmp_path: Path
) -> None:
    with pytest.raises(SessionError, match="edit"):
        add_edit(tmp_path, op, first, last)
    assert not (tmp_path / EDITS_FILE).exists()


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
    damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    add_edit(tmp_path, "reject", 1, 2)
    path = tmp_path / EDITS_FILE
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SessionError, match=r"edits\.json: damaged"):
        load_edits(tmp_path)
    with pytest.raises(SessionError, match="damaged"):
        add_edit(tmp_path, "reject", 3, 4)


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
def test_a_whole_file_with_odd_operations_is_an_error(operation: object, tmp_path: Path) -> None:
    kept = {"format_version": 1, "operations": [operation]}
    (tmp_path / EDITS_FILE).write_bytes(dump_checked(kept, lines=True))
    with pytest.raises(SessionError, match=r"edits\.json: damaged"):
        load_edits(tmp_path)


def test_a_failed_write_keeps_the_decisions_before_it(tmp_path: Path) -> None:
    before = add_edit(tmp_path, "reject", 1, 2)
    with pytest.raises(OSError, match="edits.json"):
        add_edit(tmp_path, "keep", 1, 2, io=FaultyFileIO(parse_faults("sync:eio:1")))
    assert load_edits(tmp_path) == before


def test_several_processes_lose_no_decision(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "from kincap.sessions.edits import add_edit\n"
        "folder, base = pathlib.Path(sys.argv[1]), int(sys.argv[2])\n"
        "for i in range(15): add_edit(folder, 'reject', base + i, base + i)\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(base)])
        for base in (0, 100, 200)
    ]
    assert [child.wait() for child in children] == [0, 0, 0]
    assert len(load_edits(tmp_path).operations) == 45
    assert load_edits(tmp_path).ranges() == [(base, base + 14, "reject") for base in (0, 100, 200)]
