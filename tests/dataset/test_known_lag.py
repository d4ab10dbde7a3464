"""The lag of a session: taken from its report, measured without, corrected where it is certain."""

import json
import shutil
from pathlib import Path

import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.filters.settings import FilterSettings
from kincap.checks.session_lag import lags_from_json
from kincap.core.checked_json import dump_checked, load_checked
from kincap.dataset.build import BuildResult, BuildSettings, build
from kincap.dataset.filters import ROW_BITS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.report.quality import known_lags

NO_LAG = FilterSettings(off=("lag",))


@pytest.fixture(scope="module")
def late(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session whose joints come late all the time, and its report."""
    recordings = tmp_path_factory.mktemp("late") / "recordings"
    source = "simulator:outfit=3,pace=fast,seed=11,frames=480,noise=0.004,faults=lag@0-16"
    record(RecordSettings("late", recordings, source))
    return recordings


def made(recordings: Path, out: Path, **more: object) -> BuildResult:
    given = {"size": 16, "guard_s": 0.2, **more}
    return build(BuildSettings(out=out, recordings=recordings, **given))


def test_a_certain_lag_of_a_whole_take_is_corrected_and_counted(late, tmp_path) -> None:
    known = known_lags(late / "late")
    assert known is not None
    assert known[0].lag.is_late
    corrected = made(late, tmp_path / "set.h5")
    assert corrected.repaired["lag_corrected"] == corrected.kept > 300
    assert corrected.label_error is not None
    kept = made(late, tmp_path / "off.h5", correct_lag=False, dry_run=True, filters=NO_LAG)
    assert kept.label_error is not None
    assert corrected.label_error["p95_px"] < kept.label_error["p95_px"] / 2
    with open_kinect13(corrected.out) as dataset:
        train = dataset.split("train")
        assert (train.quality >> ROW_BITS["lag_corrected"] & 1).all()
        assert (train.pair_residual_ms == 0).mean() > 0.95


def test_a_lag_that_is_not_corrected_leaves_nothing(late, tmp_path) -> None:
    with pytest.raises(Exception, match=r"nothing is left for train .*lag \d+"):
        made(late, tmp_path / "set.h5", correct_lag=False, dry_run=True)


def test_the_report_and_a_measurement_give_the_same_labels(late, tmp_path) -> None:
    """Without a report, or with one of another manifest, the lag is measured."""
    first = made(late, tmp_path / "a.h5", dry_run=True)
    other = tmp_path / "recordings"
    shutil.copytree(late, other)
    (other / "late" / "quality.json").unlink()
    assert known_lags(other / "late") is None
    again = made(other, tmp_path / "b.h5", dry_run=True)
    assert first.label_error is not None
    assert (again.label_error, again.rejected_all) == (first.label_error, first.rejected_all)
    kept = load_checked((late / "late" / "quality.json").read_bytes())
    kept["manifest_sha256"] = "0" * 64
    (other / "late" / "quality.json").write_bytes(dump_checked(kept, lines=True))
    assert known_lags(other / "late") is None


@pytest.mark.parametrize(
    "lags", [None, {}, [1], [{"take": 0}], [{"take": "x", "ms": 1}], [{"take": 0, "ms": []}]]
)
def test_a_report_that_anyone_may_have_written_is_no_trap(lags) -> None:
    assert lags_from_json(json.loads(json.dumps(lags))) is None
