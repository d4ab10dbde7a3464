"""A made-up sensor of 32 joints: one value and its source, from record to the data set."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.core.errors import SessionError
from kincap.core.sensor_shape import KINECT_V2
from kincap.core.skeleton import KINECT_V2_SKELETON, Skeleton
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import by_kinect_joints
from kincap.sessions.session_file import load_session

from .made_up_sensor import SHAPE

FRAMES = 90


@pytest.fixture
def made(tmp_path: Path, memory_sensor) -> Path:
    """Return the folder of a recording of the sensor of 32 joints."""
    settings = RecordSettings("made", tmp_path / "recordings", shard_mib=8)
    done = record(settings, sensor=memory_sensor(frames=FRAMES, shape=SHAPE, persons=2))
    assert (done.color_frames, done.body_frames, done.dropped) == (FRAMES, FRAMES, {})
    assert done.report is not None
    return done.path


def test_it_is_read_back_as_it_was_recorded(made: Path) -> None:
    info = load_session(made)
    assert info.shape.skeleton == SHAPE.skeleton
    assert info.shape.to_json() == SHAPE.to_json()
    with SessionReader(made) as reader:
        rows = reader.bodies
        assert rows["joint_xyz_m"].shape == (FRAMES, 4, 32, 3)
        assert rows["joint_xyz_m"][:, 1, 31, 2].tolist() == list(range(FRAMES))
        assert np.diff(rows["time_device"]).tolist() == [SHAPE.tick_100ns] * (FRAMES - 1)


def test_it_is_a_source_of_the_command(kincap, tmp_path: Path) -> None:
    source = "tests.capture.made_up_sensor:open_sensor"
    root = str(Path(__file__).parents[2])
    run = kincap("record", "--session", "own", "--source", source, "--json", PYTHONPATH=root)
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout)
    assert (done["color_frames"], done["body_frames"], done["mask_frames"]) == (30, 30, 30)
    assert kincap("sessions", "verify", "own").returncode == 0
    with SessionReader(tmp_path / "recordings" / "own") as reader:
        assert reader.bodies["joint_xyz_m"][:, 3, 31, 1].tolist() == list(range(30))
        assert reader.info.shape.to_json() == SHAPE.to_json()


def test_no_commands_stumble_over_it(kincap, made: Path) -> None:
    verified = kincap("sessions", "verify", "made")
    assert verified.returncode == 0, verified.stderr
    shown = json.loads(kincap("sessions", "show", "made", "--json").stdout)
    assert set(shown["joints"]) == set(SHAPE.skeleton.points)
    listed = json.loads(kincap("sessions", "list", "--json").stdout)
    assert [one["body_frames"] for one in listed["sessions"]] == [FRAMES]
    report = kincap("sessions", "report", "made", "--json")
    assert report.returncode == 0, report.stderr
    assert json.loads(report.stdout)["whole"]["joints"].keys() == set(KINECT_V2_SKELETON.points)


def test_it_is_played_again(kincap, made: Path) -> None:
    again = kincap("record", "--session", "again", "--source", f"session:{made}", "--json")
    assert again.returncode == 0, again.stderr
    with SessionReader(made) as one, SessionReader(made.with_name("again")) as other:
        assert one.bodies.tobytes() == other.bodies.tobytes()
        assert other.info.shape.to_json() == SHAPE.to_json()


def test_a_killed_recording_of_it_is_sealed_and_goes_on(made: Path, memory_sensor) -> None:
    # as after a kill: no line in the manifest
    (made / "manifest.jsonl").write_bytes(b"")
    for shard in made.glob("*.h5"):
        shard.chmod(0o600)
    settings = RecordSettings("made", made.parent, shard_mib=8, report=False)
    done = record(settings, sensor=memory_sensor(frames=10, shape=SHAPE))
    assert done.recovered == ["000000.h5", "000001.h5"]
    with SessionReader(made) as reader:
        assert len(reader.bodies) == FRAMES + 10


def test_a_lost_shard_is_repaired(kincap, made: Path) -> None:
    shard = made / "000000.h5"
    shard.chmod(0o600)
    raw = bytearray(shard.read_bytes())
    raw[100] ^= 0xFF
    raw[5000] ^= 0xFF
    shard.write_bytes(raw)
    assert kincap("sessions", "verify", "made").returncode == 1
    assert kincap("sessions", "repair", "made").returncode == 0
    assert kincap("sessions", "verify", "made").returncode == 0
    with SessionReader(made) as reader:
        assert len(reader.bodies) == FRAMES


def test_two_shapes_do_not_share_a_session(made: Path, memory_sensor) -> None:
    before = sorted(made.iterdir())
    with pytest.raises(SessionError, match=r"4 bodies of 32 joints .*6 bodies of 25 joints"):
        record(RecordSettings("made", made.parent, shard_mib=8), sensor=memory_sensor(frames=5))
    assert sorted(made.iterdir()) == before


def test_rows_of_another_shape_than_session_json_says_are_damage(kincap, made: Path) -> None:
    from kincap.sessions.session_file import save_session

    info = load_session(made)
    info.device = replace(info.device, shape=KINECT_V2)
    save_session(made, info)
    run = kincap("sessions", "verify", "made")
    assert run.returncode == 1
    assert "4 bodies of 32 joints" in run.stdout + run.stderr
    for command in (("list",), ("show", "made"), ("report", "made")):
        run = kincap("sessions", *command)
        assert run.returncode in (0, 1)
        assert "Traceback" not in run.stderr


def test_joints_are_matched_by_name() -> None:
    from kincap.sessions.schema import BODIES_DTYPE, empty_body_row

    row = empty_body_row(SHAPE)
    row["joint_xyz_m"][0, 2] = np.arange(32)[:, None]
    row["joint_state"][0, 2] = 2
    row["tracking_id"][0, 2] = 5
    found = by_kinect_joints(row, SHAPE.skeleton)
    assert found["joint_xyz_m"][0, 2, :, 0].tolist() == list(range(7, 32))
    assert found["tracking_id"][0].tolist() == [0, 0, 5, 0]
    few = dataclasses.replace(SHAPE, skeleton=Skeleton("two", ("Head", "Neck"), ()))
    part = by_kinect_joints(empty_body_row(few), few.skeleton)
    assert np.isnan(part["joint_xyz_m"]).all()
    assert not part["joint_state"].any()
    same = empty_body_row()
    assert by_kinect_joints(same, KINECT_V2_SKELETON) is same
    assert same.dtype == BODIES_DTYPE
