"""Coverage of sessions: in the report, one by one and together, as a picture."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.coverage.session_coverage import session_coverage
from kincap.core.errors import SessionError
from kincap.report.coverage import coverage, kept_coverage
from kincap.report.plot import draw_report
from kincap.report.quality import load_quality, save_quality
from kincap.report.text import coverage_lines

FRAMES = 110


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two simulated sessions of bodies alone, with their reports."""
    recordings = tmp_path_factory.mktemp("coverage")
    for seed in (1, 2):
        source = f"simulator:outfit=3,seed={seed},frames={FRAMES},pace=fast"
        record(RecordSettings(f"clothing{seed}", recordings, source, streams=("bodies",)))
    return recordings


def test_the_report_has_the_coverage_of_all_body_rows(made: Path) -> None:
    folder = made / "clothing1"
    quality = load_quality(folder)
    assert quality is not None
    assert quality["coverage"]["frames"] == FRAMES
    assert quality["coverage"] == session_coverage(folder).to_json()
    first, second = (line.plain() for line in coverage_lines(quality["coverage"]))
    assert first.startswith("  coverage           of their reach, hands visited ")
    assert second.startswith("  missing            ")
    assert second.count(" of frames") == 3
    assert second.endswith(" more")
    assert coverage_lines(None) == []


def test_sessions_add_up_and_each_is_reported_before_its_work(made: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    found = coverage(made, (), lambda *one: seen.append(one))
    assert seen == [(0, 2, "clothing1"), (1, 2, "clothing2"), (2, 2, "")]
    assert found.together.frames == 2 * FRAMES
    for limb, counts in found.together.counts.items():
        parts = [grid.counts[limb] for grid in found.sessions.values()]
        assert (counts == parts[0] + parts[1]).all()


def test_a_report_of_another_state_of_the_session_is_not_taken(made: Path) -> None:
    folder = made / "clothing2"
    quality = load_quality(folder)
    assert quality is not None
    assert kept_coverage(folder) is not None
    changes = (
        {"manifest_sha256": "0" * 64},
        {"coverage": {"frames": 1}},
        {"coverage": None},
        {key: None for key in quality if key == "coverage"},
    )
    try:
        for change in changes:
            save_quality(folder, {**quality, **change})
            assert kept_coverage(folder) is None
            assert coverage(made, ["clothing2"]).together.frames == FRAMES
    finally:
        save_quality(folder, quality)


def test_a_session_that_cannot_be_read_is_named_and_the_others_are_drawn(
    made: Path, tmp_path: Path
) -> None:
    broken = made / "odd"
    broken.mkdir()
    (broken / "session.json").write_text("{")
    try:
        found = coverage(made)
        assert list(found.sessions) == ["clothing1", "clothing2"]
        assert len(found.problems) == 1
        assert "odd" in found.problems[0]
        with pytest.raises(SessionError, match="odd"):
            coverage(made, ["clothing1", "odd"])
    finally:
        (broken / "session.json").unlink()
        broken.rmdir()
    with pytest.raises(SessionError, match="no session to take the coverage of"):
        coverage(tmp_path)


def test_the_plot_of_a_report_has_the_maps_below_it(made: Path, tmp_path: Path) -> None:
    quality = load_quality(made / "clothing1")
    assert quality is not None
    heights = []
    for number, kept in enumerate((quality, {**quality, "coverage": {}})):
        draw_report(made / "clothing1", kept, tmp_path / f"{number}.png")
        heights.append(cv2.imread(str(tmp_path / f"{number}.png")).shape[0])
    assert heights[0] > heights[1] + 200


def test_the_command_draws_and_lists(
    made: Path, kincap: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    plot = tmp_path / "drawn.png"
    done = kincap("sessions", "coverage", "--recordings", made, "--plot", plot)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    first = [line.split()[0] for line in lines if line.strip()]
    assert [word for word in first if word.startswith(("clothing", "together"))] == [
        "clothing1", "clothing2", "together",
    ]  # fmt: skip
    assert lines[-1] == f"Look at it: {plot}"
    image = cv2.imread(str(plot))
    assert image.shape[1] > image.shape[0] > 500
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 50
    done = kincap("sessions", "coverage", "clothing1", "--recordings", made, "--json")
    said = json.loads(done.stdout)
    assert said["schema"] == "kincap/coverage/1"
    assert said["plot"] is None
    assert said["together"] == said["sessions"]["clothing1"]
    assert said["together"]["frames"] == FRAMES


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("nobody",), "no session here; there are: clothing1, clothing2"),
        (("--plot", "drawn.jpg"), "--plot drawn.jpg: "),
    ],
)
def test_bad_input_is_one_line_before_any_work(
    made: Path,
    kincap: Callable[..., subprocess.CompletedProcess[str]],
    args: tuple[str, ...],
    said: str,
) -> None:
    done = kincap("sessions", "coverage", "--recordings", made, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kincap: ")
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
