"""csv: the files of KinectMultiTrack and KERAAL, whole, compared with what other readers find."""

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.import_recordings import ImportSettings, import_recordings
from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.registry import kind_of, open_source
from kincap.capture.sources.sensor import BodyFrame
from kincap.core.errors import SensorError
from kincap.core.skeleton import JOINT_NAMES, TrackingState
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session

MULTITRACK = (
    "Study_15_Kinect_2_Time_6_07_51_PM", "Study_23_Kinect_1_Time_2_37_08_PM",
    "Study_3_Kinect_2_Time_12_52_43_PM",
)  # fmt: skip
KERAAL = ("G3-Kinect-CTK-P1T1-Unknown-C-0", "G3-Kinect-ELK-P1T1-Unknown-C-0")


def multitrack_lines(path: Path) -> list[dict[str, str]]:
    """Return the lines of a file as Python's own reader gives them."""
    with open(path, newline="") as file:
        lines = list(csv.DictReader(file, skipinitialspace=True))
    names = {"Person#": "Person_Id", "Kinect#": "Kinect_Id", "Skeleton#": "Skeleton_Id"}
    return [{names.get(k, k): v for k, v in line.items()} for line in lines]


def first_lines(lines: list[dict[str, str]], sensor: str) -> dict[tuple[int, int], np.ndarray]:
    """Return the joints of a sensor by time and person; of repeated lines the first one."""
    found: dict[tuple[int, int], np.ndarray] = {}
    for line in lines:
        if line["Kinect_Id"] == sensor:
            key = (int(line["Skeleton_Time"]), int(line["Person_Id"]))
            joints = [[float(line[f"{j}_{axis}"]) for axis in "XYZ"] for j in JOINT_NAMES]
            found.setdefault(key, np.array(joints, np.float32))
    return found


def rows_of(source: str) -> np.ndarray:
    """Return all body rows that a source gives."""
    return np.concatenate([i.row for i in open_source(source).items() if isinstance(i, BodyFrame)])


@pytest.mark.parametrize("name", MULTITRACK)
def test_a_multitrack_file_holds_a_session_for_each_sensor(name, data_dir) -> None:
    path = data_dir / "kinect2_multitrack" / f"{name}.csv"
    lines = multitrack_lines(path)
    sensors = sorted({line["Kinect_Id"] for line in lines})
    assert len(sensors) == 2
    assert kind_of(path).name == "csv"
    with pytest.raises(SensorError, match=f"holds 2 sensors: {sensors[0]}, {sensors[1]}"):
        open_source(str(path))
    for sensor in sensors:
        told = first_lines(lines, sensor)
        rows = rows_of(f"csv:{path},sensor={sensor}")
        times = rows["time_device"]
        assert times.tolist() == sorted({time for time, _ in told})
        assert (np.diff(times) > 300_000).all()
        for row in rows:
            here = {p: joints for (t, p), joints in told.items() if t == row["time_device"]}
            slots = np.flatnonzero(row["tracked"])
            assert sorted(row["tracking_id"][slots]) == [p + 1 for p in sorted(here)]
            for slot in slots:
                joints = here[int(row["tracking_id"][slot]) - 1]
                assert np.array_equal(row["joint_xyz_m"][slot], joints)
                assert (row["joint_state"][slot] == TrackingState.unknown).all()


@pytest.mark.parametrize(
    ("name", "repeated", "late"),
    [(MULTITRACK[0], (7, 11), (0, 0)), (MULTITRACK[1], (8, 26), (0, 0)),
     (MULTITRACK[2], (2, 4), (1, 1))],
)  # fmt: skip
def test_repeated_and_late_lines_of_a_multitrack_file_are_counted(
    name, repeated, late, data_dir
) -> None:
    path = data_dir / "kinect2_multitrack" / f"{name}.csv"
    sensors = sorted({line["Kinect_Id"] for line in multitrack_lines(path)})
    for sensor, lines, frames in zip(sensors, repeated, late, strict=True):
        said = open_source(f"csv:{path},sensor={sensor}").info.warnings
        assert any(line.endswith(f"earlier one, left out: {lines}") for line in said)
        late_ones = [line for line in said if "logged late" in line]
        assert [line.rsplit(" ", 1)[1] for line in late_ones] == [str(frames)] * bool(frames)
        assert all(line.startswith(f"{name}.csv, sensor {sensor}: ") for line in said)


@pytest.mark.parametrize("name", MULTITRACK)
def test_multitrack_puts_the_joints_of_all_sensors_into_the_space_of_one(name, data_dir) -> None:
    """The shoulders of skeleton 0 have the angle that the file states; those of 1 that of 0."""
    turned, stated = defaultdict(list), {}
    for line in multitrack_lines(data_dir / "kinect2_multitrack" / f"{name}.csv"):
        key = (line["Person_Id"], line["Skeleton_Id"])
        left, right = (
            [float(line[f"Shoulder{side}_{axis}"]) for axis in "XZ"] for side in ("Left", "Right")
        )
        turned[key].append(math.atan2(right[1] - left[1], right[0] - left[0]))
        stated[key] = float(line["Skeleton_Init_Angle"])
    for person in {person for person, _ in turned}:
        own, other = (np.median(turned[person, k][:15]) for k in "01")
        assert abs(own - stated[person, "0"]) < 0.3
        assert abs(own - other) < 0.1
        assert abs(other - stated[person, "1"]) > 0.6


def test_all_files_of_a_folder_are_imported_a_session_for_each_sensor(tmp_path, data_dir) -> None:
    shared = RecordSettings("", tmp_path / "recordings", report=False)
    folder = data_dir / "kinect2_multitrack"
    told = import_recordings(ImportSettings((str(folder),), shared)).to_json()
    assert told["counts"] == {"recorded": 6}
    names = [one["session"] for one in told["sessions"]]
    assert names[:2] == [f"{MULTITRACK[2]}-sensor1", f"{MULTITRACK[2]}-sensor2"]
    assert [one["body_frames"] for one in told["sessions"]] == [41, 39, 67, 63, 166, 149]
    for one in told["sessions"]:
        assert any("in the camera space of one of them" in line for line in one["warnings"])
        assert verify_session(tmp_path / "recordings" / one["session"]).ok
    again = import_recordings(ImportSettings((f"csv:{folder}/*.csv",), shared))
    assert (again.counts, again.exit_code) == ({"exists": 6}, 0)


@pytest.mark.parametrize("name", KERAAL)
def test_a_keraal_file_is_recorded_as_it_is(name, data_dir, tmp_path) -> None:
    path = data_dir / "kinect2_keraal" / f"{name}.txt"
    told = np.loadtxt(path).reshape(-1, 25, 7)
    done = record(RecordSettings("k", tmp_path / "recordings", str(path), report=False))
    assert done.body_frames == len(told)
    with SessionReader(done.path) as reader:
        rows = reader.bodies
        assert reader.info.device.times == "assumed 30 Hz"
        assert (np.diff(rows["time_device"]) == 333_333).all()
        assert np.array_equal(rows["joint_xyz_m"][:, 0], told[..., :3].astype(np.float32))
        assert np.array_equal(rows["joint_orientation"][:, 0], told[..., 3:].astype(np.float32))
        assert (rows["joint_state"][:, 0] == TrackingState.unknown).all()
        assert np.isfinite(rows["joint_color_px"][:, 0]).all()
    # hands, head and feet have no orientation: the SDK writes zeros
    ends = [JOINT_NAMES.index(n) for n in ("Head", "FootLeft", "HandTipLeft", "ThumbRight")]
    assert not told[:, ends, 3:].any()


def test_other_files_of_keraal_are_not_taken_for_tables_of_a_kinect(data_dir) -> None:
    folder = data_dir / "kinect2_keraal"
    found = {path.name for path in folder.iterdir() if kind_of(path) is not None}
    assert found == {f"{name}.txt" for name in KERAAL}
