"""Sources from files: a real Kinect v2 clip, a replayed session, and what is wrong with others."""

import math
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.ntu.skeleton_file import count_frames, read_rows
from kincap.capture.sources.registry import open_source
from kincap.core.errors import KincapError, SensorError, SensorNotFoundError, SessionError
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import ColorFlag
from kincap.sessions.session_file import load_session

CLIP = "S001C001P001R001A001"
UNCHANGED = ("time_device", "time_host", "exposure", "frame_interval", "length", "crc32")


def plain_skeleton(path: Path) -> list[list[tuple[list[str], np.ndarray]]]:
    """Read a .skeleton file as simply as its form allows: frames of (info, (25, 12) joints)."""
    words = path.read_text().split()
    at = 0

    def take(count: int) -> list[str]:
        nonlocal at
        at += count
        return words[at - count : at]

    frames = []
    for _ in range(int(take(1)[0])):
        bodies = []
        for _ in range(int(take(1)[0])):
            info = take(10)
            joints = int(take(1)[0])
            bodies.append((info, np.array(take(12 * joints), float).reshape(joints, 12)))
        frames.append(bodies)
    assert at == len(words)
    return frames


@pytest.fixture
def clip(data_dir):
    return data_dir / "ntu" / f"{CLIP}_rgb.avi"


@pytest.fixture
def settings(tmp_path):
    return RecordSettings(session="real1", recordings=tmp_path / "recordings", shard_mib=8)


def skeleton_text(frames: int = 2, bodies: int = 1) -> str:
    """Make a small .skeleton file."""
    joint = "0.1 0.2 3.0 200 100 900 500 1 0 0 0 2"
    body = "\n".join(["7205 0 1 1 1 1 0 0.1 0.2 2", "25", *[joint] * 25])
    return "\n".join([str(frames), *["\n".join([str(bodies), *[body] * bodies])] * frames, ""])


def test_the_real_clip_is_stored_as_its_files_say(clip, settings):
    done = record(RecordSettings("real1", settings.recordings, source=f"ntu:{clip}", shard_mib=8))
    assert (done.color_frames, done.body_frames, done.dropped) == (103, 103, {})
    truth = plain_skeleton(clip.with_name(f"{CLIP}.skeleton"))
    with SessionReader(done.path) as reader:
        assert reader.color["time_device"].tolist() == [k * 333_333 for k in range(103)]
        assert reader.bodies["time_device"].tolist() == [k * 333_333 for k in range(103)]
        for row, [(info, joints)] in zip(reader.bodies, truth, strict=True):
            assert row["tracked"].tolist() == [1, 0, 0, 0, 0, 0]
            assert np.abs(row["joint_color_px"][0] - joints[:, 5:7]).max() < 0.01
            assert np.abs(row["joint_xyz_m"][0] - joints[:, :3]).max() < 1e-6
            assert row["joint_state"][0].tolist() == joints[:, 11].tolist()
            assert np.allclose(row["joint_orientation"][0], joints[:, [8, 9, 10, 7]], atol=1e-6)
            assert int(row["tracking_id"][0]) == int(info[0])
            names = (
                "clipped_edges", "hand_left_confidence", "hand_left_state",
                "hand_right_confidence", "hand_right_state",
            )  # fmt: skip
            assert [int(row[name][0]) for name in names] == [int(word) for word in info[1:6]]
            assert np.allclose(row["lean_xy"][0], [float(word) for word in info[7:9]])
            assert int(row["lean_state"][0]) == int(info[9])
            assert np.isnan(row["joint_xyz_m"][1:]).all()
            assert np.isnan(row["floor"]).all()
    device = load_session(done.path).device
    assert (device.mirrored, device.times) == (True, "assumed 30 Hz")
    assert device.color_size_px == (1920, 1080)


@pytest.mark.parametrize(
    ("name", "frames", "bodies"),
    [("S001C001P001R001A050", 74, 2), ("S001C001P001R001A011", 82, 1)],
)
def test_real_skeleton_files_are_read_with_one_slot_per_body(data_dir, name, frames, bodies):
    path = data_dir / "ntu" / f"{name}.skeleton"
    truth = plain_skeleton(path)
    rows = list(read_rows(path))
    assert len(rows) == len(truth) == frames
    assert max(len(frame) for frame in truth) == bodies
    slots: dict[int, set[int]] = {}
    for row, frame in zip(rows, truth, strict=True):
        assert int(row["tracked"].sum()) == len(frame)
        for info, joints in frame:
            slot = int(np.flatnonzero(row["tracking_id"][0] == int(info[0]))[0])
            slots.setdefault(int(info[0]), set()).add(slot)
            assert np.allclose(row["joint_color_px"][0, slot], joints[:, 5:7], atol=0.01)
    assert all(len(used) == 1 for used in slots.values())


def test_what_is_no_number_becomes_nan(tmp_path):
    text = skeleton_text().replace("900 500", "-inf -1.#IND").replace("0.1 0.2 3.0", "1e39 nan 3.0")
    (tmp_path / "x.skeleton").write_text(text)
    row = next(read_rows(tmp_path / "x.skeleton"))
    assert np.isnan(row["joint_color_px"][0, 0]).all()
    assert np.isnan(row["joint_xyz_m"][0, 0]).tolist() == [[True, True, False]] * 25


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda lines: lines[: len(lines) // 2], "the file was cut"),
        (lambda lines: [*lines[:-2], lines[-2][:-2]], "cut or changed"),
        (lambda lines: [*lines, "1"], "more lines after the last frame"),
        (lambda lines: ["many", *lines[1:]], "expected the number of frames"),
        (lambda lines: [lines[0], "7", *lines[2:]], "7 bodies"),
        (lambda lines: [*lines[:3], "24", *lines[4:]], "24 joints"),
        (lambda lines: [*lines[:4], lines[4][:-1] + "5", *lines[5:]], "none of 0, 1, 2"),
        (
            lambda lines: [*lines[:4], "x" + lines[4], *lines[5:]],
            "line 5: found 'x0.1', expected a number in a joint",
        ),
        (lambda lines: [*lines[:2], "-" + lines[2], *lines[3:]], "line 3: found '-7205'"),
        (lambda lines: [*lines[:2], "9" * 20 + lines[2], *lines[3:]], "line 3: found '9999"),
        (lambda lines: [*lines[:2], lines[2].replace("0.1", "x"), *lines[3:]], "line 3: found 'x'"),
        (lambda lines: [*lines[:2], lines[2][:-1] + "256", *lines[3:]], "line 3: found '256'"),
        (lambda lines: [], "the file was cut"),
    ],
)
def test_broken_skeleton_files_are_named_with_the_line(tmp_path, change, says, ending):
    lines = change(skeleton_text().splitlines())
    (tmp_path / "x.skeleton").write_bytes(ending.join([*lines, ""]).encode())
    with pytest.raises(SensorError, match=says) as refused:
        count_frames(tmp_path / "x.skeleton")
    assert "\n" not in str(refused.value)


def test_two_files_of_other_names_belong_together_by_their_stem(tmp_path, clip):
    (tmp_path / "take7.avi").write_bytes(clip.read_bytes())
    (tmp_path / "take7.skeleton").write_bytes(clip.with_name(f"{CLIP}.skeleton").read_bytes())
    sensor = open_source(f"ntu:{tmp_path / 'take7.avi'}")
    assert sensor.info.frames == 103
    sensor.close()


def test_files_of_different_length_are_refused_unless_the_user_aligns_them(tmp_path, clip):
    (tmp_path / "x_rgb.avi").write_bytes(clip.read_bytes())
    lines = clip.with_name(f"{CLIP}.skeleton").read_text().splitlines()
    (tmp_path / "x.skeleton").write_text("\n".join(["102", *lines[1:-28], ""]))
    source = f"ntu:{tmp_path / 'x_rgb.avi'}"
    with pytest.raises(SensorError, match="103 frames, x.skeleton 102.*align=start"):
        open_source(source)
    with pytest.raises(SensorError, match="align='end', expected align=start"):
        open_source(f"{source},align=end")
    done = record(RecordSettings("s", tmp_path / "r", source=f"{source},align=start"))
    assert (done.color_frames, done.body_frames) == (103, 102)
    assert "103 frames, x.skeleton 102: aligned at the start by request" in done.warnings[0]


def test_broken_clips_are_refused_before_anything_is_written(tmp_path, clip, capfd):
    skeleton = clip.with_name(f"{CLIP}.skeleton").read_bytes()
    whole = clip.read_bytes()
    made = {
        "alone": (whole, None, "no alone.skeleton beside it"),
        "half": (whole, skeleton[: len(skeleton) // 2], "the file was cut"),
        "rubbish": (b"no video at all", skeleton, "not an AVI file"),
        "empty": (b"", skeleton, "an empty file, expected an AVI"),
        "cutvideo": (
            whole[: len(whole) // 2],
            skeleton,
            "promises 103 frames, it holds [1-9][0-9] and no index; the file was cut",
        ),
        "foreign": (whole, skeleton_text(2).encode(), "don't belong together"),
    }
    for name, (video, bodies, says) in made.items():
        (tmp_path / f"{name}.avi").write_bytes(video)
        if bodies is not None:
            (tmp_path / f"{name}.skeleton").write_bytes(bodies)
        source = f"ntu:{tmp_path / name}.avi"
        with pytest.raises(SensorError, match=says) as refused:
            record(RecordSettings("s1", tmp_path / "recordings", source=source))
        assert refused.value.exit_code == 2
        assert "\n" not in str(refused.value)
    assert not (tmp_path / "recordings").exists()
    assert capfd.readouterr() == ("", "")


def test_a_replay_gives_the_same_bytes_and_rows(settings, memory_sensor):
    record(settings, sensor=memory_sensor(frames=70))
    first = record(settings, sensor=memory_sensor(frames=50, persons=2))
    again = record(RecordSettings("copy", settings.recordings, source=f"session:{first.path}"))
    assert (again.color_frames, again.body_frames, again.takes) == (120, 120, 2)
    with SessionReader(first.path) as a, SessionReader(again.path) as b:
        for seq in range(120):
            assert a.color_blob(seq) == b.color_blob(seq)
        for name in UNCHANGED:
            assert (a.color[name] == b.color[name]).all()
        assert (b.color["flags"] == a.color["flags"] | ColorFlag.stored_as_given).all()
        assert a.color["take"].tolist() == b.color["take"].tolist()
        # NaN where nobody is: compare bytes, not numbers
        assert a.bodies.tobytes() == b.bodies.tobytes()
        clocks = ("take", "wall_utc_ns", "host_ns", "device_100ns")
        assert [[t[c] for c in clocks] for t in a.info.takes] == [
            [t[c] for c in clocks] for t in b.info.takes
        ]
        assert a.info.device == b.info.device
        assert math.isnan(b.color["gain"][0])


def test_a_session_is_not_replayed_into_itself(settings, memory_sensor):
    done = record(settings, sensor=memory_sensor(frames=5))
    again = RecordSettings("real1", settings.recordings, source=f"session:{done.path}")
    with pytest.raises(SessionError, match="into itself"):
        record(again)


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("kinect", SensorNotFoundError, "no Kinect v2 on this machine.*simulator"),
        ("ntu:/nowhere.avi", SensorError, "no such file"),
        ("session:/nowhere", SensorError, "no session there"),
        ("webcam:0", SensorError, "unknown source"),
        ("kinect:1", SensorError, "unknown source"),
        ("simulator:frames", SensorError, "expected key=value"),
        ("simulator:frames=1,frames=2", SensorError, "twice"),
    ],
)
def test_sources_that_are_not_there_are_refused(spec, error, says):
    with pytest.raises(error, match=says) as refused:
        open_source(spec)
    assert isinstance(refused.value, KincapError)
    assert refused.value.exit_code == (3 if error is SensorNotFoundError else 2)
