"""Sessions of a build: which are left out with a warning, and which are copies."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kincap.capture.record import RecordSettings, record
from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build
from kincap.sessions.session_file import load_session, save_session

from .conftest import Frame, Sessions

Walk = Callable[..., list[Frame]]


@pytest.fixture
def misnamed(sessions: Sessions, walk: Walk) -> Sessions:
    """Return recordings of which one has a name that Windows can't open."""
    sessions("train1", walk(6))
    sessions("val1", walk(3))
    sessions("other", walk(5)).rename(sessions.recordings / "con")
    return sessions


def test_a_misnamed_session_is_left_out_with_a_warning(misnamed: Sessions) -> None:
    settings = BuildSettings(
        out=misnamed.recordings.parent / "set.h5", recordings=misnamed.recordings, size=32,
        workers=1, val="val*",
    )  # fmt: skip
    result = build(settings)
    assert set(result.sessions) == {"train1", "val1"}
    assert result.kept == 9
    (line,) = [warning for warning in result.warnings if "left out" in warning]
    assert line.startswith(f"{misnamed.recordings / 'con'}: ")
    with pytest.raises(DatasetError, match="con: "):
        build(replace(settings, sessions="con"))


def test_a_closed_session_is_left_out_with_a_warning(
    sessions: Sessions, walk: Walk, as_user: list[str]
) -> None:
    sessions("train1", walk(6))
    sessions("val1", walk(3))
    closed = sessions("other", walk(5))
    words = ["-m", "kincap", "build", "--dry-run", "--val", "val*", "--json"]
    closed.chmod(0)
    try:
        run = subprocess.run(
            [*as_user, sys.executable, *words], cwd=sessions.recordings.parent,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        closed.chmod(0o700)
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout)
    assert done["splits"] == {"train": 6, "val": 3}
    assert sum("may not be read" in warning for warning in done["warnings"]) == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_each_warning_is_printed_once(misnamed: Sessions, kincap, as_json: bool) -> None:
    run = kincap("build", "--dry-run", "--val", "val*", *["--json"] * as_json)
    assert run.returncode == 0, run.stderr
    assert (run.stdout + run.stderr).count("left out") == 1
    if as_json:
        assert sum("left out" in line for line in json.loads(run.stdout)["warnings"]) == 1


def test_a_simulator_that_moves_alike_in_other_clothes_is_no_copy(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    for outfit in (1, 2):
        source = f"simulator:frames=15,pace=fast,seed=3,outfit={outfit}"
        folder = record(RecordSettings(f"o{outfit}", recordings, source, report=False)).path
        # its clocks say nothing about neighbours, see tests/dataset/split
        assert "pace=fast" in load_session(folder).takes[0]["source"]
    settings = BuildSettings(
        out=tmp_path / "set.h5", recordings=recordings, size=32, workers=1, val="o2", dry_run=True
    )
    result = build(settings)
    assert result.splits["train"] == result.splits["val"] > 10
    # of any other source, equal joints are those of one recording
    for outfit in (1, 2):
        info = load_session(recordings / f"o{outfit}")
        save_session(recordings / f"o{outfit}", replace(info, source={"kind": "kinect"}))
    with pytest.raises(DatasetError, match="joint positions are those of session o1"):
        build(settings)
