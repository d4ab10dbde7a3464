"""Each picture of a clip keeps the joints of its own frame; lost and damaged ones are named."""

import random
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.ntu.avi import AviVideo
from kincap.capture.sources.ntu.video_check import FrameState, check_video
from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Lost
from kincap.core.errors import KincapError, SensorError
from kincap.sessions.kinds import EventKind
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session

from .clips import number_of, rewrite, write_avi, write_skeleton
from .conftest import FRAMES

GARBAGE = bytes((37 * k + 11) & 255 for k in range(5000))


def given(video: Path) -> tuple[dict[int, int], dict[int, EventKind], tuple[str, ...]]:
    """Return by frame: the number on its picture; by lost frame: the reason; the warnings."""
    sensor = open_source(f"ntu:{video}")
    pictures, lost, rows = {}, {}, []
    for item in sensor.items():
        if isinstance(item, BodyFrame):
            rows.append(float(item.row["joint_color_px"][0, 0, 0, 0]))
        elif isinstance(item, ColorFrame):
            pictures[item.time_device // 333_333] = number_of(item.image)
        elif isinstance(item, Lost):
            lost[item.time_device // 333_333] = item.kind
    assert rows == list(range(len(rows)))
    return pictures, lost, sensor.info.warnings


@pytest.mark.parametrize(
    ("gone", "chunk", "kind", "says"),
    [
        ((), b"", None, None),
        (
            (10, 11),
            b"",
            EventKind.drop_source,
            "2 frames empty in the file, counted as lost: 10-11",
        ),
        ((0,), b"", EventKind.drop_source, "1 frame empty in the file, counted as lost: 0"),
        ((FRAMES - 1,), b"", EventKind.drop_source, "1 frame empty in the file, .*: 23"),
        ((3, 9, 10), b"", EventKind.drop_source, "3 frames empty in the file, .*: 3, 9-10"),
        (
            (10, 11),
            GARBAGE,
            EventKind.drop_damaged,
            "2 frames can't be decoded or placed, .*: 10-11",
        ),
        (
            (0, 23),
            GARBAGE,
            EventKind.drop_damaged,
            "2 frames can't be decoded or placed, .*: 0, 23",
        ),
        ((5,), b"\xff\xd8" + GARBAGE[:398], EventKind.drop_damaged, "1 frame can't be .*: 5"),
    ],
)
def test_a_lost_frame_keeps_its_place_and_the_others_their_joints(clip, gone, chunk, kind, says):
    rewrite(clip, lambda k, data: chunk if k in gone else data)
    pictures, lost, warnings = given(clip)
    assert pictures == {k: k for k in range(FRAMES) if k not in gone}
    assert lost == dict.fromkeys(gone, kind)
    assert len(warnings) == (1 if gone else 0)
    assert says is None or re.search(says, warnings[0])


def test_a_clip_with_lost_frames_is_recorded_and_every_item_accounted_for(clip):
    rewrite(clip, lambda k, data: {4: b"", 9: GARBAGE}.get(k, data))
    done = record(RecordSettings("s", clip.parent / "r", f"ntu:{clip}"))
    assert (done.color_frames, done.body_frames) == (FRAMES - 2, FRAMES)
    assert done.dropped == {"damaged": 1, "source": 1}
    assert verify_session(done.path).ok
    with SessionReader(done.path) as reader:
        seqs = [k for k in range(FRAMES) if k not in (4, 9)]
        assert reader.color["seq"].tolist() == seqs
        assert reader.color["time_device"].tolist() == [333_333 * k for k in seqs]
        # what is lost by an event is not a gap as well
        assert not (reader.events["kind"] == EventKind.gap).any()


@pytest.mark.parametrize(
    ("change", "settings", "says"),
    [
        (lambda k, d: d if k != 7 else None, {}, "promises 24 frames, its index lists 23"),
        (lambda k, d: d if k != 7 else None, {"promised": 23}, "has 23 frames, x.skeleton 24"),
        (lambda k, d: d, {"promised": 26}, "promises 26 frames, its index lists 24"),
        (lambda k, d: d if k != 7 else None, {"index": False}, "it holds 23 and no index"),
        (lambda k, d: GARBAGE, {}, "no frame can be decoded"),
    ],
)
def test_differences_that_nothing_explains_are_refused(clip, change, settings, says):
    rewrite(clip, change, **settings)
    with pytest.raises(SensorError, match=says) as refused:
        open_source(f"ntu:{clip}")
    assert refused.value.exit_code == 2


def test_a_file_without_an_index_is_read_where_its_count_is_right(clip):
    rewrite(clip, lambda k, data: data, index=False)
    assert given(clip)[0] == {k: k for k in range(FRAMES)}


def test_a_destroyed_chunk_header_loses_that_frame_alone(clip):
    data = bytearray(clip.read_bytes())
    at = data.index(b"movi") + 4
    for _ in range(6):
        at += 8 + struct.unpack("<I", data[at + 4 : at + 8])[0] + 1 & ~1
    data[at : at + 4] = b"\x07\x01\x02\x03"
    clip.write_bytes(data)
    pictures, lost, _ = given(clip)
    assert pictures == {k: k for k in range(FRAMES) if k != 6}
    assert lost == {6: EventKind.drop_damaged}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x1aE\xdf\xa3" + GARBAGE, "a Matroska or WebM file"),
        (b"\0\0\0\x20ftypisom" + GARBAGE, "an MP4 or QuickTime file"),
        (b"RIFF\0\0\0\0WAVEfmt " + GARBAGE, "a WAVE file"),
        (b"\xff\xd8\xff\xe0" + GARBAGE, "a JPEG image"),
        (b"103\r\n1\r\n", "not an AVI file"),
        (GARBAGE, "not an AVI file"),
        (b"", "an empty file"),
        (b"RIFF\0\0\0\0AVI LIST" + GARBAGE, "damaged AVI|without video"),
    ],
)
def test_files_named_avi_that_are_something_else_are_refused(clip, content, says, capfd):
    clip.write_bytes(content)
    with pytest.raises(SensorError, match=says) as refused:
        open_source(f"ntu:{clip}")
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def test_a_terabyte_of_zeros_after_a_video_is_not_searched(clip):
    whole = clip.read_bytes()
    with open(clip, "r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(SensorError, match="1099511627776 bytes, its container ends at"):
        open_source(f"ntu:{clip}")
    clip.write_bytes(whole + bytes(1000))
    assert given(clip)[0] == {k: k for k in range(FRAMES)}


def test_a_real_video_in_another_container_is_refused(clip, data_dir):
    clip.write_bytes((data_dir / "videos_asl" / "again.mkv").read_bytes())
    with pytest.raises(SensorError, match="a Matroska or WebM file, expected an AVI video"):
        open_source(f"ntu:{clip}")


def test_a_video_of_another_size_is_refused(tmp_path):
    write_avi(tmp_path / "x.avi", 3, size=(640, 480))
    write_skeleton(tmp_path / "x.skeleton", 3)
    with pytest.raises(SensorError, match="frames of 640x480, expected 1920x1080"):
        open_source(f"ntu:{tmp_path / 'x.avi'}")


def test_damage_in_a_jpeg_is_reported_and_stays_in_its_frame(clip):
    def spoil(k: int, data: bytes) -> bytes:
        middle = len(data) // 2
        return data[:middle] + GARBAGE[:300] + data[middle + 300 :] if k in (8, 15) else data

    rewrite(clip, spoil)
    states = check_video(clip).states
    assert [k for k, state in enumerate(states) if state is FrameState.damaged] == [8, 15]
    assert set(states) == {FrameState.sound, FrameState.damaged}
    done = record(RecordSettings("s", clip.parent / "r", f"ntu:{clip}"))
    assert (done.color_frames, done.dropped) == (FRAMES, {})
    assert done.report["verdict"].startswith("poor")
    found = [f for f in done.report["findings"] if f["kind"] == "damaged_image"]
    assert [(f["stream"], f["seq_first"], f["seq_last"]) for f in found] == [
        ("color", 8, 8),
        ("color", 15, 15),
    ]
    with SessionReader(done.path) as reader:
        events = reader.events[reader.events["kind"] == EventKind.damaged_image]
        assert [(int(e["seq_first"]), int(e["seq_last"])) for e in events] == [(8, 8), (15, 15)]


@pytest.fixture(scope="module")
def predicted(tmp_path_factory) -> Path:
    """Return a clip of MPEG-4: a key frame, then frames predicted from the one before."""
    path = tmp_path_factory.mktemp("mpeg4") / "x_rgb.avi"
    write_avi(path, FRAMES, "XVID")
    write_skeleton(path.with_name("x.skeleton"), FRAMES)
    return path


def keys_of(video: Path) -> list[int]:
    opened = AviVideo(video)
    keys = [frame.place for frame in opened.decoded() if frame.is_key]
    opened.close()
    return keys


def test_frames_predicted_from_a_damaged_or_lost_one_are_marked_too(predicted, tmp_path):
    keys = keys_of(predicted)
    assert keys[:2] == [0, 12]
    for chunk, lost in ((GARBAGE, True), (None, False)):
        copy = tmp_path / "x_rgb.avi"
        copy.write_bytes(predicted.read_bytes())

        def spoil(k: int, data: bytes, chunk: bytes | None = chunk) -> bytes:
            if k != 5:
                return data
            return chunk or data[: len(data) // 2] + bytes(len(data) - len(data) // 2)

        rewrite(copy, spoil)
        states = check_video(copy).states
        expected = FrameState.undecodable if lost else FrameState.damaged
        assert states[5] is expected
        assert set(states[6:12]) == {FrameState.predicted}
        assert set(states[:5] + states[12:]) == {FrameState.sound}


def test_an_empty_chunk_of_a_predicted_video_leaves_its_successors_in_doubt(predicted, tmp_path):
    copy = tmp_path / "x_rgb.avi"
    copy.write_bytes(predicted.read_bytes())
    rewrite(copy, lambda k, chunk: b"" if k == 9 else chunk)
    states = check_video(copy).states
    assert states[9] is FrameState.empty
    assert set(states[10:12]) == {FrameState.predicted}
    assert set(states[:9] + states[12:]) == {FrameState.sound}


@pytest.mark.parametrize("lost", [21, 41])
def test_lost_chunks_of_a_real_clip_displace_no_other_frame(data_dir, tmp_path, lost):
    """Its frames are stored in another order than they are shown in."""
    copy = tmp_path / "x.avi"
    copy.write_bytes((data_dir / "ntu" / "S001C001P001R001A001_rgb.avi").read_bytes())
    clean = pictures_of(copy)
    for chunk in (b"", GARBAGE):
        rewrite(copy, lambda k, data, chunk=chunk: chunk if k == lost else data)
        states, pictures = check_video(copy).states, pictures_of(copy)
        sound = [k for k, state in enumerate(states) if state is FrameState.sound]
        assert {k: pictures[k] for k in sound} == {k: clean[k] for k in sound}
        # one whose number is not certain is lost, so no picture gets another one's joints
        assert states[lost] is FrameState.undecodable
        assert sum(state.is_lost for state in states) <= 13
        assert set(pictures) == {k for k, state in enumerate(states) if not state.is_lost}


def test_damage_in_a_real_clip_is_found(data_dir, tmp_path):
    """300 bytes overwritten in H.264: before, 76 of 103 wrong pictures passed as sound."""
    whole = (data_dir / "ntu" / "S001C001P001R001A001_rgb.avi").read_bytes()
    copy, draw, found = tmp_path / "x.avi", random.Random(5), 0
    copy.write_bytes(whole)
    assert set(check_video(copy).states) == {FrameState.sound}
    clean = pictures_of(copy)
    for _ in range(4):
        at = draw.randrange(20_000, len(whole) - 100_000)
        copy.write_bytes(whole[:at] + draw.randbytes(300) + whole[at + 300 :])
        states = check_video(copy).states
        wrong = {k for k, sum_ in pictures_of(copy).items() if sum_ != clean[k]}
        marked = {k for k, state in enumerate(states) if state is not FrameState.sound}
        assert wrong
        # frames shown just before a damaged one may be predicted from it as well
        assert wrong <= marked
        found += len(wrong)
    assert found > 50


def pictures_of(video: Path) -> dict[int, int]:
    """Return a checksum of each picture, by frame."""
    check, opened = check_video(video), AviVideo(video)
    try:
        sums = [hash(np.asarray(f.image.to_ndarray()).tobytes()) for f in opened.decoded()]
    finally:
        opened.close()
    return {n: s for n, s in zip(check.numbers, sums, strict=True) if n is not None}


def test_strict_refuses_what_is_damaged_or_lost(clip, kincap):
    kept = ("record", "--session", "s", "--source", f"ntu:{clip}", "--strict")
    rewrite(clip, lambda k, data: b"" if k == 4 else data)
    refused = kincap(*kept)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--strict" in refused.stderr
    assert "1 frame empty in the file" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert not (clip.parent / "recordings" / "s").exists()
    assert kincap(*kept[:-1]).returncode == 0


def test_a_clip_that_changes_while_it_is_recorded_ends_with_an_error(clip):
    sensor = open_source(f"ntu:{clip}")
    items = sensor.items()
    next(items)
    rewrite(clip, lambda k, data: data if k < 3 else GARBAGE)
    with pytest.raises(KincapError, match="can't be read any more") as ended:
        list(items)
    assert ended.value.exit_code == 1
