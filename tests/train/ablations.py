"""Parts of the recipe, each taken away or added: ``python -m tests.nightly ablations``."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.ablations.__main__ import PARTS, SEEDS, gain, prepare, run_cell, table


def run(runs: int, seed: int, jobs: int, tell: Callable[..., None]) -> dict[str, Any]:
    """Learn with and without each part and compare.

    Args:
        runs: Number of training seeds of each part, 2 or more for standard errors.
        seed: Not used: seeds are those of the benchmark, so that tables can be compared.
        jobs: Not used: one training at a time.
        tell: Takes a line of progress, and the counts so far.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        counts: dict[str, Any] = {"cells": 0, "gains": {}, "table": [], "failures": []}
        for one in SEEDS[:runs]:
            for part in PARTS:
                found = run_cell(folder, part, one)
                counts["cells"] += 1
                tell(f"{part}, seed {one}: {found}", counts)
        for part in PARTS:
            counts["gains"][part] = gain(folder, part, "truth mean")
        counts["table"] = table(folder)
        return counts
