"""kincap build against the build of commit d294724: python -m benchmarks.build.

The earlier kincap is taken out of this repository's history (``git archive``) into a temporary
folder and runs beside this one with the same libraries. It records the sessions, since it can't
read shards of version 2 and this kincap reads both versions: frames of 1920 x 1080 drawn by the
simulator, and one person whose box has a side of exactly 800 pixels, or of 600. Both kincaps build
from them with one worker, margin 1 and pictures of 224 pixels, by turns.

Counted is the processor time of the second pass (reading, decoding, resizing and writing the
pictures) for each row, medians of all rounds. Goals: exact mode at least 1.8 times as fast where
the side is 800 and 2.2 where it is 600, with the same pictures to the last bit; fast mode 4.5
times. The kernel is decoding and resizing alone, on frames in memory: no reading, no checksums, no
writing.
"""

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np

from kincap.core.jpeg import decode_jpeg, encode_jpeg
from kincap.dataset.images.parts import PartDecoder, StoredImage, Window, choose_reduction
from kincap.dataset.images.resample import resample_window, resize_window
from kincap.dataset.kinect13.reader import Split, open_kinect13

from .pictures import draw, load

COMMIT = "d294724"
ROOT = Path(__file__).resolve().parents[1]
SCRIPT = Path(__file__).with_name("earlier_kincap.py")
SIZE = 224
FRAME_PX = (1920, 1080)
GOALS = {800: {"exact": 1.8, "fast": 4.5}, 600: {"exact": 2.2, "fast": 4.5}}
MOST_OVERHEAD = 0.1
VARIANTS = ("earlier", "exact", "fast")


def unpack_earlier(folder: Path, commit: str = COMMIT) -> Path:
    """Take an earlier kincap out of the history; return the folder that PYTHONPATH names."""
    git = ["git", "-C", str(ROOT), "archive", "--prefix=kincap/", commit]
    found = subprocess.run(git, capture_output=True, check=False)
    if found.returncode:
        raise SystemExit(
            f"{ROOT}: no commit {commit} ({found.stderr.decode().strip()}); "
            "run this in a clone with its history"
        )
    with tarfile.open(fileobj=BytesIO(found.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


def run(earlier: Path | None, *args: object) -> dict[str, Any]:
    """Run the script with the earlier kincap, or with this one; return what it prints."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("PYTHONPATH", None)
    if earlier is not None:
        env["PYTHONPATH"] = str(earlier)
    command = [sys.executable, "-P", str(SCRIPT), *map(str, args)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout) if done.stdout else {}


def draw_jpegs(folder: Path, count: int, size_px: tuple[int, int]) -> Path:
    """Draw frames and keep them as JPEGs, encoded as the recorder does."""
    draw(folder / "frames.npz", count, 1, size_px)
    pictures, _ = load(folder / "frames.npz")
    into = folder / "x".join(map(str, size_px))
    into.mkdir()
    for index, picture in enumerate(pictures):
        (into / f"{index:03d}.jpg").write_bytes(encode_jpeg(picture))
    (folder / "frames.npz").unlink()
    return into


def measure(folder: Path, earlier: Path, side: int, frames: int, rounds: int) -> dict[str, Any]:
    """Build by turns with the earlier kincap and both modes of this one."""
    recordings = folder / f"side{side}"
    run(earlier, "record", recordings / "walk", folder / "1920x1080", frames, side)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in VARIANTS}
    for turn in range(rounds):
        for name in VARIANTS if turn % 2 else reversed(VARIANTS):
            out = folder / f"{name}{side}.h5"
            there = earlier if name == "earlier" else None
            found[name].append(run(there, "build", recordings, out, SIZE, name))
    row_ms = {
        name: median(1e3 * one["images_s"] / one["rows"] for one in runs)
        for name, runs in found.items()
    }
    ratios = {
        name: median(
            old["images_s"] / new["images_s"]
            for old, new in zip(found["earlier"], found[name], strict=True)
        )
        for name in ("exact", "fast")
    }
    result = {
        "side_px": side,
        "rows": found["exact"][0]["rows"],
        "row_ms": {name: round(value, 3) for name, value in row_ms.items()},
        "whole_command_s": {
            name: round(median(one["all_s"] for one in runs), 2) for name, runs in found.items()
        },
        "ratio": {name: round(value, 2) for name, value in ratios.items()},
        "goal": GOALS[side],
        **compare(folder, side),
    }
    kernels = kernel_ms(folder / "1920x1080", folder / f"exact{side}.h5", rounds)
    result["kernel_ms"] = {name: round(value, 3) for name, value in kernels.items()}
    result["against_full_decode"] = {
        name: round(kernels["full"] / row_ms[name], 2) for name in ("exact", "fast")
    }
    result["overhead"] = {
        name: round(row_ms[name] / kernels[name] - 1, 3) for name in ("exact", "fast")
    }
    return result


def compare(folder: Path, side: int) -> dict[str, Any]:
    """Compare the pictures of the three data sets."""
    with (
        open_kinect13(folder / f"earlier{side}.h5") as earlier,
        open_kinect13(folder / f"exact{side}.h5") as exact,
        open_kinect13(folder / f"fast{side}.h5") as fast,
    ):
        same, squares, rows = 0, 0.0, 0
        for name in exact.splits:
            old, new, quick = (one.split(name) for one in (earlier, exact, fast))
            pairs = common(old, new)
            for a, b in pairs:
                same += int(np.array_equal(old.images([a]), new.images([b])))
                apart = new.images([b]).astype(np.float64) - quick.images([b])
                squares += float((apart**2).mean())
            rows += len(pairs)
            sides = new.bbox_xyxy_px[:, 2] - new.bbox_xyxy_px[:, 0]
            if (sides != side).any():
                raise SystemExit(f"{side}: boxes with sides {np.unique(sides)}")
    return {
        "compared": rows,
        "identical": same,
        "fast_psnr_db": round(float(10 * np.log10(255**2 * rows / squares)), 1),
    }


def common(old: Split, new: Split) -> list[tuple[int, int]]:
    """Return the rows of the same frame and box in two data sets."""
    places = {
        (int(seq), *box.tolist()): index
        for index, (seq, box) in enumerate(zip(old.color_seq, old.bbox_xyxy_px, strict=True))
    }
    keys = [(int(q), *box.tolist()) for q, box in zip(new.color_seq, new.bbox_xyxy_px, strict=True)]
    return [(places[key], index) for index, key in enumerate(keys) if key in places]


def kernel_ms(jpegs: Path, data: Path, rounds: int) -> dict[str, float]:
    """Time decoding and resizing alone, on frames in memory and with the data set's boxes."""
    cv2.setNumThreads(1)
    blobs = [path.read_bytes() for path in sorted(jpegs.glob("*.jpg"))]
    decoder = PartDecoder()
    with open_kinect13(data) as dataset:
        boxes = dataset.split("train").bbox_xyxy_px[:: max(1, len(dataset.split("train")) // 48)]
    windows = []
    for box in boxes:
        x0, y0, side = (int(v) for v in (*(box[:2] + 0.5), box[2] - box[0]))
        windows.append(Window(FRAME_PX[0] - x0 - side, y0, side, side))

    def full(blob: bytes, w: Window) -> None:
        image = decode_jpeg(blob)
        cut = image[w.y0 : w.y0 + w.height, w.x0 : w.x0 + w.width]
        cv2.resize(cv2.flip(cut, 1), (SIZE, SIZE), interpolation=cv2.INTER_AREA)

    def exact(blob: bytes, w: Window) -> None:
        part = StoredImage(blob, FRAME_PX).part(w, 1, decoder)
        resize_window(part, w, True, (SIZE, SIZE))

    def fast(blob: bytes, w: Window) -> None:
        part = StoredImage(blob, FRAME_PX).part(w, choose_reduction(w, SIZE, SIZE), decoder)
        resample_window(part, w, True, (SIZE, SIZE))

    kernels: dict[str, Callable[[bytes, Window], None]] = {
        "full": full, "exact": exact, "fast": fast
    }  # fmt: skip
    found: dict[str, list[float]] = {name: [] for name in kernels}
    for turn in range(2 * rounds):
        for name in kernels if turn % 2 else reversed(kernels):
            start = time.process_time()
            for index, window in enumerate(windows):
                kernels[name](blobs[index % len(blobs)], window)
            found[name].append(1e3 * (time.process_time() - start) / len(windows))
    return {name: median(values) for name, values in found.items()}


def memory(folder: Path, earlier: Path, counts: list[int]) -> dict[str, float]:
    """Build from more and more frames and return the largest memory of each build, MiB."""
    plain = folder / "plain"
    plain.mkdir()
    for index in range(12):
        # small files, so that many frames take little of the disk
        picture = np.full((FRAME_PX[1], FRAME_PX[0], 3), 100 + index, np.uint8)
        (plain / f"{index:03d}.jpg").write_bytes(encode_jpeg(picture))
    found = {}
    for count in counts:
        recordings = folder / f"frames{count}"
        run(earlier, "record", recordings / "walk", plain, count, 600)
        told = run(None, "build", recordings, folder / f"frames{count}.h5", 64, "exact")
        found[str(count)] = round(told["peak_mib"], 1)
    return found


def main() -> None:
    about = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    about.add_argument("--frames", type=int, default=300, help="frames of each session")
    about.add_argument("--rounds", type=int, default=5, help="builds of each kind")
    about.add_argument(
        "--memory-frames", type=int, default=20000, help="largest session of the memory test"
    )
    about.add_argument("--folder", type=Path, help="where to write; the system's by default")
    args = about.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        earlier = unpack_earlier(folder / "earlier")
        draw_jpegs(folder, 24, FRAME_PX)
        sides = [measure(folder, earlier, side, args.frames, args.rounds) for side in GOALS]
        peaks = memory(folder, earlier, [1000, args.memory_frames])
    result = {
        "schema": "kincap/benchmark/1",
        "name": "build",
        "against": COMMIT,
        "picture_px": SIZE,
        "sides": sides,
        "most_overhead": MOST_OVERHEAD,
        "peak_mib": peaks,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
