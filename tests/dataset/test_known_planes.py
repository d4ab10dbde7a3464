"""Verdicts of masks and depth images: taken from the report, worked out without one."""

import base64
import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.checks.filters.settings import FilterSettings
from kincap.checks.plane_verdicts import PlaneVerdicts
from kincap.dataset.build import BuildResult, BuildSettings, build
from kincap.report.quality import known_verdicts
from kincap.sessions.schema import STREAM_TABLE, Stream
from kincap.sessions.shards import open_stored_shard

SETTINGS = {"body_index_share": 0.5, "occluded_near_m": 0.1, "occluded_far_m": 0.1}


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of three people whose limbs cross, and its report."""
    folder = tmp_path_factory.mktemp("planes") / "recordings"
    source = "simulator:frames=32,fps=4,pace=fast,persons=3,seed=8,device=3"
    record(RecordSettings("one", folder, source, ("color", "bodies", "mask", "depth")))
    return folder


def counted(recordings: Path, **more: object) -> BuildResult:
    """The counts of a dry run."""
    given = {"bodies": "all", "val": "0.3", "guard_s": 0, "workers": 1, "dry_run": True, **more}
    out = recordings.parent / "set.h5"
    return build(BuildSettings(out=out, recordings=recordings, size=32, **given))


def without_planes(session: Path) -> None:
    """Overwrite all masks and depth images of a session."""
    shard = session / "000000.h5"
    shard.chmod(0o600)
    with open_stored_shard(shard) as reader:
        begin = reader.layout.tables["blobs"].offset
        rows = [reader.rows(STREAM_TABLE[stream]) for stream in (Stream.mask, Stream.depth)]
    with shard.open("r+b") as file:
        for row in np.concatenate(rows):
            file.seek(begin + int(row["offset"]))
            file.write(bytes(64))


def test_the_report_and_the_images_give_the_same_labels(recordings: Path, tmp_path: Path) -> None:
    own = tmp_path / "recordings"
    shutil.copytree(recordings, own)
    verdicts = known_verdicts(own / "one")
    assert verdicts is not None
    assert (verdicts.bits & 0x1FFF).any()
    assert (verdicts.bits >> 13).any()
    told = counted(own)
    assert {"body_index", "occlusion"} <= set(told.findings)
    report = own / "one" / "quality.json"
    kept = report.read_bytes()
    report.unlink()
    assert known_verdicts(own / "one") is None
    seen = counted(own)
    assert (seen.findings, seen.keypoints, seen.rejected_all) == (
        told.findings, told.keypoints, told.rejected_all
    )  # fmt: skip
    # nothing is decoded where the report is of the session and of the thresholds
    without_planes(own / "one")
    assert counted(own).keypoints != told.keypoints
    report.write_bytes(kept)
    assert counted(own).keypoints == told.keypoints
    strict = FilterSettings(body_index_share=0.9)
    assert "body_index" not in counted(own, filters=strict).findings


def test_verdicts_of_other_bodies_are_not_taken(recordings: Path) -> None:
    from kincap.checks.session_checks import check_session

    verdicts = known_verdicts(recordings / "one")
    assert verdicts is not None
    right = check_session(recordings / "one", lags={}, every_plane=True).tables.people["marks"]
    for bits in (verdicts.bits[:-1], np.append(verdicts.bits, np.uint32(1)), verdicts.bits):
        other = PlaneVerdicts(verdicts.thresholds, bits)
        found = check_session(recordings / "one", lags={}, every_plane=True, verdicts=other)
        assert (found.tables.people["marks"] == right).all()


def packed(raw: bytes) -> str:
    return base64.b64encode(zlib.compress(raw)).decode()


@pytest.mark.parametrize(
    "found",
    [
        None, [], 7, {}, {"settings": SETTINGS, "bodies": 1},
        {"settings": {}, "bodies": 1, "bits": packed(bytes(4))},
        {"settings": SETTINGS, "bodies": "1", "bits": packed(bytes(4))},
        {"settings": SETTINGS, "bodies": -1, "bits": packed(b"")},
        {"settings": SETTINGS, "bodies": 1e9, "bits": packed(bytes(4))},
        {"settings": SETTINGS, "bodies": 2, "bits": packed(bytes(4))},
        {"settings": SETTINGS, "bodies": 1, "bits": packed(bytes(1 << 20))},
        {"settings": SETTINGS, "bodies": 1, "bits": "?"},
        {"settings": SETTINGS, "bodies": 1, "bits": base64.b64encode(b"not zlib").decode()},
    ],
)  # fmt: skip
def test_verdicts_that_anyone_may_have_written_are_no_trap(found: object) -> None:
    assert PlaneVerdicts.from_json(found) is None


def test_verdicts_come_back_from_a_report() -> None:
    settings = FilterSettings()
    rng = np.random.default_rng(3)
    off_body, hidden = rng.random((2, 50, 13)) < 0.2
    made = PlaneVerdicts.of(off_body, hidden, settings)
    again = PlaneVerdicts.from_json(made.to_json())
    assert again is not None
    assert again.bits.tolist() == made.bits.tolist()
    assert again.hold_for(settings)
    assert not again.hold_for(FilterSettings(body_index_share=0.4))
