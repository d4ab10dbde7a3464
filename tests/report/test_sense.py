"""The verdict knows plausibility: rates, distances, guesses and lengths have bounds of sense."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.checks.session_checks import check_session
from kincap.core.skeleton import JOINT
from kincap.report.advice import advice, verdict
from kincap.report.quality import make_quality
from kincap.report.text import report_lines
from kincap.sessions.kinds import KINDS, Kind
from kincap.sessions.schema import empty_body_row

from ..checks.people import person

Change = Callable[[int, np.ndarray], None]


@pytest.fixture
def bodies(tape: Callable[..., Any]) -> Callable[..., Path]:
    """Return a function that makes a session of body rows of one waving person."""

    def make(change: Change, count: int = 60, tick: int = 333_333) -> Path:
        made = tape("rows")
        writer = made.shard()
        rng = np.random.default_rng(0)
        for seq in range(count):
            row = empty_body_row()
            row["seq"], row["time_device"] = seq, tick * seq
            row["time_host"] = 100 * tick * seq
            row["tracked"][0, 1], row["tracking_id"][0, 1] = 1, 7
            row["joint_state"][0, 1] = 2
            row["joint_xyz_m"][0, 1] = person() + rng.normal(0, 0.006, (25, 3))
            row["joint_xyz_m"][0, 1, :, 0] += 0.2 * np.sin(seq / 9)
            row["joint_color_px"][0, 1] = 500
            change(seq, row)
            writer.append("bodies", row)
        writer.close()
        return made.folder

    return make


def nothing(_seq: int, _row: np.ndarray) -> None:
    """Change nothing."""


def guess_wrist(seq: int, row: np.ndarray) -> None:
    if seq % 4:
        row["joint_state"][0, 1, JOINT["WristLeft"]] = 1


def millimetres(_seq: int, row: np.ndarray) -> None:
    row["joint_xyz_m"][0, 1] *= 1000


def far_away(_seq: int, row: np.ndarray) -> None:
    row["joint_xyz_m"][0, 1, :, 2] += 30


CASES = {
    "clean": (nothing, {}, "good", set()),
    "15 Hz": (nothing, {"tick": 666_666}, "good", set()),
    "a millisecond clock read as 100 ns": (nothing, {"tick": 33}, "poor", {"implausible_figure"}),
    "a 100 ns clock read as ms": (nothing, {"tick": 3_333_330_000}, "poor", {"implausible_figure"}),
    "a single row": (nothing, {"count": 1}, "usable", {"too_short"}),
    "a few rows": (nothing, {"count": 10}, "usable", {"too_short"}),
    "a wrist guessed in 75 %": (guess_wrist, {}, "usable", {"guessed_keypoint"}),
    "millimetres": (millimetres, {}, "poor", {"implausible_figure", "implausible_body"}),
    "out of sight": (far_away, {}, "poor", {"implausible_figure"}),
}


@pytest.mark.parametrize("case", CASES)
def test_what_makes_no_sense_is_not_good(bodies, case: str) -> None:
    change, more, expected, kinds = CASES[case]
    quality = make_quality(bodies(change, **more))
    assert quality["verdict"].split()[0].rstrip(":") == expected, quality["findings"]
    named = {one["kind"] for one in quality["findings"]}
    assert kinds <= named
    assert expected != "good" or named == set()


def test_a_guessed_keypoint_is_named_with_its_share(bodies) -> None:
    (found,) = [
        one for one in make_quality(bodies(guess_wrist))["findings"]
        if one["kind"] == "guessed_keypoint"
    ]  # fmt: skip
    assert found["text"] == "guesses in most rows: left wrist 75 %"
    assert found["keypoints"] == ["l_wrist"]


def leave_sometimes(seq: int, row: np.ndarray) -> None:
    if seq % 10 < 3:
        row["tracked"][0] = 0
    elif seq % 10 == 3 or seq % 10 == 9:
        row["tracked"][0, 4], row["tracking_id"][0, 4] = 1, 8
        row["joint_state"][0, 4] = 2
        row["joint_xyz_m"][0, 4] = row["joint_xyz_m"][0, 1] + [1, 0, 0]


def test_several_bodies_do_not_run_on_over_rows_without_a_body(bodies) -> None:
    folder = bodies(leave_sometimes)
    found = [one for one in check_session(folder).findings if one.kind == "several_bodies"]
    # two people are there in single rows only, and no one in between
    assert found == []
    quality = make_quality(folder)
    assert quality["whole"]["people"]["nobody_share"] == pytest.approx(0.3)
    (people,) = [line for line in report_lines(quality) if line.label == "people"]
    assert "several in 20 %, no one in 30 %" in people.text


def test_a_made_up_kind_is_a_value_that_verdict_advice_and_report_take(bodies) -> None:
    ghost = Kind("ghost", "poor", "people", "a ghost was seen", "rows", "call someone")
    kinds = {**KINDS, "ghost": ghost}
    quality = make_quality(bodies(nothing))
    quality["findings"] = [
        {**check_finding(), "kind": "ghost", "text": f"a ghost for {k} s"} for k in range(2)
    ]
    quality["kinds"] = {"ghost": {"times": 2, "items": 4, "seconds": 3.0}}
    assert verdict(quality, kinds).startswith("poor")
    assert advice(quality, kinds)[0] == "call someone"
    lines = [line for line in report_lines(quality, kinds) if line.label == "ghost"]
    assert [line.weight for line in lines] == ["grave", "grave"]
    mild = {**KINDS, "ghost": replace(ghost, severity="usual")}
    assert verdict(quality, mild).startswith("usable")
    # a kind of a later kincap is printed, and odd
    (first, _) = [line for line in report_lines(quality) if line.label == "ghost"]
    assert first.weight == "odd"


def check_finding() -> dict[str, Any]:
    """Return a finding as quality.json has it."""
    return {"stream": "bodies", "take": 0, "seq_first": 0, "seq_last": 1, "count": 2,
            "start_s": 0.0, "end_s": 1.0}  # fmt: skip
