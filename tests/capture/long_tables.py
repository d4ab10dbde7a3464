"""A table of joints of ten million lines, opened in processes of their own: memory stays flat."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MOST_MORE_MIB = 4.0
MAP = """
[time]
column = "t"
unit = "ms"
[joints]
form = "lines"
joint = "joint"
x = "x"
y = "y"
z = "z"
[body]
column = "who"
"""
READ = """
import json, resource, sys
from kincap.capture.sources.registry import open_source
sensor = open_source(sys.argv[1])
rows = sum(1 for _ in sensor.items())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"rows": rows, "mib": peak}))
"""


def write_table(path: Path, lines: int) -> None:
    """Write a table of a line a joint; one person, 30 frames a second."""
    from tests.checks.people import person

    places = [",".join(f"{value:.4f}" for value in joint) for joint in person() - [0, 1, 0]]
    with open(path, "w", encoding="utf-8") as file:
        file.write("t,who,joint,x,y,z\n")
        for frame in range(lines // 25):
            begin = f"{frame * 33},7"
            file.writelines(f"{begin},{joint},{place}\n" for joint, place in enumerate(places))


def run(runs: int, seed: int = 0, jobs: int = 1) -> dict[str, Any]:
    """Read a table, and one of a tenth of its lines.

    Args:
        runs: Lines of the longer one.
        seed: Not used: the table is always the same.
        jobs: Not used: one process at a time.

    Returns:
        Lines, and the peak memory of both processes; ``failures`` where it grew.
    """
    counts: dict[str, Any] = {"lines": runs, "failures": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "map.toml").write_text(MAP, encoding="utf-8")
        for part, lines in (("tenth", runs // 10), ("whole", runs)):
            path = folder / f"{part}.csv"
            write_table(path, lines)
            source = f"csv:{path},map={folder / 'map.toml'}"
            done = subprocess.run(
                [sys.executable, "-c", READ, source],
                cwd=ROOT, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode:
                counts["failures"].append(f"{lines} lines: {done.stderr.strip()}")
                return counts
            found = json.loads(done.stdout)
            counts[f"mib_{part}"] = round(found["mib"], 1)
            if found["rows"] != lines // 25:
                counts["failures"].append(f"{lines} lines gave {found['rows']} rows")
            path.unlink()
    more = counts["mib_whole"] - counts["mib_tenth"]
    if more > MOST_MORE_MIB:
        counts["failures"].append(f"{more:.1f} MiB more for ten times the lines")
    return counts
