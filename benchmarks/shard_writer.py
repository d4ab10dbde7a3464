"""The shard writer against a raw append log with CRC: python -m benchmarks.shard_writer.

The reference is what any crash-safe log must do for a frame: write it to a preallocated file, then
a record with its CRC behind it (a CRC in front would be slower: the write leaves the frame in the
cache). Goal: at least 0.95 of its speed. Runs alternate, medians count. An argument names the
folder to write in.
"""

import json
import os
import struct
import sys
import tempfile
import time
import zlib
from pathlib import Path
from statistics import median

from kincap.core.files.file_io import FileIO
from kincap.sessions.schema import pack_index_row
from kincap.sessions.shard.layout import make_layout
from kincap.sessions.shard.shard_writer import ShardWriter

from .arguments import folder_argument

FRAME_BYTES = 370_000
FRAMES = 160
ROUNDS = 15
GOAL = 0.95
NOISY_MS = 0.3


def raw_log(path: Path, frames: list[bytes]) -> float:
    """Write the frames to a preallocated log; return seconds a frame."""
    record = struct.Struct("<QqqII")
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.posix_fallocate(fd, 0, sum(map(len, frames)) + record.size * len(frames))
    at = 0
    start = time.perf_counter()
    for seq, frame in enumerate(frames):
        at += os.pwrite(fd, frame, at)
        at += os.pwrite(fd, record.pack(seq, seq, seq, len(frame), zlib.crc32(frame)), at)
    seconds = (time.perf_counter() - start) / len(frames)
    os.close(fd)
    path.unlink()
    return seconds


def shard(path: Path, frames: list[bytes]) -> float:
    """Write the frames to a shard; return seconds a frame."""
    writer = ShardWriter(path, make_layout("uuid", "2026-01-01T00:00:00Z"), FileIO())
    writer.prepare()
    start = time.perf_counter()
    for seq, frame in enumerate(frames):
        writer.append("color_index", pack_index_row(seq, 0, seq, seq), frame)
    seconds = (time.perf_counter() - start) / len(frames)
    writer.close()
    path.unlink()
    return seconds


def main() -> None:
    place = folder_argument("where to write; the system's temporary folder by default")
    noise = os.urandom(FRAME_BYTES + FRAMES)
    frames = [noise[i : i + FRAME_BYTES] for i in range(FRAMES)]
    raw, ours = [], []
    with tempfile.TemporaryDirectory(dir=place) as folder:
        for turn in range(ROUNDS):
            runs = [(raw_log, raw), (shard, ours)]
            for write, times in runs if turn % 2 else reversed(runs):
                times.append(write(Path(folder, "frames"), frames))
    raw_ms, ours_ms = 1e3 * median(raw), 1e3 * median(ours)
    noisy = raw_ms > NOISY_MS
    if noisy:
        print(f"machine too noisy: raw log {raw_ms:.3f} ms a frame", file=sys.stderr)
    result = {
        "schema": "kincap/benchmark/1",
        "name": "shard_writer",
        "frame_bytes": FRAME_BYTES,
        "raw_log_ms": round(raw_ms, 4),
        "shard_ms": round(ours_ms, 4),
        "ratio": round(median(r / o for r, o in zip(raw, ours, strict=True)), 3),
        "goal": GOAL,
        "noisy": noisy,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
