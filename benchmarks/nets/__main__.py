"""All nets of kincap on one simulated use case, each with the same time to learn on this machine.

Every net learns from the same recordings for as much processor time of one core, small where its
full width would get through a few batches only, and is judged on another take of an outfit that it
knows. Crops are cut by the sensor's boxes; ``transfer`` finds the person in the whole image. The
time of a frame is one forward pass of one image on one thread of torch. Rows are kept in
FOLDER/nets.json, so a run that was ended goes on; FOLDER/nets.png shows accuracy against cost.

``python -m benchmarks.nets FOLDER [--seconds S] [--nets NAME,...]``
"""

import argparse
import copy
import json
import statistics
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from kincap.core.skeleton import KEYPOINTS_13
from kincap.train.data import load_samples, mean_pose
from kincap.train.mixing.choice import DataChoice
from kincap.train.mixing.pool import load_splits, open_sets
from kincap.train.nets.cost import measure_cost
from kincap.train.nets.registry import build_net, load_net
from kincap.train.people.frames import load_people
from kincap.train.run.trainer import Trainer
from kincap.train.settings import TrainSettings
from kincap.train.validate import run_net, score_poses

from .plot import save_plot
from .use_case import FRAME_PX, use_case

FRAME_COLUMNS = 328
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Form:
    """The form of a net that learns within the budget.

    Attributes:
        width: Factor on its channels.
        size: Side of its input, pixels.
        batch: Images in a batch.
    """

    width: float
    size: int
    batch: int = 32


FORMS = {
    "compact": Form(1, 64),
    "linna": Form(1 / 8, 112),
    "deeppose": Form(1 / 8, 128),
    "ucsd-baseline2": Form(1 / 4, 64),
    "transfer": Form(1 / 8, FRAME_PX, 8),
    "compact-previous": Form(1, 64),
    "compact-maps": Form(1, 96, 16),
    "compact-simcc": Form(1, 96, 16),
    "efficientnet-lite0": Form(1, 96, 16),
    "ucsd-vgg19": Form(1 / 8, 96, 16),
    "linna-s": Form(1 / 8, 112),
    "ucsd-baseline1": Form(1 / 4, 64),
    "ucsd-alexnet": Form(1 / 8, 160),
    "deeppose-pool3": Form(1 / 8, 128),
    "deeppose-groups2": Form(1 / 8, 128),
    "deeppose-pool3-groups2": Form(1 / 8, 128),
    "deeppose-unpadded": Form(1 / 8, 128),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for recordings, rows and the plot; kept")
    parser.add_argument("--seconds", type=float, default=120, help="of processor time to learn")
    parser.add_argument("--nets", default=",".join(FORMS))
    asked = parser.parse_args()
    torch.set_num_threads(1)
    files = use_case(asked.folder)
    stored = asked.folder / "nets.json"
    rows: dict[str, Any] = json.loads(stored.read_text("utf-8")) if stored.exists() else {}
    for name in asked.nets.split(","):
        if name not in FORMS:
            parser.error(f"--nets: {name!r} is not one of {', '.join(FORMS)}")
        key = f"{name} {asked.seconds:g} s"
        if key not in rows:
            rows[key] = measure(name, FORMS[name], files, asked.seconds)
            stored.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        print_row(rows[key])
        shown = [row for key, row in rows.items() if key.endswith(f" {asked.seconds:g} s")]
        save_plot(asked.folder / "nets.png", shown)
    print(f"mean pose: {shown[0]['mean_pose']:.1f}, wrist {shown[0]['mean_pose_wrist']:.1f}")
    print(f"plot {asked.folder / 'nets.png'}")


def measure(name: str, form: Form, files: tuple[Path, Path], seconds: float) -> dict[str, Any]:
    """Let one net learn, and return its row."""
    net_entry = load_net(name)
    recipe = replace(net_entry.recipe("finetune", "adamw"), batch=form.batch)
    settings = TrainSettings("finetune", name, "benchmark", form.width, form.size, recipe)
    data = files[1] if net_entry.finds_people else files[0]
    height, columns = form.size, FRAME_COLUMNS if net_entry.finds_people else form.size
    with open_sets([DataChoice(data)], KEYPOINTS_13) as sets:
        dataset, splits = sets[0].dataset, load_splits(sets, settings, homogeneous=False)
        torch.manual_seed(0)
        net = build_net(name, form.width, form.size)
        steps = max(10, round(seconds / _step_s(settings, net, splits.source)))
        trainer = Trainer(settings, net, steps, CPU)
        began, done = time.process_time(), 0
        while done < steps and time.process_time() - began < 1.5 * seconds:
            trainer.learn(splits.source.batch(done))
            done += 1
        took = time.process_time() - began
        test = (
            load_people(dataset, "test", form.size)
            if net_entry.finds_people
            else load_samples(dataset, "test", form.size)
        )
        score = score_poses(run_net(trainer.kept, test, CPU).poses, test)
        of_mean = score_poses(mean_pose(splits.train.targets, splits.train.weight), test)
    with torch.device("meta"):
        cost = measure_cost(build_net(name, form.width, form.size), height, columns)
    return {
        "net": name,
        "width": form.width,
        "input": f"{columns}x{height}" if columns != height else f"{height}",
        "steps": done,
        "of_steps": steps,
        "seconds": round(took, 1),
        "pck_0.1": score.pck["0.1"]["all"],
        "wrist_0.2": score.pck["0.2"]["wrist"],
        "mean_pose": of_mean.pck["0.1"]["all"],
        "mean_pose_wrist": of_mean.pck["0.2"]["wrist"],
        "pck_0.2": score.pck["0.2"]["all"],
        "macs": cost.macs,
        "parameters": cost.parameters,
        "ms": _forward_ms(trainer.kept, height, columns),
    }


def _step_s(settings: TrainSettings, net: torch.nn.Module, source: Any) -> float:
    """Return the processor time of a step."""
    probe = Trainer(settings, copy.deepcopy(net), 10, CPU)
    taken = []
    for step in range(4):
        began = time.process_time()
        probe.learn(source.batch(step))
        taken.append(time.process_time() - began)
    return statistics.median(taken[1:])  # the first one allocates


def _forward_ms(net: torch.nn.Module, height: int, columns: int) -> float:
    """Return the fastest forward pass of one image: other work on the machine only adds time."""
    net.eval()
    pixels, fastest = torch.zeros(1, 3, height, columns), float("inf")
    with torch.inference_mode():
        for _ in range(15):
            began = time.perf_counter()
            net(pixels)
            fastest = min(fastest, time.perf_counter() - began)
    return 1000 * fastest


def print_row(row: dict[str, Any]) -> None:
    """Print a row of the table."""
    print(
        f"| `{row['net']}` | {row['width']:g} | {row['input']} | {row['steps']} | "
        f"{row['pck_0.1']:.1f} | {row['wrist_0.2']:.1f} | {row['macs'] / 1e6:.0f} | "
        f"{row['parameters']:,} | {row['ms']:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
