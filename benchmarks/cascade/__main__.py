"""What is each stage of a cascade worth, and what does it cost?

Nets of small width learn from simulated outfits and are judged on one that none has seen;
LSP-extended against PARSE is Table 2 of Toshev and Szegedy 2014, as far as the samples go. Each run
is a real ``kincap finetune`` and ``kincap evaluate``; its figures are in a file of its own, so that
a benchmark that was ended goes on where it was.

``python -m benchmarks.cascade --folder FOLDER [--rows ROW,...] [--seeds N] [--data DIR]``
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from kincap.core.skeleton import KEYPOINTS
from kincap.predict.deployed_net import torch_engine
from kincap.train.cascade.run import SEARCH
from kincap.train.cascade.stored import Cascade, CascadeStage
from kincap.train.checkpoint import Checkpoint
from kincap.train.nets.registry import build_net

SEEDS: Final = (1, 2, 3)
T_95: Final = 4.303
"""Of Student's t with two degrees of freedom: three seeds."""
FRAMES: Final = 240
TIMED: Final = 5


@dataclass(frozen=True)
class Row:
    """A cascade.

    Attributes:
        about: In a few words.
        words: Flags of finetune.
        cross: True for LSP-extended against PARSE, else the simulator.
    """

    about: str
    words: tuple[str, ...]
    cross: bool = False


ROWS: Final = {
    "compact": Row(
        "compact, width 1/2, 48 px, stages with its own recipe",
        ("--model", "compact", "--width", "0.5", "--size", "48", "--steps", "200",
         "--stages", "3", "--stage-steps", "150", "--stage-recipe", "net"),
    ),
    "compact-paper": Row(
        "the same, stages with Adagrad",
        ("--model", "compact", "--width", "0.5", "--size", "48", "--steps", "200",
         "--stages", "3", "--stage-steps", "150"),
    ),
    "deeppose": Row(
        "deeppose, width 1/8, 72 px, recipe of the paper",
        ("--model", "deeppose", "--width", "0.125", "--size", "72", "--steps", "300",
         "--stages", "3", "--stage-steps", "150"),
    ),
    "cross": Row(
        "compact, width 1/2, 64 px",
        ("--model", "compact", "--width", "0.5", "--size", "64", "--steps", "300",
         "--stages", "3", "--stage-steps", "150", "--stage-recipe", "net", "--sigma", "2"),
        cross=True,
    ),
    "sigma": Row(
        "compact, width 1/2, 48 px, sigma searched",
        ("--model", "compact", "--width", "0.5", "--size", "48", "--steps", "200",
         "--stages", "2", "--stage-steps", "400", "--stage-recipe", "net", "--sigma", "auto"),
    ),
    "cross-sigma": Row(
        "compact, width 1/2, 64 px, sigma searched",
        ("--model", "compact", "--width", "0.5", "--size", "64", "--steps", "300",
         "--stages", "2", "--stage-steps", "400", "--stage-recipe", "net",
         "--sigma", "1,1.5,1.7,2,2.3"),
        cross=True,
    ),
}  # fmt: skip


def prepare(folder: Path, data: Path | None) -> None:
    """Record and build what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    sessions = {f"clothing{n + 1}": f"outfit={n},seed={n},frames={FRAMES}" for n in range(4)}
    sessions["unseen"] = f"outfit=7,seed=9001,frames={FRAMES}"
    for name, scene in sessions.items():
        if not (folder / "recordings" / name).exists():
            source = f"simulator:{scene},fps=10,pace=fast"
            _kincap(folder, "record", "--session", name, "--source", source, "--shard-mib", "256")
    if not (folder / "own13.h5").exists():
        _kincap(folder, "build", "--size", "112", "--test", "unseen", "--out", "own13.h5")
    if data is not None and not (folder / "cross13.h5").exists():
        sets = ("--add", f"lspet:{data / 'lspet'}", "--add", f"parse:{data / 'parse'}")
        _kincap(folder, "build", *sets, "--size", "160", "--val", "0.15", "--test", "parse",
                "--out", "cross13.h5")  # fmt: skip


def _kincap(folder: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "kincap", *words, "--json"], cwd=folder, check=True,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run_cell(folder: Path, name: str, seed: int) -> dict[str, Any]:
    """Return the figures of a row and a seed, from its file where it was run before."""
    kept = folder / "cells" / f"{name}-{seed}.json"
    if kept.exists():
        return dict(json.loads(kept.read_text()))
    row, began = ROWS[name], time.monotonic()
    data = "cross13.h5" if row.cross else "own13.h5"
    learnt = _kincap(folder, "finetune", "--data", data, "--seed", str(seed), *row.words)
    found = _kincap(folder, "evaluate", learnt["best"], "--data", data, "--split", "test")
    cell = {
        "samples": found["samples"], "stages": found["stages"], "val": learnt["stages"],
        "upright": found["upright"]["pcp"], "seconds": round(time.monotonic() - began),
        "sigma": learnt["sigma"], "searched": _searched(folder / learnt["run"] / SEARCH),
    }  # fmt: skip
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps(cell))
    return cell


def _searched(path: Path) -> dict[str, float]:
    """Return mean PDJ@0.2 on the held-out images of each sigma that was tried."""
    found = json.loads(path.read_text()) if path.exists() else {}
    return {sigma: one["0.2"] for sigma, one in found.items()}


def searches(folder: Path) -> list[str]:
    """Return the lines of a Markdown table of the searches over sigma."""
    lines = []
    for name, row in ROWS.items():
        for path in sorted(folder.glob(f"cells/{name}-?.json")):
            tried = json.loads(path.read_text()).get("searched") or {}
            shown = ", ".join(f"{sigma}: {value:.1f}" for sigma, value in tried.items())
            lines += [f"| {row.about} | {path.stem[-1]} | {shown} |"] if tried else []
    head = [
        "| cascade | seed | mean PDJ@0.2 on 50 held-out images by sigma |",
        "| --- | --- | --- |",
    ]
    return [*head, *lines] if lines else []


def gains(folder: Path) -> list[str]:
    """Return the lines of a Markdown table of PDJ@0.1 by stage."""
    lines = ["| cascade | seeds | stage 1 | stage 2 | stage 3 | last minus first, points |"]
    lines.append("|" + " --- |" * 6)
    for name, row in ROWS.items():
        cells = [json.loads(one.read_text()) for one in sorted(folder.glob(f"cells/{name}-?.json"))]
        if not cells or len(cells[0]["stages"]) != 3:
            continue
        by_stage = [[one["pdj"]["0.1"]["all"] for one in cell["stages"]] for cell in cells]
        means = [statistics.mean(values) for values in zip(*by_stage, strict=True)]
        apart = [values[-1] - values[0] for values in by_stage]
        text = f"{statistics.mean(apart):+.1f}"
        if len(apart) == len(SEEDS):
            half = T_95 * statistics.stdev(apart) / len(apart) ** 0.5
            text += (
                f" ({statistics.mean(apart) - half:+.1f} to {statistics.mean(apart) + half:+.1f})"
            )
        shown = " | ".join(f"{mean:.1f}" for mean in means)
        lines.append(f"| {row.about} | {len(cells)} | {shown} | {text} |")
    return lines


def limbs(folder: Path) -> list[str]:
    """Return the lines of a Markdown table of PCP on PARSE, the mean of the seeds."""
    cells = [json.loads(one.read_text()) for one in sorted(folder.glob("cells/cross-?.json"))]
    if not cells:
        return []
    names = list(cells[0]["stages"][0]["pcp"]["strict"])
    lines = [f"| PCP on {cells[0]['samples']} of PARSE | {' | '.join(names)} |"]
    lines.append("|" + " --- |" * (len(names) + 1))
    for how in ("strict", "loose"):
        rows = {f"stage {n + 1}, {how}": [cell["stages"][n]["pcp"][how] for cell in cells]
                for n in range(len(cells[0]["stages"]))}  # fmt: skip
        rows |= {f"upright person, {how}": [cell["upright"][how] for cell in cells]}
        for about, found in rows.items():
            shown = [f"{statistics.mean(one[name] for one in found):.1f}" for name in names]
            lines.append(f"| {about} | {' | '.join(shown)} |")
    return lines


def milliseconds(model: str, width: float, size: int, stages: int, view: int) -> float:
    """Return the median processor time of a picture on one thread, without decoding it."""
    torch.set_num_threads(1)

    def fresh() -> dict[str, torch.Tensor]:
        return dict(build_net(model, width, size).state_dict())

    later = tuple(
        CascadeStage(model, width, size, fresh(), torch.zeros(KEYPOINTS, 2).double(),
                     torch.zeros(KEYPOINTS, 2, 2).double())
        for _ in range(stages - 1)
    )  # fmt: skip
    if stages == 1:
        view = size
    checkpoint = Checkpoint(
        model, width, view, fresh(), torch.zeros(KEYPOINTS, 2), True,
        cascade=Cascade(size, 1.0, later) if later else None,
    )  # fmt: skip
    engine = torch_engine(checkpoint, torch.device("cpu"))
    crops = np.zeros((1, view, view, 3), np.uint8)
    took = []
    for _ in range(TIMED + 1):
        began = time.process_time()
        engine.poses(crops)
        took.append(1000 * (time.process_time() - began))
    return statistics.median(took[1:])


def main(words: Sequence[str] | None = None) -> int:
    """Run the cells that are missing and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for data and figures")
    parser.add_argument("--rows", default=",".join(ROWS), help="rows to run")
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="seeds of each row")
    parser.add_argument("--data", type=Path, help="folder of lspet and parse, for the row cross")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    parser.add_argument("--times", action="store_true", help="only time nets of full size")
    asked = parser.parse_args(words)
    if asked.times:
        for stages in (1, 3):
            took = milliseconds("deeppose", 1.0, 220, stages, 224)
            print(f"deeppose at 220 px, {stages} stages: {took:.0f} ms a picture, one thread")
            took = milliseconds("compact", 1.0, 64, stages, 224)
            print(f"compact at 64 px, {stages} stages: {took:.1f} ms a picture, one thread")
        return 0
    if not asked.table:
        prepare(asked.folder, asked.data)
        for name in asked.rows.split(","):
            for seed in SEEDS[: asked.seeds]:
                cell = run_cell(asked.folder, name, seed)
                shown = [one["pdj"]["0.1"]["all"] for one in cell["stages"]]
                print(name, seed, shown, cell["seconds"], "s", file=sys.stderr, flush=True)
    parts = (gains(asked.folder), limbs(asked.folder), searches(asked.folder))
    print("\n\n".join("\n".join(lines) for lines in parts if lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
