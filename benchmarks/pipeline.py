"""The record pipeline, unpaced, against cv2.imencode alone: python -m benchmarks.pipeline.

The reference encodes the same 1080p frames with as many threads and throws the result away. The
pipeline hands over, encodes, checks, stores and syncs them, and seals full shards beside it. Runs
alternate, medians count. An argument names the folder to write in.

``cpu_ratio`` compares the processor time of whole runs, from the start of ``record`` to the sealing
of the last shard. ``ratio`` compares wall time until the last row was written; it means something
only on an idle machine, which ``noisy`` says. ``rest_ms`` says where the rest goes, by thread, and
``needed_ms`` what any recorder of this format has to do for a frame: checksum, write, hash.
"""

import hashlib
import itertools
import json
import os
import shutil
import sys
import tempfile
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import numpy.typing as npt

from kincap.capture.record import MAX_ENCODERS, RecordSettings, record
from kincap.capture.sources.registry import open_source
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Item, SensorInfo
from kincap.core.jpeg import QUALITY, RESTART_INTERVAL, encode_jpeg
from kincap.core.units import TICK_100NS
from kincap.sessions.schema import empty_body_row

from .arguments import folder_argument

FRAMES = 1000
IMAGES = 8
ROUNDS = 7
GOAL, CPU_GOAL = 0.90, 0.92
IDLE_SHARE = 0.93
"""Below this share of the cores the reference did not have the machine to itself."""
STEADY = 0.12
"""Above this spread of its processor time, (largest - smallest) / median, something interfered."""
SHARD_MIB = 64

Image = npt.NDArray[np.uint8]


def encode_alone(images: list[Image], frames: int, threads: int) -> float:
    """Encode the images in turn and drop the result; return seconds a frame."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    settings += [cv2.IMWRITE_JPEG_RST_INTERVAL, RESTART_INTERVAL]
    settings += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
    left = iter(range(frames))

    def work() -> None:
        for k in left:
            cv2.imencode(".jpg", images[k % len(images)], settings)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return (time.perf_counter() - start) / frames


class Images:
    """A source that gives images in turn as fast as it is asked, and a body row with each."""

    def __init__(self, images: list[Image], frames: int) -> None:
        height, width = images[0].shape[:2]
        self._images, self._frames = images, frames
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
        """Hand over a body row and an image in turn."""
        for k in range(self._frames):
            now, tick = time.perf_counter_ns(), k * TICK_100NS
            row = empty_body_row()
            row["time_device"], row["time_host"], row["tracked"][0, 0] = tick, now, 1
            yield BodyFrame(row)
            yield ColorFrame(self._images[k % len(self._images)], tick, now, release=self.close)

    def close(self) -> None:
        """Nothing is to be let go: all images stay."""


def record_all(images: list[Image], frames: int, threads: int, folder: Path) -> float:
    """Record the images; return seconds a frame until the last row was written."""
    settings = RecordSettings("bench", folder, shard_mib=SHARD_MIB, encoders=threads, report=False)
    done = record(settings, sensor=Images(images, frames))
    if done.color_frames != frames:
        raise SystemExit(f"stored {done.color_frames} of {frames} frames")
    return done.wall_s / frames


@contextmanager
def thread_times(times: dict[str, float]) -> Iterator[None]:
    """Add the processor time of each thread that ends meanwhile to ``times``, by name, s."""
    run = threading.Thread.run

    def timed(self: threading.Thread) -> None:
        start = time.thread_time()
        run(self)
        times[self.name] += time.thread_time() - start

    threading.Thread.run = timed  # type: ignore[method-assign]  # for the time of one measurement
    try:
        yield
    finally:
        threading.Thread.run = run  # type: ignore[method-assign]  # as it was


def draw(count: int) -> list[Image]:
    """Return 1080p frames of the simulator."""
    sensor = open_source(f"simulator:outfit=3,seed=1,frames={count},pace=fast")
    items = (item for item in sensor.items() if isinstance(item, ColorFrame))
    return [item.image.copy() for item in itertools.islice(items, count) if item.image is not None]


def needed_ms(blob: bytes, folder: Path) -> dict[str, float]:
    """Return what checksum, write and hash of a frame take, one after another, in ms."""
    path, count = folder / "log", 160
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    os.posix_fallocate(fd, 0, len(blob) * count)
    total = hashlib.sha256()

    def hash_stored(k: int) -> None:
        total.update(os.pread(fd, len(blob), k * len(blob)))

    def cpu_ms(work: Callable[[int], object]) -> float:
        start = time.thread_time()
        for k in range(count):
            work(k)
        return round(1e3 * (time.thread_time() - start) / count, 3)

    found = {
        "crc32": cpu_ms(lambda _: zlib.crc32(blob)),
        "write": cpu_ms(lambda k: os.pwrite(fd, blob, k * len(blob))),
        "sha256": cpu_ms(hash_stored),
    }
    os.close(fd)
    path.unlink()
    return found


def rest_ms(alone_s: float, threads: dict[str, float], main_s: float) -> dict[str, float]:
    """Return the processor time of a run by thread, without what the reference takes, in ms."""
    found = {"start and end": main_s, "encoders": -alone_s}
    for name, seconds in threads.items():
        part = "encoders" if "encoder" in name else name.removeprefix("kincap-")
        found[part] = found.get(part, 0.0) + seconds
    return {part: round(1e3 * seconds, 3) for part, seconds in sorted(found.items())}


def main() -> None:
    place = folder_argument("where to write; the system's temporary folder by default")
    cv2.setNumThreads(1)
    threads = min(MAX_ENCODERS, os.cpu_count() or 1)
    images = draw(IMAGES)
    wall: dict[str, list[float]] = {"alone": [], "ours": []}
    cpu: dict[str, list[float]] = {"alone": [], "ours": []}
    by_thread: dict[str, float] = defaultdict(float)
    main_s = 0.0
    with tempfile.TemporaryDirectory(dir=place) as name:
        folder = Path(name)
        for turn in range(ROUNDS):
            for which in ("alone", "ours") if turn % 2 else ("ours", "alone"):
                start, main_start = time.process_time(), time.thread_time()
                if which == "alone":
                    wall[which].append(encode_alone(images, FRAMES, threads))
                else:
                    with thread_times(by_thread):
                        wall[which].append(record_all(images, FRAMES, threads, folder))
                    main_s += time.thread_time() - main_start
                cpu[which].append((time.process_time() - start) / FRAMES)
                shutil.rmtree(folder / "bench", ignore_errors=True)
        needed = needed_ms(encode_jpeg(images[0]), folder)
    alone_s, ours_s = median(cpu["alone"]), median(cpu["ours"])
    share = median(c / w / threads for c, w in zip(cpu["alone"], wall["alone"], strict=True))
    spread = (max(cpu["alone"]) - min(cpu["alone"])) / alone_s
    noisy = share < IDLE_SHARE or spread > STEADY
    if noisy:
        print(
            f"machine too noisy: the reference had {share:.0%} of the cores, its processor time "
            f"varied by {spread:.0%}",
            file=sys.stderr,
        )
    runs = FRAMES * ROUNDS
    mean_alone = sum(cpu["alone"]) / ROUNDS
    result = {
        "schema": "kincap/benchmark/2",
        "name": "pipeline",
        "threads": threads,
        "imencode_ms": round(1e3 * median(wall["alone"]), 3),
        "pipeline_ms": round(1e3 * median(wall["ours"]), 3),
        "ratio": round(_median_ratio(wall), 3),
        "goal": GOAL,
        "imencode_cpu_ms": round(1e3 * alone_s, 3),
        "pipeline_cpu_ms": round(1e3 * ours_s, 3),
        "cpu_ratio": round(_median_ratio(cpu), 3),
        "cpu_goal": CPU_GOAL,
        "rest_ms": rest_ms(mean_alone, {k: s / runs for k, s in by_thread.items()}, main_s / runs),
        "needed_ms": needed,
        "noisy": noisy,
    }
    print(json.dumps(result))


def _median_ratio(times: dict[str, list[float]]) -> float:
    return median(a / o for a, o in zip(times["alone"], times["ours"], strict=True))


if __name__ == "__main__":
    main()
