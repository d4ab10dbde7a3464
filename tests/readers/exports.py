"""Exported labels read back by other tools: ``tests.nightly exports``.

Every tool is installed from PyPI into the environment of its group, since some replace numpy or
cv2. ``export_readers.py`` runs there and prints what the tool has read, which is compared with what
was exported. The known losses of each tool are in ``READERS``, and in docs/export.md.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from kincap.dataset.export.export import ExportSettings, export
from kincap.dataset.kinect13.format import plain_meta
from kincap.dataset.kinect13.reader import write_kinect13

from ..dataset.export.conftest import ROWS, name_of, rows_of
from .readers import TIMEOUT_S, make_environment

SCRIPT = Path(__file__).with_name("export_readers.py")
PACKAGES = {
    "sleap": ("sleap-io==0.9.5", "pycocotools==2.0.11"),
    "tables": ("movement==0.15.0", "polars==2.1.0", "duckdb==2.0.1", "faster-coco-eval==1.8.0"),
    "labelstudio": ("label-studio-sdk==2.1.2",),
}
AS_IT_IS = {0: 0, 1: 1, 2: 2}
SEEN_OR_NOT = {0: 0, 1: 2, 2: 2}
UNKNOWN = {0: None, 1: None, 2: None}


class Reader(NamedTuple):
    """A reader, and what is expected of it.

    Attributes:
        format: Which export it reads.
        packages: Its environment.
        visibility: What it makes of 0, 1 and 2.
        cut: Whether positions are cut at the picture's edges.
    """

    format: str
    packages: str
    visibility: dict[int, int | None] = AS_IT_IS
    cut: bool = False


READERS = {
    "pycocotools": Reader("coco", "sleap"),
    "faster_coco_eval": Reader("coco", "tables"),
    # a place without "visible" is an occluded keypoint
    "sleap_io_slp": Reader("sleap", "sleap"),
    "sleap_io_coco": Reader("coco", "sleap", SEEN_OR_NOT),
    "sleap_io_dlc": Reader("dlc", "sleap", SEEN_OR_NOT),
    "sleap_io_yolo": Reader("yolo", "sleap", SEEN_OR_NOT, cut=True),
    "movement_dlc": Reader("dlc", "tables", UNKNOWN),
    "polars_csv": Reader("csv", "tables"),
    "polars_parquet": Reader("parquet", "tables"),
    "duckdb_parquet": Reader("parquet", "tables"),
    "label_studio_sdk_yolo": Reader("labelstudio", "labelstudio", SEEN_OR_NOT),
}


def run(runs: int, seed: int, jobs: int, *, tell: Callable[[str], None]) -> dict[str, Any]:
    """Try every reader.

    Args:
        runs: How often.
        seed: Of the labels.
        jobs: Not used: one at a time.
        tell: Given what is done.
    """
    counts: dict[str, Any] = {"passed": [], "failures": [], "packages": PACKAGES}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        pythons = {}
        for name, packages in PACKAGES.items():
            tell(f"installing {', '.join(packages)}")
            pythons[name] = make_environment(folder / name, packages)
        for number in range(runs):
            expected = make_exports(folder / str(number), seed + number)
            for name, reader in READERS.items():
                problem = _try(
                    name, reader, pythons[reader.packages], folder / str(number), expected
                )
                tell(f"{name}: {problem or 'passed'}")
                if problem:
                    counts["failures"].append(f"{name}: {problem}")
                else:
                    counts["passed"].append(name)
    return counts


def make_exports(folder: Path, seed: int) -> dict[str, list[list[float]]]:
    """Export a data set in every format that a reader reads; return its training labels."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    rows = {split: rows_of(split, rng) for split in ROWS}
    write_kinect13(folder / "kinect13.h5", rows, plain_meta(["set-train", "set-val"]))
    for name in {reader.format for reader in READERS.values()}:
        export(ExportSettings(folder / "kinect13.h5", name, folder / name, pictures="png"))
    train = rows["train"]
    triples = np.concatenate([train["keypoints_px"], train["visibility"][..., None]], axis=-1)
    return {name_of(train, "train", row): triples[row].tolist() for row in range(ROWS["train"])}


def _try(
    name: str, reader: Reader, python: Path, folder: Path, expected: dict[str, list[list[float]]]
) -> str | None:
    """Run one reader; return what is wrong, or None."""
    done = subprocess.run(
        [python, SCRIPT, name, folder / reader.format],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["nothing"]
        return f"exit {done.returncode}, {lines[-1][:200]}"
    return problem_of(reader, json.loads(done.stdout.splitlines()[-1]), expected)


def problem_of(
    reader: Reader, found: dict[str, list[list[Any]]], expected: dict[str, list[list[float]]]
) -> str | None:
    """Return where a reader's labels differ from those that were exported, or None."""
    if sorted(found) != sorted(expected):
        return f"{len(found)} people, expected {len(expected)}"
    for picture, keypoints in expected.items():
        for place, (x, y, v) in enumerate(keypoints):
            got_x, got_y, got_v = found[picture][place]
            wanted = reader.visibility[int(v)]
            if got_v != wanted:
                return f"{picture} keypoint {place}: visibility {got_v}, expected {wanted}"
            if not v:
                continue
            if reader.cut:
                x, y = (min(max(value, -0.5), 63.5) for value in (x, y))
            if got_x is None or max(abs(got_x - x), abs(got_y - y)) > 1e-3:
                return f"{picture} keypoint {place}: at {got_x}, {got_y}, expected {x}, {y}"
    return None


if __name__ == "__main__":
    print(run(1, 20, 1, tell=lambda text: print(text, file=sys.stderr)))
