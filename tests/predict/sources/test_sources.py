"""Sources: every frame once, times of the file, pictures upright, refusals in one line."""

import struct
import time
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from kincap.core.errors import KincapError, MissingPartError
from kincap.predict.sources.camera import CameraSource, Grabbed, open_camera
from kincap.predict.sources.frame_source import CAMERA, PICTURES, VIDEO
from kincap.predict.sources.open_source import open_source
from kincap.predict.sources.session_frames import SessionSource
from kincap.predict.sources.video import VideoSource
from tests.dataset.conftest import Frame, Sessions

CORNERS = np.array([[[200, 0, 0], [0, 200, 0]], [[0, 0, 200], [200, 200, 200]]], np.uint8)
"""Red, green, blue and white: which corner is which shows every turn and mirror."""


def write_video(path: Path, times: list[float], size: tuple[int, int] = (64, 48)) -> Path:
    """Write frames of four coloured corners at given times, brighter with each frame."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"crf": "10", "bf": "0"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 90_000)
        for number, at in enumerate(times):
            small = np.minimum(CORNERS.astype(int) + 5 * number, 255).astype(np.uint8)
            image = cv2.resize(small, size, interpolation=cv2.INTER_NEAREST)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = round(at * 90_000), Fraction(1, 90_000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def corners(image: np.ndarray) -> list[str]:
    """Return the colours of the corners: upper left, upper right, lower left, lower right."""
    height, width = image.shape[:2]
    found = []
    for y in (height // 4, 3 * height // 4):
        for x in (width // 4, 3 * width // 4):
            pixel = image[y, x].astype(int)
            name = "white" if pixel.min() > 100 else ("red", "green", "blue")[pixel.argmax()]
            found.append(name)
    return found


def test_a_video_gives_every_frame_at_its_own_time(tmp_path: Path) -> None:
    times = [2.0, 2.1, 2.5, 2.53, 4.0]
    source = open_source(str(write_video(tmp_path / "a.mp4", times)))
    frames = list(source.frames())
    assert source.kind == VIDEO
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert [frame.time_s for frame in frames] == pytest.approx([t - 2 for t in times], abs=1e-3)
    assert corners(frames[0].image) == ["red", "green", "blue", "white"]
    assert source.problem is None
    source.close()


def test_frames_of_an_avi_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        for _ in range(4):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    times = [frame.time_s for frame in VideoSource(path).frames()]
    assert times == pytest.approx([0, 0.1, 0.2, 0.3])


FIXED = 1 << 16
MATRICES = {
    "turned right": (0, FIXED, -FIXED, 0, ["blue", "red", "white", "green"]),
    "turned left": (0, -FIXED, FIXED, 0, ["green", "white", "red", "blue"]),
    "upside down": (-FIXED, 0, 0, -FIXED, ["white", "blue", "green", "red"]),
    "mirrored": (-FIXED, 0, 0, FIXED, ["green", "red", "white", "blue"]),
    "mirrored and turned": (0, FIXED, FIXED, 0, ["red", "blue", "green", "white"]),
    "upright": (FIXED, 0, 0, FIXED, ["red", "green", "blue", "white"]),
}


@pytest.mark.parametrize("name", MATRICES)
def test_a_phone_video_is_upright(tmp_path: Path, name: str) -> None:
    a, b, c, d, wanted = MATRICES[name]
    path = write_video(tmp_path / "phone.mp4", [0.0, 0.1])
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # the matrix of the track header
    assert struct.unpack(">9i", data[at : at + 36]) == (
        FIXED, 0, 0, 0, FIXED, 0, 0, 0, 1 << 30,
    )  # fmt: skip
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frame = next(VideoSource(path).frames())
    assert corners(frame.image) == wanted
    assert frame.image.shape[:2] == ((64, 48) if a == 0 else (48, 64))


@pytest.mark.parametrize("name", ["a.mkv", "a.mov"])
def test_a_whole_video_has_no_problem(tmp_path: Path, name: str) -> None:
    source = VideoSource(write_video(tmp_path / name, [n / 30 for n in range(40)]))
    assert len(list(source.frames())) == 40
    assert source.problem is None


def test_a_video_that_was_cut_gives_what_is_left_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.mkv"
    data = write_video(path, [n / 30 for n in range(60)], (320, 240)).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    source = VideoSource(path)
    frames = list(source.frames())
    assert 0 < len(frames) < 60
    # Matroska has no count of frames in its header, but its length
    assert source.problem is not None
    assert "cut" in source.problem
    whole = write_video(tmp_path / "cut.mp4", [n / 30 for n in range(60)], (320, 240))
    data = whole.read_bytes()
    assert data.index(b"mdat") < data.index(b"moov")
    middle = data.index(b"mdat") + (data.index(b"moov") - data.index(b"mdat")) // 2
    zeroed = bytearray(data)
    zeroed[middle : middle + 200] = bytes(200)
    whole.write_bytes(zeroed)
    source = VideoSource(whole)
    list(source.frames())
    assert source.problem is not None
    assert "damage" in source.problem


def test_pictures_come_by_name_and_a_damaged_one_keeps_its_place(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg"):
        cv2.imwrite(str(tmp_path / name), cv2.resize(CORNERS[..., ::-1], (40, 40)))
    (tmp_path / "c.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("no picture either")
    source = open_source(str(tmp_path))
    assert (source.kind, source.total) == (PICTURES, 3)
    frames = list(source.frames())
    assert [(frame.name, frame.problem is None) for frame in frames] == [
        ("a.jpg", True), ("b.png", True), ("c.jpg", False),
    ]  # fmt: skip
    assert source.problem == "1 of 3 pictures can't be read"
    pattern = open_source(str(tmp_path / "[ab].*"))
    assert [frame.name for frame in pattern.frames()] == ["a.jpg", "b.png"]


def test_a_slow_net_gets_the_newest_frame_and_the_others_are_counted() -> None:
    def grab() -> Grabbed | None:
        time.sleep(0.005)
        grab.count += 1  # type: ignore[attr-defined]
        return None if grab.count > 60 else Grabbed(np.full((4, 4, 3), grab.count, np.uint8))  # type: ignore[attr-defined]

    grab.count = 0  # type: ignore[attr-defined]
    closed = []
    source = CameraSource("camera:test", grab, lambda: closed.append(True))
    assert source.kind == CAMERA
    numbers = []
    for frame in source.frames():
        numbers.append(frame.number)
        time.sleep(0.03)
    source.close()
    assert closed == [True]
    assert numbers == sorted(set(numbers))
    assert len(numbers) < 30
    assert source.dropped == numbers[-1] + 1 - len(numbers)


def test_a_file_is_played_as_a_camera_at_its_own_pace(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [0.0, 0.1, 0.3])
    source = open_camera(str(path))
    began = time.monotonic()
    assert [frame.number for frame in source.frames()] == [0, 1, 2]
    assert 0.25 < time.monotonic() - began < 3
    source.close()


def test_a_camera_that_breaks_off_says_so(tmp_path: Path) -> None:
    grabbed = iter([Grabbed(CORNERS)])

    def grab() -> Grabbed:
        for one in grabbed:
            return one
        raise KincapError("the cable is out")

    source = CameraSource("camera:test", grab, lambda: None)
    assert len(list(source.frames())) == 1
    assert source.problem == "the cable is out"
    source.close()
    path = write_video(tmp_path / "a.mp4", [n / 30 for n in range(12)])
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 60] = bytes(60)
    path.write_bytes(damaged)
    in_file, played = VideoSource(path), open_camera(str(path))
    assert list(in_file.frames())
    assert list(played.frames())
    assert in_file.problem is not None
    assert played.problem == in_file.problem
    played.close()


def test_takes_of_a_session_follow_each_other_whatever_their_clocks_say(tmp_path: Path) -> None:
    ticks = [(0, 0), (0, 1), (0, 3), (1, -900), (1, -899), (2, 90_000)]
    frames = [Frame(take=take, tick=tick) for take, tick in ticks]
    source = SessionSource(Sessions(tmp_path)("s", frames))
    times = [frame.time_s for frame in source.frames()]
    assert times == pytest.approx([n / 30 for n in (0, 1, 3, 4, 5, 6)], abs=1e-4)
    source.close()


@pytest.mark.parametrize("text", ["gone.mp4", "gone*.jpg", "camera:gone.mp4"])
def test_sources_that_do_not_exist_are_refused(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(KincapError, match="gone"):
        open_source(text)


def test_files_that_are_something_else_are_refused(tmp_path: Path) -> None:
    for name in ("text.jpg", "text.mp4", "text.txt"):
        (tmp_path / name).write_text("only words")
        with pytest.raises(KincapError, match=name):
            open_source(str(tmp_path / name))
    (tmp_path / "empty").mkdir()
    with pytest.raises(KincapError, match="neither a session nor a folder with pictures"):
        open_source(str(tmp_path / "empty"))


def test_a_machine_without_a_camera_says_so() -> None:
    with pytest.raises(MissingPartError, match="camera:99"):
        open_source("camera:99")
