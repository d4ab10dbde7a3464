"""Sessions for ``benchmarks.review``: one of many small frames, one of frames at full size."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kincap.capture.record import RecordSettings, record
from kincap.core.files.file_io import FileIO
from kincap.core.jpeg import decode_jpeg, encode_jpeg
from kincap.core.units import TICK_100NS
from kincap.sessions.info import new_session
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import finish_rows, pack_index_row
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import make_layout
from kincap.sessions.shard.sealing import finish
from kincap.sessions.shard.shard_writer import ShardWriter

SIZE_PX: Final = (480, 270)
FULL_PX: Final = (1920, 1080)
BASE_FRAMES: Final = 600
FAULTS: Final = "faults=outliers@5-6+side_swap@10-12+gaps"
LONG: Final = "long"
FULL: Final = "full"


def make_sessions(recordings: Path, frames: int) -> None:
    """Make the sessions that are missing.

    Args:
        recordings: The folder of sessions.
        frames: Frames of the session of small ones.
    """
    if not (recordings / FULL).is_dir():
        source = f"simulator:outfit=3,seed=1,frames={BASE_FRAMES},pace=fast,{FAULTS}"
        record(RecordSettings(FULL, recordings, source, report=False))
    if not (recordings / LONG).is_dir():
        _make_long(recordings / FULL, recordings / LONG, frames)


def _make_long(base: Path, folder: Path, frames: int) -> None:
    """Write a sealed session that repeats a short one in small frames, no two of them equal."""
    with SessionReader(base) as reader:
        color, bodies = reader.color.copy(), reader.bodies.copy()
        small = [_small(reader.color_blob(int(seq))) for seq in color["seq"]]
        device, source = reader.info.device, reader.info.source
    device = replace(device, color_size_px=SIZE_PX, projection=None)
    bodies["joint_color_px"] *= SIZE_PX[0] / FULL_PX[0]
    folder.mkdir(parents=True)
    info = new_session(folder.name, source=source, device=device)
    layout = make_layout(info.uuid, info.created_utc, shard_mib=512)
    info.add_layout(layout)
    save_session(folder, info)
    length = int(color["time_device"][-1] - color["time_device"][0]) + TICK_100NS
    room = layout.tables["color_index"].rows - 1
    for number, first in enumerate(range(0, frames, room)):
        writer = ShardWriter(folder / f"{number:06d}.h5", layout, FileIO())
        writer.prepare()
        for seq in range(first, min(first + room, frames)):
            again, at = divmod(seq, len(color))
            moment = int(color["time_device"][at]) + again * length
            row = pack_index_row(seq, 0, moment, 100 * moment)
            writer.append("color_index", row, _numbered(small[at], seq))
            body = bodies[min(at, len(bodies) - 1)][None].copy()
            body["seq"], body["time_host"] = seq, 100 * moment
            body["time_device"] += again * length
            writer.append("bodies", finish_rows(body))
        writer.sync()
        writer.close()
        finish(folder, f"{number:06d}.h5", layout, FileIO())


def _small(jpeg: bytes) -> bytes:
    image = cv2.resize(decode_jpeg(jpeg, rgb=False), SIZE_PX, interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(image, np.uint8))


def _numbered(jpeg: bytes, seq: int) -> bytes:
    """Return the picture with a comment: no two frames are the same bytes."""
    name = str(seq).encode()
    return jpeg[:2] + b"\xff\xfe" + (2 + len(name)).to_bytes(2, "big") + name + jpeg[2:]
