"""Write a session with an earlier kincap, or build from one: the script of ``benchmarks.build``.

A script, run in a process of its own whose PYTHONPATH names the earlier kincap (or this one, for
``build``). ``record`` uses modules that only the earlier one has.
"""

import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np

TICK_100NS = 333_333
"""An earlier kincap has it in no file."""

_UP = {"Head": -0.42, "Shoulder": -0.3, "Elbow": -0.14, "Wrist": 0.0, "Hip": 0.0, "Knee": 0.22,
       "Ankle": 0.45, "SpineBase": 0.0, "SpineMid": -0.15, "SpineShoulder": -0.31, "Neck": -0.34,
       "Hand": 0.04, "HandTip": 0.08, "Thumb": 0.03, "Foot": 0.47}  # fmt: skip
_OUT = {"Head": 0.0, "Shoulder": 0.1, "Elbow": 0.16, "Wrist": 0.2, "Hip": 0.1, "Knee": 0.1,
        "Ankle": 0.1, "SpineBase": 0.0, "SpineMid": 0.0, "SpineShoulder": 0.0, "Neck": 0.0,
        "Hand": 0.21, "HandTip": 0.22, "Thumb": 0.19, "Foot": 0.13}  # fmt: skip
"""Joints of someone who faces the sensor, as shares of a height; head to ankle are 0.87 of it."""
_TALL_M = 1.9
_DEPTH_M = 2.5


def record(folder: Path, jpegs: Path, frames: int, side: int) -> None:
    """Write a session in which the box of the one person is ``side`` pixels in every frame."""
    from kincap.core.fileio import FileIO
    from kincap.core.layout import make_layout
    from kincap.core.seal import finish
    from kincap.core.session import new_session, save_session
    from kincap.core.shard import pack_index_row
    from kincap.core.shard_writer import ShardWriter

    pictures = [path.read_bytes() for path in sorted(jpegs.glob("*.jpg"))]
    height, width = cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR).shape[:2]
    io = FileIO()
    io.make_folder(folder)
    device = {"color_size_px": [width, height], "mirrored": True, "times": "device"}
    info = new_session(folder.name, device=device)
    layout = make_layout(info.uuid, info.created_utc, shard_mib=128)
    info.add_layout(layout)
    save_session(folder, info)
    rng = np.random.default_rng(side)
    each = max(1, int((100 << 20) / max(map(len, pictures))))
    each = min(each, 900)
    for number, first in enumerate(range(0, frames, each)):
        path = folder / f"{number:06d}.h5"
        writer = ShardWriter(path, layout, io)
        writer.prepare()
        for seq in range(first, min(first + each, frames)):
            moment = 50_000_000 + seq * TICK_100NS
            blob = _named(pictures[seq % len(pictures)], f"{side} {seq}")
            host_ns = moment * 100
            writer.append("color_index", pack_index_row(seq, 0, moment, host_ns), blob)
            writer.append("bodies", _body(seq, moment + 20_000, (width, height), side, rng))
        writer.close()
        finish(folder, path.name, layout, io)


def _named(jpeg: bytes, name: str) -> bytes:
    """Return the picture with a comment: no two frames are the same bytes."""
    return jpeg[:2] + b"\xff\xfe" + (2 + len(name)).to_bytes(2) + name.encode() + jpeg[2:]


def _body(seq: int, moment: int, size_px: tuple[int, int], side: int, rng) -> np.ndarray:
    """Return a row with one body whose box has that side, somewhere in the middle."""
    from kincap.core.shard import empty_body_row, finish_rows
    from kincap.core.skeleton import JOINT_NAMES

    names = [name.removesuffix("Left").removesuffix("Right") for name in JOINT_NAMES]
    sides = np.array([1 if name.endswith("Left") else -1 for name in JOINT_NAMES])
    out = np.array([_OUT[name] for name in names]) * sides
    up = np.array([_UP[name] for name in names])
    height = (side - 0.5) / (1.2 * 0.87)
    room = (size_px[0] - side) / 2
    middle = np.array([size_px[0] / 2 + 0.6 * room * np.sin(seq / 40), size_px[1] / 2])
    points = middle + height * np.column_stack([out, up])
    # joints that no box depends on move a little: nothing is frozen
    inner = np.array([name in ("Elbow", "Knee", "Hip", "Shoulder") for name in names])
    points[inner] += rng.normal(0, 0.5, (int(inner.sum()), 2))
    across = (middle[0] - size_px[0] / 2) / height
    metres = np.column_stack([-_TALL_M * (out + across), -_TALL_M * up, np.full(25, _DEPTH_M)])
    row = empty_body_row()
    row["seq"], row["take"], row["time_device"] = seq, 0, moment
    row["tracked"][0, 2], row["tracking_id"][0, 2], row["joint_state"][0, 2] = 1, 7002, 2
    mirrored = points.copy()
    mirrored[:, 0] = size_px[0] - 1 - mirrored[:, 0]
    row["joint_color_px"][0, 2] = mirrored
    row["joint_xyz_m"][0, 2] = metres + rng.normal(0, 0.002, (25, 3))
    return finish_rows(row)


def build(recordings: Path, out: Path, size: int, decoding: str) -> None:
    """Build with one worker and print the processor time of its second pass and of all of it."""
    import psutil

    from kincap.dataset.build import BuildSettings
    from kincap.dataset.build import build as make

    # one thread: processor time, not waiting threads
    cv2.setNumThreads(1)
    moments: list[float] = []

    def on_progress(done: int, total: int, note: str) -> None:
        if note == "cutting pictures":
            moments.append(time.process_time())

    more = {} if decoding == "earlier" else {"decoding": decoding}
    settings = BuildSettings(
        out=out, recordings=recordings, size=size, workers=1, val="0.2", **more
    )
    result = make(settings, on_progress)
    print(
        json.dumps(
            {
                "rows": result.kept,
                "images_s": moments[-1] - moments[0],
                "all_s": time.process_time(),
                "peak_mib": _peak(psutil.Process()),
            }
        )
    )


def _peak(process) -> float:
    """Return the largest resident memory of a process so far, MiB."""
    if sys.platform == "linux":
        # not ru_maxrss: that counts the process that started this one, too
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    found = process.memory_info()
    return getattr(found, "peak_wset", found.rss) / (1 << 20)


def main() -> None:
    verb, *rest = sys.argv[1:]
    if verb == "record":
        folder, jpegs, frames, side = rest
        record(Path(folder), Path(jpegs), int(frames), int(side))
    else:
        recordings, out, size, decoding = rest
        build(Path(recordings), Path(out), int(size), decoding)


if __name__ == "__main__":
    main()
