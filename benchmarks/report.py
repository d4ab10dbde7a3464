"""CPU time of the report of a 10-minute session: python -m benchmarks.report [FOLDER].

Sessions of 20 s are simulated, clean and with late joints, and repeated to 10 minutes: rows are
written anew, the images of a shard are stored once. Both parts are printed: the
tables (all rows read and checked) and the lag (images decoded), each as the median of the CPU time
of some runs, and the share of 2 s that they take together. FOLDER keeps the sessions for the next
run. Goal: at most 2 s.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from kincap.capture.record import RecordSettings, record
from kincap.checks.session_lag import measure_lags
from kincap.checks.session_tables import read_tables
from kincap.checks.session_takes import split_takes
from kincap.core.files.file_io import FileIO
from kincap.core.units import TICK_100NS
from kincap.report.quality import make_quality
from kincap.sessions.info import new_session
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import COLOR_DTYPE, Rows, finish_rows
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import make_layout
from kincap.sessions.shard.shard_reader import ShardReader
from kincap.sessions.shard.shard_writer import ShardWriter

from .arguments import folder_argument

MINUTES = 10
FRAMES = 600
GOAL_S = 2.0
RUNS = 3
SHARD_MIB = 512
SOURCES = {
    "clean": f"simulator:outfit=3,seed=1,frames={FRAMES},pace=fast",
    "late": f"simulator:outfit=5,seed=7,frames={FRAMES},pace=fast,faults=lag@3-7+lag@12-16",
}


def make_long(short: Path, folder: Path, minutes: float) -> None:
    """Write a session that repeats a short one until it is long enough."""
    with SessionReader(short) as reader:
        color, bodies = reader.color.copy(), reader.bodies.copy()
        images = [reader.color_blob(int(seq)) for seq in color["seq"]]
        kept = reader.info
    folder.mkdir(parents=True)
    info = new_session(folder.name, source=kept.source, device=kept.device)
    layout = make_layout(info.uuid, info.created_utc, shard_mib=SHARD_MIB)
    info.add_layout(layout)
    save_session(folder, info)
    frames = round(minutes * 60 * 30)
    length = int(color["time_device"][-1] - color["time_device"][0]) + TICK_100NS
    room = layout.tables["color_index"].rows - 1
    for number, first in enumerate(range(0, frames, room)):
        path = folder / f"{number:06d}.h5"
        writer = ShardWriter(path, layout, FileIO())
        writer.prepare()
        for seq in range(first, min(first + room, frames)):
            again, at = divmod(seq, len(color))
            own = seq - first
            image = images[at] if own < len(images) else b"-"
            writer.append("color_index", _moved(color[at : at + 1], seq, again * length), image)
            row = bodies[min(at, len(bodies) - 1)][None]
            writer.append("bodies", _moved(row, seq, again * length))
        writer.close()
        _point_at_images(path, len(images))


def _moved(row: Rows, seq: int, later: int) -> Rows:
    """Return a row under another seq and at a later time, 100 ns."""
    row = row.copy()
    row["seq"] = seq
    row["time_device"] += later
    row["time_host"] += 100 * later
    return row


def _point_at_images(path: Path, images: int) -> None:
    """Let all rows of a shard point at the images that its first rows brought."""
    with ShardReader(path) as reader:
        place = reader.layout.tables["color_index"]
        rows = reader.rows("color_index").copy()
    of = rows["seq"] % images
    first = {int(number): row for number, row in zip(of[:images], rows[:images], strict=True)}
    for field in ("offset", "length", "crc32"):
        rows[field] = [first[int(number)][field] for number in of]
    assert rows.dtype == COLOR_DTYPE
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(place.offset)
        file.write(finish_rows(rows).tobytes())


def measure(folder: Path) -> dict[str, float]:
    """Return the CPU time of both parts and of a whole report, seconds."""
    parts: dict[str, list[float]] = {"tables_s": [], "lag_s": [], "whole_s": []}
    io = FileIO()
    for _ in range(RUNS):
        start = time.process_time()
        with np.errstate(all="ignore"):
            takes = split_takes(read_tables(folder, io))
            middle = time.process_time()
            measure_lags(takes, io)
        parts["tables_s"].append(middle - start)
        parts["lag_s"].append(time.process_time() - middle)
        start = time.process_time()
        make_quality(folder, io)
        parts["whole_s"].append(time.process_time() - start)
    return {name: round(median(times), 2) for name, times in parts.items()}


def main() -> None:
    """Make the sessions, measure their reports and print the figures as JSON."""
    kept = folder_argument("where the sessions are kept; else they are deleted")
    folder = kept or Path(tempfile.mkdtemp(prefix="kincap-report-"))
    try:
        figures: dict[str, object] = {}
        for name, source in SOURCES.items():
            long = folder / f"{name}-long"
            if not long.is_dir():
                record(RecordSettings(name, folder, source, report=False))
                make_long(folder / name, long, MINUTES)
            figures[name] = measured = measure(long)
            print(name, measured, file=sys.stderr)
            figures[f"{name}_share_of_goal"] = round(measured["whole_s"] / GOAL_S, 2)
        print(json.dumps({"minutes": MINUTES, "goal_s": GOAL_S, **figures}))
    finally:
        if kept is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
