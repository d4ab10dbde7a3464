"""Is the net really looking? Train on shuffled labels: the result must stay at the mean pose.

    python -m benchmarks.negative_control kincap-demo

Takes the data sets of a finished ``kincap demo``, deals the training labels out among the pictures,
pretrains and finetunes with the demo's own settings, and evaluates on the unseen outfit, whose
labels are as they were. Prints one JSON object; exit 1 where PCK@0.2 is more than 5 points from the
mean pose's.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from kincap.cli.demo.demo import STATE_FILE
from kincap.cli.demo.plan import DemoSettings, plan

from .arguments import folder_argument

ALLOWED_POINTS = 5.0


def control(demo: Path) -> dict[str, Any]:
    """Run the demo's learning steps with shuffled labels and return both PCKs, in percent."""
    settings = DemoSettings(**json.loads((demo / STATE_FILE).read_text())["settings"])
    steps = {step.key: step.words for group in plan(settings) for step in group}
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for key in ("pretrain", "finetune", "evaluate"):
            shuffle = () if key == "evaluate" else ("--shuffle-labels",)
            words = [_absolute(word, demo.resolve()) for word in steps[key]]
            done = subprocess.run(
                [sys.executable, "-m", "kincap", *words, *shuffle],
                cwd=folder,
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            report = json.loads(done.stdout)
    net, mean = report["pck"]["0.2"], report["mean_pose"]["pck"]["0.2"]
    return {
        "schema": "kincap/negative-control/1",
        "pck@0.2": net,
        "mean_pose@0.2": mean,
        "points_apart": round(net["all"] - mean["all"], 2),
        "holds": abs(net["all"] - mean["all"]) <= ALLOWED_POINTS,
    }


def _absolute(word: str, demo: Path) -> str:
    """Point the data sets of a step at the demo's folder; what it makes stays in the new one."""
    return str(demo / word) if word in ("wild13.h5", "kinect13.h5") else word


if __name__ == "__main__":
    demo = folder_argument("the folder of a finished demo; kincap-demo by default")
    result = control(demo or Path("kincap-demo"))
    print(json.dumps(result))
    sys.exit(0 if result["holds"] else 1)
