"""Masks and depth images through the recorder: stored, verified, replayed, reported, shown."""

import json
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.sources.sensor import PlaneFrame, SensorInfo
from kincap.core.errors import KincapError
from kincap.core.png import decode_png, encode_png
from kincap.core.units import TICK_100NS
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.repair import repair
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import ColorFlag, Stream

ALL = ("color", "bodies", "mask", "depth")
PLANES = (Stream.mask, Stream.depth)
FRAMES = 12


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planes")
    source = f"simulator:frames={FRAMES},pace=fast,persons=2"
    return record(RecordSettings("first", folder, source, ALL, shard_mib=32))


def blobs(folder, stream):
    with SessionReader(folder) as reader:
        return [reader.blob(stream, int(seq)) for seq in reader.rows(stream)["seq"]]


def test_every_frame_has_its_mask_and_depth_with_the_bodies_time(recorded):
    assert (recorded.mask_frames, recorded.depth_frames) == (FRAMES, FRAMES)
    with SessionReader(recorded.path) as reader:
        for stream in PLANES:
            for name in ("time_device", "take", "seq"):
                assert np.array_equal(reader.rows(stream)[name], reader.bodies[name])
        mapping = reader.info.device.depth_mapping()
    assert mapping is not None
    masks, depths = (list(map(decode_png, blobs(recorded.path, s))) for s in PLANES)
    assert {(m.shape, m.dtype.name) for m in masks} == {((424, 512), "uint8")}
    assert {(d.shape, d.dtype.name) for d in depths} == {((424, 512), "uint16")}
    assert recorded.report["accounts"]["mask"]["stored"] == FRAMES
    assert recorded.report["whole"]["streams"]["depth"]["items"] == FRAMES


def test_a_replay_gives_masks_and_depth_byte_for_byte_and_streams_can_be_left_out(recorded):
    source = f"session:{recorded.path}"
    again = record(RecordSettings("again", recorded.path.parent, source, shard_mib=32))
    with SessionReader(recorded.path) as one, SessionReader(again.path) as other:
        assert other.info.device.depth_mapping() == one.info.device.depth_mapping()
        for stream in PLANES:
            assert blobs(again.path, stream) == blobs(recorded.path, stream)
            rows = other.rows(stream)
            assert np.array_equal(rows["time_device"], one.rows(stream)["time_device"])
            assert set(rows["flags"]) == {ColorFlag.stored_as_given}
    settings = RecordSettings("few", recorded.path.parent, source, ("bodies", "mask"), shard_mib=8)
    few = record(settings)
    assert (few.color_frames, few.body_frames, few.mask_frames) == (0, FRAMES, FRAMES)
    assert few.depth_frames == 0
    settings = RecordSettings("none", recorded.path.parent, f"session:{few.path}", ("color",))
    with pytest.raises(KincapError, match="--streams: .*few holds no color; expected some of"):
        record(settings)


def test_the_last_frame_has_its_mask_and_depth_where_a_limit_ends_the_take(tmp_path):
    source = "simulator:frames=9,pace=fast"
    done = record(RecordSettings("one", tmp_path, source, ALL, frames=3, shard_mib=8))
    assert done.handed_over == dict.fromkeys(ALL, 3)


def test_damage_in_a_mask_is_found_and_repaired(recorded, tmp_path):
    folder = Path(shutil.copytree(recorded.path, tmp_path / "first"))
    assert verify_session(folder).ok
    with SessionReader(folder) as reader:
        shard = reader.shard("000000.h5")
        row = reader.row_by_seq(Stream.mask, 4)
        at = shard.layout.tables["blobs"].offset + int(row["offset"]) + int(row["length"]) // 2
    (folder / "000000.h5").chmod(0o600)
    with (folder / "000000.h5").open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 0xFF, byte ^ 0x0F]))
    found = verify_session(folder)
    assert [(d.kind, d.stream, d.seq) for d in found.damage if d.stream] == [("blob", "mask", 4)]
    repair(folder.parent, "first")
    assert verify_session(folder).ok
    with SessionReader(folder) as reader:
        assert reader.index_by_seq(Stream.mask, 4) == -1
        assert len(reader.rows(Stream.depth)) == FRAMES


def test_the_commands_count_masks_and_depth_images(recorded, kincap):
    where = ("--recordings", recorded.path.parent)
    shown = kincap("sessions", "show", "first", *where)
    assert f"{FRAMES} masks, {FRAMES} depth images, " in shown.stdout
    listed = kincap("sessions", "list", *where, "--json")
    (one,) = [s for s in json.loads(listed.stdout)["sessions"] if s["name"] == "first"]
    assert (one["mask_frames"], one["depth_frames"]) == (FRAMES, FRAMES)


class GivenPng:
    """A device that gives encoded masks, one of them not as it said."""

    def __init__(self, bad: bytes) -> None:
        self.info = SensorInfo(
            kind="made", uri="made", device_id="1", color_size_px=(1920, 1080), mirrored=True,
            streams=("mask",), live=True,
        )  # fmt: skip
        self._bad = bad

    def items(self):
        good = encode_png(np.zeros((424, 512), np.uint8))
        for k, png in enumerate((good, self._bad, good)):
            yield PlaneFrame(Stream.mask, None, k * TICK_100NS, time.perf_counter_ns(), png=png)

    def close(self) -> None:
        """Nothing is held."""


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (encode_png(np.zeros((10, 12), np.uint8)), "wrong_size"),
        (encode_png(np.zeros((424, 512), np.uint16)), "wrong_size"),
        (b"\xff\xd8 a JPEG", "encoder"),
    ],
    ids=["small", "deep", "no PNG"],
)
def test_a_given_png_that_is_not_as_the_device_said_is_counted_as_lost(tmp_path, bad, reason):
    done = record(RecordSettings("made", tmp_path, "made", shard_mib=8), sensor=GivenPng(bad))
    assert (done.mask_frames, done.dropped) == (2, {reason: 1})
    with SessionReader(done.path) as reader:
        rows = reader.rows(Stream.mask)
        assert rows["seq"].tolist() == [0, 2]
        assert set(rows["flags"]) == {ColorFlag.stored_as_given}
