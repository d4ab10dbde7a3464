"""Skeleton logs of a real Kinect v2 as sources: laban: and irds:."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame, Lost
from kincap.core.errors import SensorError
from kincap.core.skeleton import JOINT, JOINT_NAMES
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import EventKind, Stream

LABAN = ("Ges01_wavehand", "Ges02_balancinghands", "Ges03_drawlines", "Ges04_comehere", "joints")
IRDS = (
    "215_18_0_1_1_stand", "215_18_1_1_2_stand", "215_18_2_10_2_stand", "215_18_3_1_1_stand",
    "215_18_4_10_1_stand", "215_18_5_1_1_stand", "215_18_6_1_1_stand", "215_18_7_1_1_stand",
    "215_18_8_10_1_stand", "216_18_0_1_2_stand", "216_18_1_1_1_stand", "216_18_2_1_2_stand",
    "216_18_3_1_1_stand", "216_18_4_1_2_stand",
)  # fmt: skip
LOGS = [("laban", name) for name in LABAN] + [("irds", name) for name in IRDS]


def path_of(data_dir: Path, kind: str, name: str) -> Path:
    return data_dir / f"kinect2_{kind}" / f"{name}.{'csv' if kind == 'laban' else 'txt'}"


def raw_times(path: Path) -> np.ndarray:
    """Return a log's times in 100 ns, read without kincap."""
    if path.suffix == ".csv":
        with open(path, newline="") as file:
            return np.array([int(row[0]) for row in csv.reader(file)])
    lines = path.read_text().split("\n")[1:]
    return np.array([10_000 * int(line.split(",")[2]) for line in lines if line])


def bodies(spec: str) -> np.ndarray:
    """Return all rows that a source gives."""
    rows = [item.row for item in open_source(spec).items() if isinstance(item, BodyFrame)]
    return np.concatenate(rows)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory, data_dir):
    """Return a function that records a log, once, and returns its session's folder."""
    recordings = tmp_path_factory.mktemp("logs")

    def run(kind: str, name: str) -> Path:
        folder = recordings / f"{kind}-{name}"
        if not folder.is_dir():
            source = f"{kind}:{path_of(data_dir, kind, name)}"
            record(RecordSettings(folder.name, recordings, source))
        return folder

    return run


@pytest.mark.parametrize(("kind", "name"), LOGS)
def test_a_log_becomes_a_session_that_says_what_the_log_says(kind, name, recorded, data_dir):
    folder = recorded(kind, name)
    times = raw_times(path_of(data_dir, kind, name))
    assert verify_session(folder).ok
    with SessionReader(folder) as reader:
        assert reader.bodies["time_device"].tolist() == times.tolist()
        assert reader.bodies["seq"].tolist() == list(range(len(times)))
        assert (reader.bodies["tracked"] == [1, 0, 0, 0, 0, 0]).all()
        assert len(reader.color) == 0
        assert {int(take["take"]) for take in reader.info.takes} == {0}
        device = reader.info.device
        assert device.projection["estimated"] is True
        assert device.times == "device"
        assert set(reader.shard("000000.h5").layout.tables) == {"bodies", "events"}


def test_numbers_are_the_logs_own(data_dir):
    path = path_of(data_dir, "laban", "joints")
    first = path.read_text().split("\n", 1)[0].rstrip(",").split(",")
    row = bodies(f"laban:{path}")[0]
    told = np.array(first[1:], np.float32).reshape(25, 4)
    assert np.array_equal(row["joint_xyz_m"][0], told[:, :3])
    assert np.array_equal(row["joint_state"][0], told[:, 3])
    path = path_of(data_dir, "irds", "216_18_3_1_1_stand")
    rows = bodies(f"irds:{path}")
    for line, row in zip(path.read_text().split("\n")[1:], rows, strict=False):
        for joint in re.findall(r"\((.*?)\)", line):
            name, state, *numbers = joint.split(",")
            stored = row["joint_xyz_m"][0, JOINT[name]]
            assert np.array_equal(stored, np.array(numbers[:3], np.float32))
            assert row["joint_state"][0, JOINT[name]] == {"Tracked": 2, "Inferred": 1}[state]
    assert (rows["joint_state"][:, 0] == 1).sum() == 69


@pytest.mark.parametrize(("kind", "name"), LOGS)
def test_the_joints_stand_where_anatomy_has_them(kind, name, data_dir):
    """The people stand and face the sensor: their own left is on its right, where x is less."""
    rows = bodies(f"{kind}:{path_of(data_dir, kind, name)}")
    place = dict(zip(JOINT_NAMES, np.median(rows["joint_xyz_m"][:, 0], axis=0), strict=True))
    column = ("Head", "Neck", "SpineShoulder", "SpineMid", "SpineBase", "KneeLeft", "AnkleLeft")
    heights = [place[joint][1] for joint in column]
    assert heights == sorted(heights, reverse=True)
    assert 0.08 < heights[0] - heights[1] < 0.25
    for part in ("Shoulder", "Hip", "Knee", "Ankle"):
        assert place[f"{part}Left"][0] < place[f"{part}Right"][0], part
    for upper, lower in (("Shoulder", "Elbow"), ("Elbow", "Wrist"), ("Hip", "Knee")):
        left, right = (
            np.median(
                np.linalg.norm(
                    rows["joint_xyz_m"][:, 0, JOINT[upper + side]]
                    - rows["joint_xyz_m"][:, 0, JOINT[lower + side]],
                    axis=1,
                )
            )
            for side in ("Left", "Right")
        )
        assert 0.7 < left / right < 1.4, upper
    assert place["HandTipLeft"][0] != place["ThumbLeft"][0]


@pytest.mark.parametrize(("kind", "name"), LOGS)
def test_real_gaps_are_reported_where_they_are(kind, name, recorded, data_dir):
    """A gap is a step of more than one and a half ticks of 33.3 ms."""
    times = raw_times(path_of(data_dir, kind, name))
    steps = np.diff(times)
    expected = [
        (k, k + 1, max(1, round(steps[k] / 333_333) - 1)) for k in np.flatnonzero(steps > 500_000)
    ]
    folder = recorded(kind, name)
    findings = json.loads((folder / "quality.json").read_text())["findings"]
    reported = [
        (one["seq_first"], one["seq_last"], one["count"])
        for one in findings
        if (one["kind"], one["stream"]) == ("gap", "bodies")
    ]
    with SessionReader(folder) as reader:
        gaps = reader.events[reader.events["kind"] == EventKind.gap]
        found = [(int(e["seq_first"]), int(e["seq_last"]), int(e["count"])) for e in gaps]
        assert (gaps["stream"] == Stream.bodies).all()
        assert gaps["time_device"].tolist() == [int(times[last]) for _, last, _ in expected]
    assert found == expected
    assert reported == expected


def test_the_default_projection_is_close_to_that_of_real_sensors(data_dir):
    """NTU files hold joints in camera space and the SDK's own pixels for them."""
    from kincap.capture.sources.assumed_projection import default_projection
    from kincap.capture.sources.ntu.skeleton_file import read_rows

    default, off = default_projection(), []
    for path in sorted((data_dir / "ntu").glob("*.skeleton")):
        for row in read_rows(path):
            for slot in np.flatnonzero(row["tracked"][0]):
                found = default.pixels(row["joint_xyz_m"][0, slot])
                off.append(np.linalg.norm(found - row["joint_color_px"][0, slot], axis=1))
    assert np.median(off) < 2
    assert np.percentile(off, 95) < 3


def test_a_given_projection_makes_the_pixels(tmp_path, data_dir, recorded):
    path = path_of(data_dir, "laban", "Ges01_wavehand")
    pinhole = {"fx_px": 1000, "fy_px": 900, "cx_px": 950, "cy_px": 500}
    matrix = [[1000, 0, 950, 0], [0, -900, 500, 0], [0, 0, 1, 0]]
    session = {"device": {"projection": {"model": "pinhole", "matrix": matrix}}}
    for name, content in (("a", pinhole), ("b", {"matrix": matrix}), ("c", session)):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(content))
        sensor = open_source(f"laban:{path},projection={file}")
        row = next(iter(sensor.items())).row
        x, y, z = row["joint_xyz_m"][0, 0].astype(float).T
        assert np.allclose(row["joint_color_px"][0, 0, :, 0], 950 + 1000 * x / z, atol=0.01)
        assert np.allclose(row["joint_color_px"][0, 0, :, 1], 500 - 900 * y / z, atol=0.01)
        assert sensor.info.projection["origin"] == file.name
        assert sensor.info.projection["estimated"] is True
    # a session that was recorded from a log has one too
    session_file = recorded("laban", "Ges01_wavehand") / "session.json"
    again = bodies(f"laban:{path},projection={session_file}")
    assert again["joint_color_px"].tobytes() == bodies(f"laban:{path}")["joint_color_px"].tobytes()


def laban_line(time: int, places: dict[int, str] | None = None) -> str:
    """Return a line of a person whose joints all lie 0.3 m apart, but for some."""
    joints = [f"{0.3 * k:.2f},0.5,2.0,2" for k in range(25)]
    for k, text in (places or {}).items():
        joints[k] = text
    return ",".join([str(time), *joints]) + ",\n"


def irds_line(frame: int, ms: int, state: str = "Tracked", name: str = "Head") -> str:
    names = [joint if joint != "Head" else name for joint in JOINT_NAMES]
    joints = [f"({joint},{state},{0.1 * k:.2f},0.5,2.0,10.0,20.0)" for k, joint in enumerate(names)]
    return ",".join([str(frame), "5", str(ms), *joints]) + "\n"


def test_joints_without_a_place_are_not_tracked_and_have_no_pixels(tmp_path):
    path = tmp_path / "log.csv"
    places = {3: "0,0,0,1", 4: "1.2,0.5,2.0,0", 5: "NaN,0.5,2.0,2", 6: "1.8,0.5,-0.1,1"}
    path.write_text(
        laban_line(100, places) + laban_line(333_433, dict.fromkeys(range(25), "0,0,0,0"))
    )
    seen, empty = bodies(f"laban:{path}")
    assert seen["joint_state"][0, 3:7].tolist() == [0, 0, 0, 1]
    assert np.isnan(seen["joint_xyz_m"][0, 3:6]).all()
    assert np.isnan(seen["joint_color_px"][0, 3:7]).all()
    assert np.isfinite(seen["joint_xyz_m"][0, 6]).all()
    assert np.isfinite(seen["joint_color_px"][0, 7:]).all()
    assert not empty["tracked"].any()
    assert np.isnan(empty["joint_xyz_m"]).all()


def test_frames_that_the_logger_lost_are_lost_items(tmp_path):
    path = tmp_path / "7_log.txt"
    lines = [irds_line(10, 1000), irds_line(11, 1033), irds_line(14, 1133), irds_line(15, 1166)]
    path.write_text("Version0.1\r\n" + "".join(lines).replace("\n", "\r\n"))
    sensor = open_source(f"irds:{path}")
    given = list(sensor.items())
    assert [type(item) for item in given] == [BodyFrame] * 2 + [Lost] * 2 + [BodyFrame] * 2
    assert [item.time_device for item in given[2:4]] == [10_663_333, 10_996_666]
    assert sensor.info.subject == "irds-7"
    assert sensor.info.warnings == ("7_log.txt: its count of frames shows that 2 are missing",)
    done = record(RecordSettings("lost", tmp_path / "recordings", f"irds:{path}"))
    assert (done.body_frames, done.dropped) == (4, {"source": 2})
    assert verify_session(done.path).ok
    with SessionReader(done.path) as reader:
        assert reader.bodies["seq"].tolist() == [0, 1, 4, 5]


GOOD_LABAN = "".join(laban_line(330_000 * k) for k in range(8))
GOOD_IRDS = "Version0.1\n" + "".join(irds_line(k, 33 * k) for k in range(8))


@pytest.mark.parametrize(
    ("kind", "content", "says"),
    [
        ("laban", "", "holds no frames"),
        ("laban", "\n\n", "holds no frames"),
        ("laban", GOOD_LABAN[:-1], None),
        ("laban", GOOD_LABAN[:-2], None),
        ("laban", GOOD_LABAN.replace(",\n", "\n"), None),
        ("laban", GOOD_LABAN[:-3], "line 8: 100 values, expected .*was cut"),
        ("laban", GOOD_LABAN[:-20], "line 8: .*cut"),
        ("laban", GOOD_LABAN + "331,1,2,", "line 9: 3 values, expected .*cut"),
        ("laban", GOOD_LABAN.replace("0.5", "0.x"), "line 1: found '0.x', expected a number"),
        ("laban", GOOD_LABAN.replace("0.5", ""), "line 1: found '', expected a number"),
        ("laban", "-" + GOOD_LABAN, "line 1: found '-0', expected a whole number"),
        ("laban", "9" * 40 + GOOD_LABAN, r"line 1: found .9+\.\.\.., expected a whole number"),
        ("laban", GOOD_LABAN.replace("2.0,2,", "2.0,3,"), "line 1: state '3', expected 0, 1 or 2"),
        ("laban", GOOD_LABAN.replace("1.20,0.5,", "1.20,500,"), "499.50 m apart"),
        ("laban", GOOD_IRDS, "line 1: .*of another format"),
        ("laban", b"\xff\xfe\x00", "not a text file"),
        ("irds", "", "holds no frames"),
        ("irds", "\n", "begins with '', expected Version0.1"),
        ("irds", "Version0.1\n", "holds no frames"),
        ("irds", "Version0.2" + GOOD_IRDS[10:], "line 1: begins with 'Version0.2'"),
        ("irds", GOOD_LABAN, "line 1: begins with"),
        ("irds", GOOD_IRDS[:-1], None),
        ("irds", GOOD_IRDS[:-2], "line 9: 24 joints, .*cut"),
        ("irds", GOOD_IRDS[:-900], "line 9: .*cut"),
        ("irds", GOOD_IRDS.replace(",5,", ","), "line 2: .*cut"),
        ("irds", GOOD_IRDS + irds_line(7, 300), "frame 7 follows frame 7"),
        ("irds", GOOD_IRDS + irds_line(20_000, 300), "frame 20000 follows frame 7"),
        ("irds", GOOD_IRDS + irds_line(8, 300, "Seen"), "line 10: joint 'SpineBase', 'Seen'"),
        ("irds", GOOD_IRDS + irds_line(8, 300, name="Nose"), "line 10: joint 'Nose'"),
        (
            "irds",
            GOOD_IRDS + irds_line(8, 300, name="Neck"),
            "line 10: the joint Neck appears twice",
        ),
    ],
)
def test_logs_that_are_damaged_cut_or_foreign_are_refused_in_one_line(
    tmp_path, kind, content, says
):
    path = tmp_path / "log"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if says is None:
        assert len(bodies(f"{kind}:{path}")) == 8
        return
    with pytest.raises(SensorError, match=says) as refused:
        open_source(f"{kind}:{path}")
    assert refused.value.exit_code == 2
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


def test_joints_in_another_order_are_refused(tmp_path, data_dir):
    """multitrack's logs, for one, have the joints in the order of the alphabet."""
    order = np.argsort(JOINT_NAMES)
    lines = []
    for line in path_of(data_dir, "laban", "Ges01_wavehand").read_text().splitlines():
        words = line.rstrip(",").split(",")
        joints = [words[1 + 4 * k : 5 + 4 * k] for k in range(25)]
        lines.append(",".join([words[0], *(word for k in order for word in joints[k])]) + ",\n")
    path = tmp_path / "alphabet.csv"
    path.write_text("".join(lines))
    with pytest.raises(SensorError, match="in the order of its SDK"):
        open_source(f"laban:{path}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        ("{", "not valid JSON"),
        ("[1]", "holds no projection"),
        ('{"matrix": [[1, 2], [3, 4]]}', "holds no projection"),
        ('{"matrix": [[0,0,0,1],[0,0,0,1],[0,0,0,1]]}', "holds no projection"),
        ('{"fx_px": 1000, "fy_px": "x", "cx_px": 1, "cy_px": 2}', "holds no projection"),
        ('{"device": {"projection": null}}', "holds no projection"),
    ],
)
def test_projections_that_are_none_are_refused(tmp_path, content, says):
    log, file = tmp_path / "log.csv", tmp_path / "projection.json"
    log.write_text(GOOD_LABAN)
    if content is not None:
        file.write_text(content)
    with pytest.raises(SensorError, match=says) as refused:
        open_source(f"laban:{log},projection={file}")
    assert str(refused.value).startswith(str(file))


def test_the_command_records_a_log_and_refuses_what_is_none(tmp_path, data_dir, kincap):
    log = path_of(data_dir, "irds", "215_18_0_1_1_stand")
    done = kincap("record", "--session", "log1", "--source", f"irds:{log}", "--json")
    assert (done.returncode, done.stderr.count("\n") <= 3) == (0, True)
    assert json.loads(done.stdout)["body_frames"] == 31
    cut = tmp_path / "cut.txt"
    cut.write_bytes(log.read_bytes()[:30_000])
    for source in (f"irds:{cut}", "laban:/nowhere", f"laban:{log},frames=3"):
        refused = kincap("record", "--session", "log2", "--source", source)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert refused.stderr.startswith("kincap: ")
        assert refused.stderr.count("\n") == 1
    assert not (tmp_path / "recordings" / "log2").exists()
