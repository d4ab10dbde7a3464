"""A recording stopped after any change of the disk is recovered, and so is its recovery."""

import json
from pathlib import Path

import pytest

from kincap.core.errors import KincapError

from .items import Wrong
from .stops import State, by_record, by_repair, logged, run, states


@pytest.mark.timeout(900)  # long on a loaded machine alone
def test_whatever_call_is_the_last_one_everything_acknowledged_is_recovered() -> None:
    counts = run(seed=4, recordings=1, recoveries=4)
    print(json.dumps(counts))
    assert counts["failures"] == []
    first, second = counts["first"], counts["second"]
    assert first["recovered"] == first["recoveries"] == 2 * (first["stops"] - first["same"])
    assert second["recovered"] == second["recoveries"] > 100
    assert first["acknowledged"] > 1000
    kinds = {"create", "write", "inside_write", "reserve", "sync", "rename", "mode", "folder"}
    assert kinds <= first["by_call"].keys()
    assert first["stops"] == counts["calls"] + first["by_call"]["inside_write"]


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> State:
    """Return what is left by a stop after the last row was acknowledged."""
    root = tmp_path_factory.mktemp("late") / "recordings"
    stops = list(states(State({}, frozenset(), {}, "nothing"), logged(root)))
    return next(state for state in stops if len(state.known) == 24)


@pytest.mark.parametrize("recovers", [by_record, by_repair])
def test_the_programme_notices_what_is_lost(late: State, tmp_path: Path, recovers) -> None:
    root = tmp_path / "recordings"
    recovers(root, late)
    for path, (content, mode) in late.image.items():
        if path.endswith(".h5") and b"\xff\xd8" in content:
            # the first byte of a picture's end marker
            at = content.rindex(b"\xff\xd9")
            changed = content[:at] + b"\0" + content[at + 1 :]
            image = {**late.image, path: (changed, mode)}
            with pytest.raises((Wrong, KincapError)):
                recovers(root, State(image, late.folders, late.known, "a lie"))
    extra = {**late.known, ("color", 12): (b"", b"")}
    with pytest.raises(Wrong, match=r"lost: \[\('color', 12\)\]"):
        recovers(root, State(late.image, late.folders, extra, "a lie"))
