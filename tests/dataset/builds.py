"""Builds of simulated outfits, killed at any moment and spread over Dask: always the same bytes."""

import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from kincap.capture.record import RecordSettings, record

from .scheduler.dask_cluster import Cluster

OUTFITS = 7
KILLS = 5
MOST_TRIES = 30
"""Starts of a build until it was killed often enough: some kills come after its end."""
FLAGS = ("--size", "64", "--val", "0.2", "--test", "outfit1", "--balance", "3", "--json")


def run(
    runs: int,
    seed: int = 20,
    jobs: int = 2,
    *,
    folder: Path | None = None,
    tell: Callable[[str, dict[str, Any]], None] = lambda _text, _counts: None,
) -> dict[str, Any]:
    """Build the same recordings in every way and compare the bytes.

    Args:
        runs: Frames of each outfit.
        seed: Of the moments of the kills; the exact moment depends on the machine.
        jobs: Processes of a local build.
        folder: Where to work; None: a temporary one, deleted unless something failed.
        tell: Given the progress, and the counts so far.

    Returns:
        Counts: ``wrong`` builds have other bytes.
    """
    place = folder or Path(tempfile.mkdtemp(prefix="kincap-builds-"))
    for outfit in range(1, OUTFITS + 1):
        options = f"pace=fast,outfit={outfit},seed={seed + outfit},frames={runs}"
        record(
            RecordSettings(
                session=f"outfit{outfit}",
                recordings=place / "recordings",
                source=f"simulator:{options}",
            )
        )
    began = time.monotonic()
    expected = _build(place, "alone.h5", "--workers", "1")
    alone_s = time.monotonic() - began
    counts: dict[str, Any] = {"rows": expected["kept"], "sha256": expected["sha256"], "wrong": 0}
    failures: list[str] = []

    def compare(name: str, found: dict[str, Any]) -> None:
        counts[name] = {"sha256": found["sha256"], "resumed_rows": found["resumed_rows"]}
        if found["sha256"] != expected["sha256"]:
            counts["wrong"] += 1
            failures.append(f"{name}: SHA-256 {found['sha256']}, not {expected['sha256']}")
        tell(f"{name}: {found['sha256'][:12]}", counts)

    compare("workers", _build(place, "workers.h5", "--workers", str(jobs)))
    counts["kills"] = _kill(place, random.Random(seed), alone_s, jobs)
    compare("killed", _build(place, "killed.h5", "--workers", str(jobs)))
    compare("dask", _on_dask(place))
    if counts["kills"] < KILLS:
        failures.append(f"killed {counts['kills']} times only")
    if not failures and folder is None:
        shutil.rmtree(place)
    return {**counts, "failures": failures}


def _command(out: str, *more: str) -> list[str]:
    return [sys.executable, "-m", "kincap", "build", "--out", out, *FLAGS, *more]


def _build(place: Path, out: str, *more: str) -> dict[str, Any]:
    """Build to the end."""
    done = subprocess.run(
        _command(out, *more), cwd=place, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"kincap build ended with {done.returncode}: {done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _kill(place: Path, rng: random.Random, alone_s: float, jobs: int) -> int:
    """Begin a build and kill it, again and again; return how often that struck."""
    struck = 0
    for _ in range(MOST_TRIES):
        if struck == KILLS:
            break
        before = _done_blocks(place)
        with subprocess.Popen(
            _command("killed.h5", "--workers", str(jobs)),
            cwd=place,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            if struck == 0:
                # while it plans
                time.sleep(rng.uniform(0.2, 0.5) * alone_s)
            else:
                while process.poll() is None and _done_blocks(place) == before:
                    time.sleep(0.005)
                time.sleep(rng.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            struck += process.wait() == -signal.SIGKILL
    return struck


def _done_blocks(place: Path) -> int:
    """Return how many blocks the journal calls done."""
    return len(journal_blocks(place / "killed.h5.part.json"))


def journal_blocks(journal: Path) -> set[tuple[str, int]]:
    """Return dataset and number of the blocks that a journal calls done."""
    done: set[tuple[str, int]] = set()
    # the last line may be written at this moment
    with suppress(OSError, ValueError):
        for text in journal.read_text(encoding="utf-8").splitlines():
            line = json.loads(text)
            for name, blocks in line.get("done", {}).items():
                done |= {(name, int(number)) for number in blocks}
            if "dataset" in line:
                done.add((line["dataset"], line["number"]))
    return done


def _on_dask(place: Path) -> dict[str, Any]:
    """Build on a cluster of two workers, and a third one that dies in its first block."""
    logs = place / "cluster"
    logs.mkdir()
    cluster = Cluster(logs)
    try:
        cluster.add_worker()
        cluster.add_worker()
        cluster.add_worker(KINCAP_FAULTS="write:kill:40")
        found = _build(place, "dask.h5", "--scheduler", cluster.address)
        died = cluster.workers[2].poll()
    finally:
        cluster.stop()
    if died != -signal.SIGKILL:
        raise RuntimeError("the third worker did not die in the build")
    return found
