"""The coverage coach counts what is stored of a live source, and judges after five seconds."""

from dataclasses import replace

from kincap.capture.operator.coverage_coach import CoverageCoach
from kincap.capture.sources.sensor import SensorInfo

from .body_rows import HERE
from .statuses import GOOD

INFO = SensorInfo("memory", "memory:", "1", (64, 48), mirrored=True)


def coached(info: SensorInfo, seq: int, rows: int) -> str:
    """Return the coverage in short after some rows of a person."""
    coach = CoverageCoach()
    coach.begin(info)
    coach.on_color(seq, 0)
    for _ in range(rows):
        coach.on_bodies(HERE)
    return coach.complete(GOOD).coverage


def test_it_says_what_is_missing_once_there_is_enough_to_judge() -> None:
    assert coached(INFO, 0, 100) == ""
    assert "of its reach; missing: " in coached(INFO, 0, 200)


def test_frames_that_are_not_stored_and_files_do_not_count() -> None:
    assert coached(INFO, -1, 200) == ""
    assert coached(replace(INFO, live=False), 0, 200) == ""
