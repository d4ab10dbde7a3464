"""Flipped bits, cuts and lost pages: found or harmless, never silent, and nothing dies."""

import json
import random
from pathlib import Path

import pytest

from . import damage
from .flips import MUST_BE_ZERO, make_sessions, run
from .flips_worker import Trial

RUNS = 48
"""Few: `python -m tests.nightly flips` has many more."""


@pytest.mark.timeout(900)  # long on a loaded machine alone
def test_every_damage_is_found_or_harmless_and_repaired() -> None:
    # prime to the number of regions: each of them is looked at by all commands in its turn
    found = run(RUNS, jobs=1, look_every=11)
    print(json.dumps(found))
    assert found["failures"] == []
    assert {name: found[name] for name in MUST_BE_ZERO} == dict.fromkeys(MUST_BE_ZERO, 0)
    assert found["runs"] == RUNS
    assert found["found"] > 0.75 * RUNS, found
    assert found["found"] + found["harmless"] + found["as_cut_off"] == RUNS, found
    assert min(found["by_how"].values()) > 3, found["by_how"]
    assert len(found["by_region"]) >= 28, found["by_region"]


@pytest.fixture
def sessions(tmp_path: Path) -> dict[str, Path]:
    """Return the whole sessions that are damaged."""
    return make_sessions(tmp_path / "whole")


def test_places_lie_in_every_region_in_turn(sessions: dict[str, Path]) -> None:
    parts = {name: list(damage.regions(folder)) for name, folder in sessions.items()}
    rng = random.Random(1)
    places = [damage.draw(rng, sessions, parts, number) for number in range(len(parts) * 40)]
    assert {place.session for place in places} == {"left", "ended"}
    names = {region.name for of in parts.values() for region in of}
    assert {place.region for place in places} == names
    for place in places:
        before = (sessions[place.session] / place.file).read_bytes()
        assert damage.damaged(before, place) != before
    for file in ("session.json", "manifest.jsonl", "edits.json", "lock.json", "quality.json"):
        assert file in names


def test_what_changes_without_a_word_of_verify_is_called_silent(
    sessions: dict[str, Path], tmp_path: Path
) -> None:
    place = damage.Place("left", "lock.json", "lock.json", "flip", 3)
    trial = Trial(sessions["left"], tmp_path / "scratch", place, everything=False, again=False)
    # a session without decisions is well: nobody knows that there were some
    (trial.folder / "edits.json").unlink()
    assert trial.run() == "silent"


def test_an_unfinished_last_row_of_a_left_shard_is_what_a_kill_leaves(
    sessions: dict[str, Path], tmp_path: Path
) -> None:
    rows = next(r for r in damage.regions(sessions["left"]) if r.name == "left shard: bodies")
    last = (rows.end - 1) // damage.PAGE * damage.PAGE
    for first, outcome in ((last, "as_cut_off"), (last - 3 * damage.PAGE, "found")):
        place = damage.Place("left", rows.file, rows.name, "page", first)
        trial = Trial(sessions["left"], tmp_path / outcome, place, everything=False, again=False)
        assert trial.run() == outcome
        assert trial.problems == []
