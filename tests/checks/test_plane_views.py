"""Checks by masks and depth images, on simulated people whose limbs cross and who cross."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.filters.bodies import named_joints
from kincap.checks.filters.settings import FilterSettings
from kincap.checks.plane_views import MOST_ROWS, PlaneViews, looked_at
from kincap.checks.session_checks import SessionChecks, check_session
from kincap.core.skeleton import KEYPOINT_JOINT
from kincap.report.quality import make_quality
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Stream
from kincap.sessions.truth import load_truth

KINDS = {"body_index", "occlusion"}
CROSSING = "frames=60,fps=6,pace=fast,persons=3,seed=8"
"""Three people whose arms cross heads and trunks, and who hide each other."""


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recordings = tmp_path_factory.mktemp("planes")
    streams = ("bodies", "mask", "depth")
    source = f"simulator:{CROSSING}"
    return record(RecordSettings("crossing", recordings, source, streams, report=False)).path


@pytest.fixture(scope="module")
def checked(crossing: Path) -> SessionChecks:
    return check_session(crossing, lag=False, thorough=True)


def is_hidden(checked: SessionChecks, folder: Path) -> np.ndarray:
    """Return (P, 13) bool, which keypoints of the checked bodies are really hidden."""
    flags, truth = checked.bodies, load_truth(folder).bodies
    row = np.searchsorted(truth["seq"], flags.seq)
    person = (truth["slot"][row] == flags.slot[:, None]).argmax(axis=1)
    return truth["hidden"][row, person][:, KEYPOINT_JOINT] != 0


def test_keypoints_behind_limbs_and_people_are_named_and_others_are_not(crossing, checked) -> None:
    hidden = is_hidden(checked, crossing)
    assert hidden.sum() > 80
    for kind, least in (("body_index", 0.15), ("occlusion", 0.3)):
        named = named_joints(checked.bodies.joint_bits[kind])[:, KEYPOINT_JOINT]
        # the truth counts what is 9 to 19 cm in front of a joint, the filter 25 cm
        assert named[hidden].mean() > least
        assert named[~hidden].mean() < 0.01
    assert {finding.kind for finding in checked.findings} >= KINDS


def test_without_masks_and_depth_nothing_is_named(crossing, tmp_path) -> None:
    replayed = RecordSettings("bare", tmp_path, f"session:{crossing}", ("bodies",), report=False)
    without = check_session(record(replayed).path, lag=False)
    assert KINDS & {finding.kind for finding in without.findings} == set()
    off = FilterSettings(off=("body_index", "occlusion"))
    switched_off = check_session(crossing, lag=False, thorough=True, settings=off)
    assert KINDS & {finding.kind for finding in switched_off.findings} == set()


def test_the_report_names_what_a_thorough_check_of_a_short_session_names(crossing, checked) -> None:
    quality = make_quality(crossing)
    assert {finding["kind"] for finding in quality["findings"]} >= KINDS
    assert looked_at(MOST_ROWS, thorough=False) == 1
    assert looked_at(10 * MOST_ROWS, thorough=False) == 10
    assert looked_at(10 * MOST_ROWS, thorough=True) == 1


def test_a_part_of_a_long_session_is_looked_at(crossing) -> None:
    with SessionReader(crossing) as reader:
        bodies, shard = reader.bodies, reader.shard("000000.h5")
        mapping = reader.info.device.depth_mapping()
        row, slot = np.nonzero(bodies["tracked"])
        people = np.zeros(len(row), [("row", "<i8"), ("take", "<u2"), ("time_device", "<i8")])
        people["row"], people["take"] = row, bodies["take"][row]
        people["time_device"] = bodies["time_device"][row]
        joints = bodies["joint_xyz_m"][row, slot]
        some = PlaneViews(shard, mapping, every=3).look(people, joints)
        unmapped = PlaneViews(shard, None).look(people, joints)
    assert set(row[some.seen]) == set(range(30)) & set(row)
    assert np.isfinite(some.surface_m[some.seen]).mean() > 0.95
    assert np.isnan(some.surface_m[~some.seen]).all()
    assert not unmapped.seen.any()


def test_damaged_masks_show_nothing_and_end_nothing(crossing, tmp_path) -> None:
    folder = Path(shutil.copytree(crossing, tmp_path / "crossing"))
    with SessionReader(folder) as reader:
        shard = reader.shard("000000.h5").layout.tables["blobs"].offset
        rows = reader.rows(Stream.mask)
        places = [(shard + int(r["offset"]), int(r["length"])) for r in rows[30:]]
    path = folder / "000000.h5"
    path.chmod(0o600)
    with path.open("r+b") as file:
        for at, length in places:
            file.seek(at)
            file.write(bytes(length))
    found = check_session(folder, lag=False, thorough=True)
    flags = found.bodies
    late = flags.seq >= 30
    assert late.sum() > 50
    assert not flags.joint_bits["body_index"][late].any()
    assert flags.joint_bits["body_index"][~late].any()
