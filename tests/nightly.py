"""The long programmes: ``python -m tests.nightly PART|all [--runs N] [--seed S]``.

Each part tries one kind of trouble and counts the outcomes; docs/reliability.md describes them and
has the measured counts. One JSON object with all counts goes to ``--json FILE`` (updated while it
runs, so an interrupted night keeps its counts) or to stdout. The exit code is 1 if anything was
lost, wrong or silently damaged; stderr then names it and the command that repeats it.
"""

import argparse
import inspect
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from kincap import __version__

SCHEMA = "kincap/nightly/1"
COUNTS_OF_HARM = ("lost", "silent", "died", "wrong", "damaged_acknowledged")
"""Counts that must be 0 in every part that has them, even if it lists no failures."""
MOST_TOLD = 10
"""Most failures printed on stderr."""


@dataclass(frozen=True)
class Part:
    """A part of the programme.

    Attributes:
        name: Its name on the command line.
        runs: Its default amount.
        of: The unit of that amount.
        minutes: About how long that takes on two idle cores.
        shows: The claim that it tries.
        folder: Where its code is: tests/FOLDER/NAME.py.
    """

    name: str
    runs: int
    of: str
    minutes: int
    shows: str
    folder: str = "crash"

    def run(self, runs: int, seed: int, jobs: int, **known: Any) -> dict[str, Any]:
        """Run it; it takes those of the further arguments that it knows."""
        run = import_module(f".{self.folder}.{self.name}", __package__).run
        taken = inspect.signature(run).parameters
        more = {name: value for name, value in known.items() if name in taken}
        counts: dict[str, Any] = run(runs, seed, jobs, **more)
        return counts


PARTS = {
    part.name: part
    for part in (
        Part(
            "kill",
            200,
            "recorders killed",
            4,
            "SIGKILL of a real recorder at any moment loses no acknowledged item",
        ),
        Part(
            "stops",
            1,
            "rounds of a stop after every call",
            10,
            "a recording stopped after any change of the disk is recovered, and so is its recovery",
        ),
        Part(
            "powerloss",
            300,
            "patterns of lost pages",
            1,
            "a power cut loses nothing that was synced and invents no frame",
        ),
        Part(
            "diskerrors",
            1,
            "rounds of an error at every call",
            6,
            "a disk that fails at any call ends in one line and loses nothing acknowledged",
        ),
        Part(
            "flips",
            500,
            "damaged places",
            2,
            "a flipped bit, a cut or a lost page is found or harmless, and is repaired",
        ),
        Part(
            "resume",
            5,
            "runs of each net, killed four times",
            8,
            "a training run that is killed goes on bit for bit, also when it dies in a write",
            folder="train",
        ),
        Part(
            "ablations",
            3,
            "training seeds of each part of the recipe",
            150,
            "each part of the recipe, taken away or added, with its gain and standard error",
            folder="train",
        ),
        Part(
            "overfit",
            11,
            "nets that learn 32 real crops by heart",
            10,
            "each net brings PCK@0.2 on 32 real crops to 99 %, without dropout",
            folder="train",
        ),
        Part(
            "fuzz",
            500,
            "examples for each property",
            9,
            "no reader crashes on files with any values, correctly signed",
        ),
        Part(
            "attack",
            1,
            "rounds of all hostile files and folders",
            20,
            "no hostile file or folder hangs a command, fills the memory or reaches another file",
        ),
        Part(
            "cycles",
            1000,
            "starts and stops",
            15,
            "starts and stops of a held source, and a day of idling, let nothing grow",
            "capture",
        ),
        Part(
            "soak",
            60,
            "minutes of recording",
            62,
            "a recorder at four times the pace holds no more of anything and loses no item",
            folder="capture",
        ),
        Part(
            "long_tables",
            10_000_000,
            "lines of a table of joints",
            5,
            "a table of joints takes no more memory when it has ten times the lines",
            folder="capture",
        ),
        Part(
            "builds",
            200,
            "frames of each of seven outfits",
            4,
            "a build in any number of processes, killed five times or on Dask, has the same bytes",
            folder="dataset",
        ),
        Part(
            "face_blur",
            200,
            "frames of each of two sessions of a scene",
            5,
            "--blur-faces covers the true faces of 99 % of simulated people with a tracked head",
            folder="dataset.faces",
        ),
        Part(
            "crossings",
            200,
            "crossings of two drawn people",
            1,
            "two people who cross keep their ids in 95 % of the crossings",
            folder="predict",
        ),
        Part(
            "mat_flips",
            5000,
            "damaged .mat files read",
            1,
            "a damaged MATLAB file of labels is refused or read, and never ends the process",
            folder="dataset.formats",
        ),
        Part(
            "readers",
            1,
            "rounds of all readers",
            5,
            "the one-line readers of docs/format.md read a shard and kinect13.h5",
            folder="readers",
        ),
        Part(
            "exports",
            1,
            "rounds of all readers of exports",
            4,
            "other tools read exported labels: equal positions, visibility with known losses",
            folder="readers",
        ),
    )
}


def listing() -> str:
    """Return a line or two on each part, for ``--help``."""
    return "parts:\n" + "\n".join(
        f"  {part.name:<11}{part.shows}\n"
        f"{'':13}(--runs {part.runs}: {part.of}; about {part.minutes} min)"
        for part in PARTS.values()
    )


def harm(counts: dict[str, Any]) -> list[str]:
    """Return the counts of a part that show harm.

    Args:
        counts: What its run returned.
    """
    found = [str(failure) for failure in counts.get("failures") or []]
    return found + [f"{name} is {counts[name]}" for name in COUNTS_OF_HARM if counts.get(name)]


def about(seed: int) -> dict[str, Any]:
    """Return the circumstances of this run."""
    return {
        "schema": SCHEMA,
        "command": " ".join(["python -m tests.nightly", *sys.argv[1:]]),
        "began_utc": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seed": seed,
        "versions": {
            "kincap": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "h5py": h5py.__version__,
            "hdf5": h5py.version.hdf5_version,
            "system": platform.platform(),
            "cores": os.cpu_count(),
        },
    }


def run_parts(
    parts: Sequence[Part],
    runs: int | None,
    seed: int,
    jobs: int,
    *,
    save: Callable[[dict[str, Any]], None],
    say: Callable[[str], None],
    **known: Any,
) -> dict[str, Any]:
    """Run parts one after another.

    Args:
        parts: Which.
        runs: Amount of each; None: its default.
        seed: Of all random choices.
        jobs: Processes at a time.
        save: Given the report whenever it has grown.
        say: Given the progress.
        known: Further arguments that some parts take.

    Returns:
        The report, as it is printed.
    """
    report: dict[str, Any] = {**about(seed), "ok": True, "parts": {}}
    began = time.monotonic()

    def keep(name: str, counts: dict[str, Any], since: float) -> None:
        now = time.monotonic()
        report["parts"][name] = {**counts, "wall_s": round(now - since, 1)}
        report["wall_s"] = round(now - began, 1)
        report["ok"] = report["ok"] and not harm(counts)
        save(report)

    for part in parts:
        since, asked = time.monotonic(), runs or part.runs
        say(f"{part.name}: {asked} {part.of}, seed {seed}")

        def tell(text: str, counts: dict[str, Any] | None = None, since: float = since) -> None:
            say(f"{part.name}: {text}")  # noqa: B023  called while this part runs
            if counts is not None:
                keep(part.name, {**counts, "finished": False}, since)  # noqa: B023  as above

        counts = part.run(asked, seed, jobs, tell=tell, **known)
        keep(part.name, counts, since)
        for failure in harm(counts)[:MOST_TOLD]:
            say(f"{part.name}: FAILED: {failure}")
        if harm(counts):
            say(f"{part.name}: {len(harm(counts))} failures; the report names them all")
            say(f"again: python -m tests.nightly {part.name} --runs {asked} --seed {seed}")
    return report


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.nightly",
        description=__doc__,
        epilog=listing(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "part", choices=[*PARTS, "all"], metavar="PART", help="one of these, or all"
    )
    parser.add_argument("--runs", type=int, help="amount; the default is in the list below")
    parser.add_argument("--seed", type=int, default=20, help="of all random choices (default: 20)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")
    parser.add_argument("--speed", type=float, default=8.0, help="kill: pace, in 30 frames/s")
    parser.add_argument("--json", nargs="?", const="-", default="-", help="FILE, or - for stdout")
    asked = parser.parse_args(words)

    def save(report: dict[str, Any]) -> None:
        if asked.json != "-":
            path = Path(asked.json)
            path.with_name(path.name + ".tmp").write_text(json.dumps(report, indent=1) + "\n")
            path.with_name(path.name + ".tmp").replace(path)

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    parts = list(PARTS.values()) if asked.part == "all" else [PARTS[asked.part]]
    report = run_parts(
        parts, asked.runs, asked.seed, asked.jobs, save=save, say=say, speed=asked.speed
    )
    if asked.json == "-":
        print(json.dumps(report, indent=1))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
