"""The record pipeline, unpaced, against cv2.imencode alone: python -m benchmarks.pipeline.

The reference encodes the same 1080p frames with as many threads and throws the result away. The
pipeline hands over, encodes, checks, stores and syncs them, seals full shards beside it. Goal: at
least 0.85 of the reference's speed. Runs alternate, medians count. An argument names the folder to
write in. cpu_ratio compares the processor time of whole runs, the last shard's sealing
included: it says something on a busy machine too, where more threads get more of it.
"""

import itertools
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from threading import Thread

import cv2
import numpy as np
import numpy.typing as npt

from kincap.capture.record import MAX_ENCODERS, RecordSettings, record
from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Item, SensorInfo
from kincap.core.units import TICK_100NS
from kincap.sessions.schema import empty_body_row

FRAMES = 400
PICTURES = 8
ROUNDS = 7
GOAL = 0.85
QUIET_MS = (6.0, 8.0)
SHARD_MIB = 64

Picture = npt.NDArray[np.uint8]


def encode_alone(pictures: list[Picture], frames: int, threads: int) -> float:
    """Encode the pictures in turn and drop the result; return seconds a frame."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, 90, cv2.IMWRITE_JPEG_RST_INTERVAL, 15]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    left = iter(range(frames))

    def work() -> None:
        for k in left:
            cv2.imencode(".jpg", pictures[k % len(pictures)], settings)

    workers = [Thread(target=work) for _ in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - start) / frames


class Pictures:
    """A source that gives pictures in turn as fast as it is asked, and a body row with each."""

    def __init__(self, pictures: list[Picture], frames: int) -> None:
        height, width = pictures[0].shape[:2]
        self._pictures, self._frames = pictures, frames
        self.info = SensorInfo(
            kind="memory",
            uri="memory:",
            device_id="benchmark",
            color_size_px=(width, height),
            mirrored=True,
            live=False,
            frames=frames,
        )

    def items(self) -> Iterator[Item]:
        """Hand over a body row and a picture in turn."""
        for k in range(self._frames):
            now, tick = time.perf_counter_ns(), k * TICK_100NS
            row = empty_body_row()
            row["time_device"], row["time_host"], row["tracked"][0, 0] = tick, now, 1
            yield BodyFrame(row)
            yield ColorFrame(self._pictures[k % len(self._pictures)], tick, now, release=self.close)

    def close(self) -> None:
        """Nothing is to be let go: all pictures stay."""


def record_all(pictures: list[Picture], frames: int, threads: int, folder: Path) -> float:
    """Record the pictures; return seconds a frame until the last row was written."""
    settings = RecordSettings("bench", folder, shard_mib=SHARD_MIB, encoders=threads, report=False)
    done = record(settings, sensor=Pictures(pictures, frames))
    if done.color_frames != frames:
        raise SystemExit(f"stored {done.color_frames} of {frames} frames")
    shutil.rmtree(done.path)
    return done.wall_s / frames


def draw(count: int) -> list[Picture]:
    """Return 1080p frames of the simulator."""
    sensor = open_source(f"simulator:outfit=3,seed=1,frames={count},pace=fast")
    items = (item for item in sensor.items() if isinstance(item, ColorFrame))
    return [item.image.copy() for item in itertools.islice(items, count) if item.image is not None]


def main() -> None:
    cv2.setNumThreads(1)
    threads = min(MAX_ENCODERS, os.cpu_count() or 1)
    pictures = draw(PICTURES)
    one_ms = 1e3 * median(encode_alone(pictures, 40, 1) for _ in range(5))
    alone, ours = [], []
    cpu_s = [0.0, 0.0]
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if sys.argv[1:] else None) as folder:
        for turn in range(ROUNDS):
            for which in (0, 1) if turn % 2 else (1, 0):
                cpu_s[which] -= time.process_time()
                if which == 0:
                    alone.append(encode_alone(pictures, FRAMES, threads))
                else:
                    ours.append(record_all(pictures, FRAMES, threads, Path(folder)))
                cpu_s[which] += time.process_time()
    noisy = not QUIET_MS[0] <= one_ms <= QUIET_MS[1]
    if noisy:
        print(f"machine too noisy: imencode {one_ms:.2f} ms a frame alone", file=sys.stderr)
    result = {
        "schema": "kincap/benchmark/1",
        "name": "pipeline",
        "threads": threads,
        "imencode_one_thread_ms": round(one_ms, 3),
        "imencode_ms": round(1e3 * median(alone), 3),
        "pipeline_ms": round(1e3 * median(ours), 3),
        "ratio": round(median(a / o for a, o in zip(alone, ours, strict=True)), 3),
        "cpu_ratio": round(cpu_s[0] / cpu_s[1], 3),
        "goal": GOAL,
        "noisy": noisy,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
