"""A video beside joints: frames by their own times, on the clock of the joints, checked first."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.import_recordings import ImportSettings, import_recordings
from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Notice
from kincap.capture.sources.video.side_video import SideVideo
from kincap.core.errors import SensorError
from kincap.core.jpeg import decode_jpeg
from kincap.core.skeleton import JOINT, JOINT_NAMES
from kincap.sessions.kinds import EventKind
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import Stream
from tests.capture.sources.video.made_videos import SIZE_PX, STEP_S, write_log, write_video

START = 5_000_000
IDENTITY = bytes.fromhex("00010000" + "00000000" * 3 + "00010000" + "00000000" * 3 + "40000000")
QUARTER_TURN = bytes.fromhex("000000000001000000000000ffff0000" + "00000000" * 4 + "40000000")


@pytest.fixture(scope="module")
def kinect_reader(tmp_path_factory) -> Path:
    """Return a folder as KinectReader writes it; its video is 100 ms ahead of the joints."""
    folder = tmp_path_factory.mktemp("kinect-reader")
    write_log(folder / "joints.csv", 13)
    write_video(folder / "videorecording.wmv", 13, "wmv2", late_s=0.1)
    return folder


def lag_ms(folder: Path) -> float:
    return json.loads((folder / "quality.json").read_text())["lags"][0]["ms"]


def test_the_video_of_kinect_reader_is_recorded_and_its_lag_measured_and_taken_away(
    kinect_reader, tmp_path
) -> None:
    source = f"laban:{kinect_reader / 'joints.csv'}"
    done = record(RecordSettings("late", tmp_path / "recordings", source))
    assert (done.color_frames, done.body_frames, done.dropped) == (390, 390, {})
    assert any("have no common clock" in line for line in done.warnings)
    assert any("ms after the picture" in line for line in done.warnings)
    assert lag_ms(done.path) == pytest.approx(100, abs=10)
    assert verify_session(done.path).ok
    done = record(RecordSettings("right", tmp_path / "recordings", f"{source},offset_ms=100"))
    assert lag_ms(done.path) == pytest.approx(0, abs=10)
    with SessionReader(done.path) as reader:
        assert reader.color["time_device"][0] == START + 1_000_000
        assert reader.bodies["time_device"][0] == START
        assert reader.info.size_px == SIZE_PX
        assert reader.info.device.projection["estimated"] is True


def test_a_log_without_its_video_is_recorded_as_before(kinect_reader, tmp_path) -> None:
    sensor = open_source(f"laban:{kinect_reader / 'joints.csv'},video=no")
    assert sensor.info.streams == ("bodies",)
    assert sensor.info.color_size_px == (1920, 1080)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.avi", "mjpeg"), ("a.wmv", "wmv1")],
)
@pytest.mark.parametrize("mirrored", [True, False])
def test_frames_of_any_container_show_the_joints_where_their_pixels_are(
    tmp_path, name, codec, mirrored
) -> None:
    write_log(tmp_path / "joints.csv", 0.5)
    write_video(tmp_path / name, 0.5, codec, mirrored=mirrored)
    word = "yes" if mirrored else "no"
    source = f"laban:{tmp_path / 'joints.csv'},video={tmp_path / name},mirrored={word}"
    sensor = open_source(source)
    assert (sensor.info.mirrored, sensor.info.frames) == (mirrored, 15)
    items = list(sensor.items())
    rows = [item.row for item in items if isinstance(item, BodyFrame)]
    frames = [item for item in items if isinstance(item, ColorFrame)]
    times = [frame.time_device for frame in frames]
    expected = [START + k * STEP_S * 1e7 for k in range(15)]
    assert np.allclose(times, expected, atol=10_000)
    assert times == sorted(times)
    for row, frame in zip(rows, frames, strict=True):
        for joint in ("Head", "FootLeft", "FootRight"):
            k = JOINT_NAMES.index(joint)
            x, y = np.rint(row["joint_color_px"][0, 0, k]).astype(int)
            told = np.array([40 + 8 * k, 255 - 9 * k, 100 + 6 * k])
            assert np.abs(frame.image[y, x].astype(int) - told).max() < 70, joint


def test_a_table_takes_a_video_too_and_scales_its_own_pixels(tmp_path) -> None:
    write_video(tmp_path / "walk.mp4", 0.4, "libx264")
    columns = [f"{j}_{a}" for j in JOINT_NAMES for a in "XYZUV"]
    lines = [",".join(["t", *columns])]
    for k in range(12):
        places = (f"{0.25 * j:.2f},0.5,2.5,{40 * j},{20 * j + k}" for j in range(25))
        lines.append(",".join([f"{k * 33}", *places]))
    (tmp_path / "walk.csv").write_text("\n".join(lines))
    values = "".join(f'{v} = "{{joint}}_{v.upper()}"\n' for v in "xyzuv")
    content = f'[time]\ncolumn = "t"\nunit = "ms"\n[joints]\n{values}'
    (tmp_path / "map.toml").write_text(content + "[image]\nsize_px = [640, 360]\n")
    named = f"{tmp_path}/{{stem}}.mp4"
    source = f"csv:{tmp_path / 'walk.csv'},map={tmp_path / 'map.toml'},video={named},offset_ms=-50"
    done = record(RecordSettings("walk", tmp_path / "recordings", source, report=False))
    assert (done.color_frames, done.body_frames) == (12, 12)
    with SessionReader(done.path) as reader:
        # times below 0 are none: both clocks begin 50 ms later
        assert reader.color["time_device"][0] == 0
        assert reader.bodies["time_device"][0] == 500_000
        found = reader.bodies["joint_color_px"][3, 0, JOINT["Head"]]
        assert np.allclose(found, [(120 + 0.5) / 2 - 0.5, (63 + 0.5) / 2 - 0.5])
        assert reader.info.device.projection is None
        assert decode_jpeg(reader.blob(Stream.color, 0)).shape == (180, 320, 3)


@pytest.mark.parametrize(("damaged", "next_key"), [(5, 12), (12, 24)])
def test_damaged_frames_are_stored_with_an_event_until_the_next_whole_one(
    tmp_path, damaged, next_key
) -> None:
    write_log(tmp_path / "joints.csv", 1)
    write_video(tmp_path / "a.avi", 1, "mpeg4")
    content = bytearray((tmp_path / "a.avi").read_bytes())
    chunks = [k for k in range(len(content)) if content[k : k + 4] == b"00dc"]
    # the first one is in the header's list of indices
    at = chunks[1 + damaged] + 100
    content[at : at + 80] = bytes((37 * k + 11) % 256 for k in range(80))
    (tmp_path / "a.avi").write_bytes(content)
    sensor = open_source(f"laban:{tmp_path / 'joints.csv'},video={tmp_path / 'a.avi'}")
    assert any("frames are damaged or follow damaged ones" in w for w in sensor.info.warnings)
    items = list(sensor.items())
    (notice,) = (item for item in items if isinstance(item, Notice))
    assert notice.kind is EventKind.damaged_image
    found = re.findall(r"\d+", notice.text)
    assert [int(found[0]), int(found[1])] in ([damaged, next_key - 1], [damaged - 1, next_key - 1])
    assert notice.count == int(found[1]) - int(found[0]) + 1
    after = next(
        i for i in items[[i is notice for i in items].index(True) :] if isinstance(i, ColorFrame)
    )
    frames = [item for item in items if isinstance(item, ColorFrame)]
    assert [frame is after for frame in frames].index(True) == int(found[0])


def test_a_video_that_was_cut_or_is_of_another_length_is_reported(tmp_path) -> None:
    write_log(tmp_path / "joints.csv", 3)
    write_video(tmp_path / "a.avi", 3, "mjpeg")
    content = (tmp_path / "a.avi").read_bytes()
    (tmp_path / "a.avi").write_bytes(content[: len(content) // 2])
    sensor = open_source(f"laban:{tmp_path / 'joints.csv'},video={tmp_path / 'a.avi'}")
    said = " ".join(sensor.info.warnings)
    assert "its header promises 90 frames" in said
    assert "a.avi lasts 1." in said
    assert "joints.csv 3.0 s" in said


def spoiled(folder: Path, name: str) -> Path:
    """Write a video that can't be used."""
    path = folder / f"{name}.mp4"
    write_video(path, 0.2, "libx264")
    content = path.read_bytes()
    if name == "turned":
        at = content.find(IDENTITY, content.find(b"tkhd"))
        content = content[:at] + QUARTER_TURN + content[at + 36 :]
    elif name == "cut":
        content = content[: len(content) // 2]
    elif name == "playlist":
        content = b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"
    elif name == "empty":
        content = b""
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("turned", "is to be turned or mirrored when it is shown; write it that way first"),
        ("cut", "can't be read as a video"),
        ("playlist", "not a video of a known kind; expected MP4, MKV, AVI or WMV"),
        ("empty", "not a video of a known kind"),
    ],
)
def test_a_video_that_cannot_be_used_costs_one_line(tmp_path, name, says) -> None:
    path = spoiled(tmp_path, name)
    with pytest.raises(SensorError, match=says) as refused:
        SideVideo(path)
    assert refused.value.exit_code == 2
    assert str(refused.value).startswith(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("word", ["soon", "nan", "1e9", "-4000000"])
def test_an_offset_is_a_number_of_milliseconds(tmp_path, word) -> None:
    write_log(tmp_path / "joints.csv", 0.3)
    write_video(tmp_path / "a.avi", 0.3)
    source = f"laban:{tmp_path / 'joints.csv'},video={tmp_path / 'a.avi'},offset_ms={word}"
    with pytest.raises(SensorError, match=f"offset_ms={word}: expected a number"):
        open_source(source)


def test_a_video_of_other_proportions_needs_the_pixels_of_the_joints(tmp_path) -> None:
    write_log(tmp_path / "joints.csv", 0.3)
    write_video(tmp_path / "a.avi", 0.3, width_px=240)
    with pytest.raises(SensorError, match="frames of 240x180, and the place of joints in them"):
        open_source(f"laban:{tmp_path / 'joints.csv'},video={tmp_path / 'a.avi'}")


def test_each_log_of_a_folder_is_imported_with_the_video_of_its_name(tmp_path) -> None:
    for name in ("one", "two"):
        write_log(tmp_path / f"{name}.csv", 0.4)
        write_video(tmp_path / f"{name}.mp4", 0.4, "libx264")
    shared = RecordSettings("", tmp_path / "recordings", report=False)
    pattern = f"laban:{tmp_path}/*.csv,video={tmp_path}/{{stem}}.mp4"
    told = import_recordings(ImportSettings((pattern,), shared)).items
    assert [(one.session, one.color_frames) for one in told] == [("one", 12), ("two", 12)]
    (tmp_path / "two.mp4").unlink()
    again = import_recordings(ImportSettings((pattern,), shared, "b-"))
    assert again.exit_code == 1
    assert [one.state for one in again.items] == ["recorded", "refused"]
    assert "two.mp4: no such file; expected a video" in again.items[1].error
