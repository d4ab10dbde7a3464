"""A long recording at four times the pace, by ``benchmarks.soak``, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SPEED = 4


def run(runs: int, seed: int = 0, jobs: int = 1) -> dict[str, Any]:
    """Record for some minutes.

    Args:
        runs: Minutes by the wall clock.
        seed: Not used: every recording is the same.
        jobs: Not used: one recorder at a time.

    Returns:
        The report of ``benchmarks.soak``; ``failures`` are its reasons.
    """
    command = [sys.executable, "-m", "benchmarks.soak", "--json", "--speed", str(SPEED)]
    command += ["--seconds", str(60 * runs)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return {"failures": [f"no report, exit code {done.returncode}: {done.stderr.strip()}"]}
    return {**report, "failures": report["reasons"]}
