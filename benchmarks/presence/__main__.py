"""Does a presence head see what the sensor tracks? A ucsd net on simulated crossed arms.

Four outfits with the arms crossed half of the time (wrists and elbows are then inferred: absent),
judged on an outfit that none of them has. Prints one JSON object: presence accuracy beside the
majority class, with the interval of the difference, PCKi, and when each phase had converged.

``python -m benchmarks.presence --folder FOLDER [--steps N] [--seeds N]``; the figures of a seed are
in a file of its own, so that a benchmark that was ended goes on where it was.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from kincap.train.presence.learning_curves import read_curves

FRAMES: Final = 300
CROSSED: Final = "crossed_arms@3-8+crossed_arms@13-18+crossed_arms@23-28"
NET: Final = (
    "--model", "ucsd-baseline2", "--width", "0.5", "--size", "64", "--optimizer", "adamw",
    "--batch", "64", "--set", "presence_share=0.4", "--set", "augment.gain=0.3",
    "--set", "augment.shuffle=0.5",
)  # fmt: skip
"""Colours of copies change, since the outfit that the net is judged on has others."""


def measure(folder: Path, steps: int, seed: int) -> dict[str, Any]:
    """Record and build what is not there yet, train, and return the figures of a seed."""
    kept = folder / f"presence-{steps}-{seed}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    for number in (0, 1, 2, 3, 7):
        name = "unseen" if number == 7 else f"clothing{number}"
        if not (folder / "recordings" / name).exists():
            scene = f"outfit={number},seed=3{number},frames={FRAMES},fps=10,pace=fast"
            _kincap(folder, "record", "--session", name, "--shard-mib", "256", "--source",
                    f"simulator:{scene},faults={CROSSED}")  # fmt: skip
    if not (folder / "p13.h5").exists():
        _kincap(folder, "build", "--size", "112", "--test", "unseen", "--out", "p13.h5")
    words = ("--data", "p13.h5", "--steps", str(steps), "--seed", str(seed), *NET)
    best = Path(_kincap(folder, "finetune", *words)["best"])
    report = f"presence-{steps}-{seed}.html"
    found = _kincap(folder, "evaluate", str(best), "--data", "p13.h5", "--split", "test",
                    "--report", report)  # fmt: skip
    figures = {
        "seed": seed,
        "crops": found["samples"],
        "presence": found["presence"],
        "pcki": found["pcki"]["all"],
        "mean_pose_pcki": found["mean_pose"]["pcki"]["all"],
        "pck": {a: found["pck"][a]["all"] for a in ("0.2", "0.1")},
        "mean_pose": {a: found["mean_pose"]["pck"][a]["all"] for a in ("0.2", "0.1")},
        "phases": [one.to_json() for one in read_curves(folder / best)],
        "report": report,
    }
    kept.write_text(json.dumps(figures, indent=1))
    return figures


def _kincap(folder: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "kincap", *words, "--json"], cwd=folder, check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; exit 1 where presence of a seed is not above the majority class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for data and runs")
    parser.add_argument("--steps", type=int, default=1500, help="of both phases")
    parser.add_argument("--seeds", type=int, default=3, help="of the weights, from 1")
    asked = parser.parse_args(words)
    found = [measure(asked.folder, asked.steps, 1 + n) for n in range(asked.seeds)]
    print(json.dumps(found, indent=1))
    presence = [one["presence"] for one in found]
    return 0 if all(one["accuracy"] > one["majority"] for one in presence) else 1


if __name__ == "__main__":
    sys.exit(main())
