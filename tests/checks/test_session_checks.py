"""Findings and row flags of whole sessions: whose, where, and which labels are wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.filters.sides import OTHER_SIDE, SIDED
from kincap.checks.findings import MOST_OF_A_KIND
from kincap.checks.session_checks import SessionChecks, check_session
from kincap.core.skeleton import KEYPOINT, KEYPOINT_NAMES
from kincap.report.quality import make_quality
from kincap.sessions.kinds import KINDS
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Rows, empty_body_row
from kincap.sessions.truth import load_truth

from ..sessions.repair.conftest import tape
from .people import person

__all__ = ["tape"]

CHAIR = 72057594037930007

SOURCE = (
    "simulator:outfit=3,pace=fast,seed=5,frames=150,"
    "faults=freeze@0.2-0.9+side_swap@1.2-3+frozen_joints@4.3-4.8"
)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a session with a frozen picture, exchanged sides and frozen joints."""
    recordings = tmp_path_factory.mktemp("checks") / "recordings"
    record(RecordSettings("faulty", recordings, SOURCE, report=False))
    return recordings / "faulty"


@pytest.fixture(scope="module")
def checked(faulty: Path) -> SessionChecks:
    return check_session(faulty)


def wrong_labels(checked: SessionChecks, color_seq, body_seq, slot) -> dict[str, np.ndarray]:
    """By each kind whose labels are wrong (N,) bool, which pairs it names."""
    return {
        name: checked.bodies.named(name, body_seq, slot) | checked.frames.named(name, color_seq)
        for name, kind in KINDS.items()
        if kind.wrong_labels
    }


def bodies_of(folder: Path) -> tuple[Rows, Rows]:
    with SessionReader(folder) as reader:
        return reader.color.copy(), reader.bodies.copy()


def test_a_finding_about_a_body_has_its_person_and_its_keypoints(faulty, checked) -> None:
    _, bodies = bodies_of(faulty)
    slot = int(np.flatnonzero(bodies["tracked"][20])[0])
    (swap,) = [one for one in checked.findings if one.kind == "side_swap"]
    assert swap.tracking_id == int(bodies["tracking_id"][20, slot])
    assert swap.slot == slot
    assert set(swap.keypoints) == set(KEYPOINT_NAMES) - {"head"}
    (frozen,) = [one for one in checked.findings if (one.kind, one.stream) == ("frozen", "bodies")]
    assert frozen.keypoints == ()
    assert frozen.to_json()["tracking_id"] == str(frozen.tracking_id)
    (picture,) = [one for one in checked.findings if (one.kind, one.stream) == ("frozen", "color")]
    assert (picture.tracking_id, picture.slot) == (None, None)


def test_flags_name_the_rows_in_which_sides_are_really_exchanged(faulty, checked) -> None:
    _, bodies = bodies_of(faulty)
    rows = np.arange(len(bodies))
    slot = bodies["tracked"].argmax(axis=1)
    truth = load_truth(faulty).bodies
    truth = truth[np.searchsorted(truth["seq"], bodies["seq"])]
    right = truth["joint_xyz_m"][:, 0, SIDED]
    stored = bodies["joint_xyz_m"][rows, slot]
    apart = [
        np.linalg.norm(stored[:, joints] - right, axis=-1).sum(axis=1)
        for joints in (np.flatnonzero(SIDED), OTHER_SIDE[SIDED])
    ]
    wrong = apart[1] < apart[0]
    named = checked.bodies.named("side_swap", bodies["seq"], slot)
    assert wrong.sum() > 20
    assert (named == wrong).all()
    keypoints = checked.bodies.keypoints_named("side_swap", bodies["seq"], slot)
    assert (keypoints[:, KEYPOINT["l_wrist"]] == wrong).all()
    assert not keypoints[:, KEYPOINT["head"]].any()
    absent = checked.bodies.named("side_swap", bodies["seq"], (slot + 1) % 6)
    assert not absent.any()


def test_labels_that_are_wrong_are_given_by_kind_for_pairs(faulty, checked) -> None:
    color, bodies = bodies_of(faulty)
    count = min(len(color), len(bodies))
    slot = bodies["tracked"][:count].argmax(axis=1)
    wrong = wrong_labels(checked, color["seq"][:count], bodies["seq"][:count], slot)
    assert {"side_swap", "frozen", "lag", "implausible_body"} <= set(wrong)
    assert wrong["frozen"][10:20].all()
    assert wrong["side_swap"].sum() > 20
    assert not wrong["lag"].any()


def test_what_no_row_has_is_named_by_nothing(checked) -> None:
    unknown, slot = np.array([10**15], np.uint64), np.array([0])
    for kind in ("side_swap", "outliers", "lag", "no such kind"):
        assert not checked.bodies.named(kind, unknown, slot).any()
        assert not checked.bodies.keypoints_named(kind, unknown, slot).any()
        assert not checked.frames.named(kind, unknown).any()


def test_bodies_alone_have_flags_and_more_findings_than_a_report_lists(tmp_path: Path) -> None:
    # every fourth row is missing, and no joint ever moves
    joints = ",".join(f"{0.1 * j:.2f},0.5,2.0,2" for j in range(25))
    log = tmp_path / "log.csv"
    log.write_text("".join(f"{1000 + 333_333 * k},{joints},\n" for k in range(700) if k % 4))
    record(RecordSettings("log", tmp_path / "recordings", f"laban:{log}", report=False))
    folder = tmp_path / "recordings" / "log"
    checked = check_session(folder)
    gaps = [one for one in checked.findings if one.kind == "gap"]
    listed = [one for one in make_quality(folder)["findings"] if one["kind"] == "gap"]
    assert len(gaps) == 174
    assert len(listed) == MOST_OF_A_KIND
    seq = np.arange(3, dtype=np.uint64)
    wrong = wrong_labels(checked, seq, seq, np.zeros(3, int))
    assert wrong["frozen"].all()
    assert not wrong["side_swap"].any()


@pytest.mark.parametrize("trembles_m", [0.0, 0.004])
def test_a_chair_tracked_as_a_body_is_named_with_its_person_and_rows(
    tmp_path: Path, tape: Callable[..., Any], trembles_m: float
) -> None:
    made = tape("chair")
    writer = made.shard()
    rng = np.random.default_rng(0)
    seat = np.zeros((25, 3))
    seat[:, 0], seat[:, 1], seat[:, 2] = 1.1, np.linspace(-0.9, -0.5, 25), 3.1
    for seq in range(120):
        row = empty_body_row()
        row["seq"] = seq
        row["time_device"] = row["time_host"] = 333_333 * seq
        for slot, body in ((2, 7), (4, CHAIR)):
            row["tracked"][0, slot], row["tracking_id"][0, slot] = 1, body
            row["joint_state"][0, slot] = 2
        row["joint_xyz_m"][0, 2] = person() + rng.normal(0, 0.006, (25, 3))
        row["joint_xyz_m"][0, 2, :, 0] += 0.2 * np.sin(seq / 20)
        if 20 <= seq < 100:
            row["joint_xyz_m"][0, 4] = seat + rng.normal(0, trembles_m, (25, 3))
        else:
            row["tracked"][0, 4] = 0
        if not writer.fits("bodies", 0):
            writer.close()
            writer = made.shard()
        writer.append("bodies", row)
    writer.close()
    checked = check_session(made.folder)
    (found,) = [one for one in checked.findings if one.kind == "implausible_body"]
    assert (found.tracking_id, found.slot) == (CHAIR, 4)
    assert (found.seq_first, found.seq_last) == (20, 99)
    seq = np.arange(120, dtype=np.uint64)
    wrong = wrong_labels(checked, seq, seq, np.full(120, 4))["implausible_body"]
    assert np.flatnonzero(wrong).tolist() == list(range(20, 100))
    assert not wrong_labels(checked, seq, seq, np.full(120, 2))["implausible_body"].any()
