"""Two people who cross, told apart by ``transfer``; the switches and layers of its paper, small.

Sessions of two people are simulated, one of whom walks past the other again and again; a net of
each variant and seed learns from 24 of them and is judged on ten others with 40 crossings. Each
has a file of figures of its own, so a run that was ended goes on where it was.

``python -m benchmarks.people FOLDER [--variants NAME,...] [--seeds N] [--width W] [--steps N]``

``--trunk WEIGHTS`` starts all nets from the trunk and the branches of a trained net of the same
width (the paper starts from the trunk of VGG-19); they then find people after fewer steps.
``--sessions N`` judges on the first N of the ten sessions.

``--posetrack WEIGHTS --real DIR`` measures mAP and OKS AP of any net on the PoseTrack18 samples;
with ``--real-steps N`` it first learns from real pictures and the sessions for N steps.
``--speed N`` measures the net of full width in onnxruntime and in torch, N times.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.nets.registry import build_net

from .crossings import judge
from .public import posetrack_figures, real_file
from .sessions import HEIGHT_PX, TEST_SESSIONS, crossings_file
from .speed import speed_figures

VARIANTS = (
    "transfer", "transfer-apart", "transfer-once", "transfer-from1", "transfer-from2",
    "transfer-from3", "transfer-from5",
)  # fmt: skip
PUBLISHED_AP = {
    "transfer-from1": 45.2, "transfer-from2": 46.3, "transfer-from3": 47.5, "transfer": 48.4,
    "transfer-from5": 45.9,
}  # fmt: skip
"""OKS AP on COCO by the layer that the transfer starts from."""


KEPT = ("trunk.", "split.", "branches.")
PEOPLE_UPRIGHT = ("augment.rotation_deg=15", "augment.scale=1.4")
"""Smaller changes than the paper's 40 degrees and 1.5: these people stand, and time is short."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="for recordings, nets and figures; kept")
    parser.add_argument("--variants", default="transfer", help=f"of {', '.join(VARIANTS)}, or all")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--width", type=float, default=0.25)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--trunk", type=Path, metavar="WEIGHTS", help="start from its trunk")
    parser.add_argument("--sessions", type=int, default=TEST_SESSIONS, help="to judge on")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--precision", default="float32", help="of the layers: bf16 is faster where a CPU has it"
    )
    parser.add_argument(
        "--posetrack", type=Path, metavar="WEIGHTS", help="only measure these on PoseTrack18"
    )
    parser.add_argument("--real-steps", type=int, default=0, help="steps on real pictures first")
    parser.add_argument("--speed", type=int, default=0, metavar="N", help="only measure times")
    parser.add_argument(
        "--real", type=Path, metavar="DIR", help="folder of the real samples, of --posetrack"
    )
    asked = parser.parse_args()
    if asked.speed:
        print(json.dumps(speed_figures(asked.speed), indent=1))
        return
    data = crossings_file(asked.folder)
    if asked.posetrack is not None:
        if asked.real is None:
            parser.error("--posetrack: needs --real DIR, the folder of the real samples")
        weights = _with_real_pictures(asked, data) if asked.real_steps else asked.posetrack
        print(json.dumps(posetrack_figures(weights, asked.real), indent=1))
        return
    variants = VARIANTS if asked.variants == "all" else tuple(asked.variants.split(","))
    for name in variants:
        if name not in VARIANTS:
            parser.error(f"--variants: {name!r} is not one of {', '.join(VARIANTS)}")
    found = {
        name: [_cell(asked, data, name, asked.first_seed + number) for number in range(asked.seeds)]
        for name in variants
    }
    _print(asked, found)


def _cell(asked: argparse.Namespace, data: Path, name: str, seed: int) -> dict[str, Any]:
    """Return the figures of one net, from its file where that is there."""
    start = "" if asked.trunk is None else f"-{asked.trunk.stem}"
    key = f"{name}-w{asked.width:g}-{asked.steps}{start}-{seed}"
    file = asked.folder / f"{key}.json"
    if file.exists():
        return dict(json.loads(file.read_text(encoding="utf-8")))
    weights = asked.folder / f"{key}.ckpt"
    took = time.monotonic()
    words = ["--data", str(data), "--steps", str(asked.steps), "--seed", str(seed)]
    words += ["--out", str(weights)]
    if not weights.exists() and asked.trunk is None:
        size = ["--width", str(asked.width), "--size", str(HEIGHT_PX)]
        _learn(asked, "pretrain", "--model", name, *size, *words)
    elif not weights.exists():
        begin = asked.folder / f"{key}-start.ckpt"
        save_checkpoint(begin, with_trunk(asked.trunk, name, seed))
        _learn(asked, "finetune", "--init", str(begin), *words)
    took = time.monotonic() - took
    apart, found = judge(weights, data, asked.sessions)
    figures = {
        "training_s": round(took),
        "crossings": apart.to_json(),
        "pck": found.score.pck,
        "oks": found.oks,
        "map": found.map["all"],
    }
    file.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    return figures


def with_trunk(weights: Path, name: str, seed: int) -> Checkpoint:
    """Return fresh weights of a net of several people with the trunk of a trained one.

    Its branches, Conv-1 to Conv-4, are taken too; transfers, heads and refinements are fresh.
    """
    trained = load_checkpoint(weights)
    torch.manual_seed(seed)
    fresh = build_net(name, trained.width, trained.size).state_dict()
    trunk = {key: value for key, value in trained.weights.items() if key.startswith(KEPT)}
    return replace(trained, model=name, weights={**fresh, **trunk}, trained={})


def _with_real_pictures(asked: argparse.Namespace, data: Path) -> Path:
    """Return weights that have learned from real pictures as well; made if missing."""
    out: Path = asked.folder / f"real-{asked.real_steps}.ckpt"
    if not out.exists():
        _learn(
            asked, "finetune", "--data", str(real_file(asked.folder, asked.real, data)),
            "--init", str(asked.posetrack), "--steps", str(asked.real_steps), "--out", str(out),
        )  # fmt: skip
    return out


def _learn(asked: argparse.Namespace, command: str, *words: str) -> None:
    """Train a net by a command of kincap."""
    settings = [f"precision={asked.precision}", *PEOPLE_UPRIGHT]
    sets = [word for one in settings for word in ("--set", one)]
    subprocess.run(
        [
            sys.executable, "-m", "kincap", command, *words, "--batch", str(asked.batch),
            "--lr", str(asked.lr), *sets, "--runs", str(asked.folder / "runs"),
        ],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _print(asked: argparse.Namespace, found: dict[str, list[dict[str, Any]]]) -> None:
    print(
        f"width {asked.width:g}, {HEIGHT_PX} px, {asked.steps} steps of {asked.batch}; "
        "means of the seeds"
    )
    print(
        "net              apart %  usual filters %  overlapping %  ids kept    AP   AP50   mAP  "
        "PCK@0.2  paper AP"
    )
    for name, cells in found.items():
        apart, usual, near = (
            statistics.mean(one["crossings"][key] for one in cells)
            for key in ("apart_share", "usual_apart_share", "near_apart_share")
        )
        ap, ap50 = (statistics.mean(one["oks"][key] for one in cells) for key in ("ap", "ap50"))
        share = statistics.mean(one["map"] for one in cells)
        pck = statistics.mean(one["pck"]["0.2"]["all"] for one in cells)
        kept = sum(one["crossings"]["ids_kept"] for one in cells)
        crossed = sum(one["crossings"]["crossings"] for one in cells)
        paper = PUBLISHED_AP.get(name)
        print(
            f"{name:16} {apart:7.1f}  {usual:15.1f}  {near:13.1f}  {kept:3d} of {crossed:3d} "
            f"{ap:5.1f} {ap50:6.1f} {share:5.1f} {pck:8.1f}  {paper or '-':>8}"
        )
        if len(cells) > 1:
            shares = (one["crossings"]["apart_share"] for one in cells)
            print("  by seed:", ", ".join(f"{share:.1f}" for share in shares))


if __name__ == "__main__":
    main()
