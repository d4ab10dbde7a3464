"""Is a net better for filled labels? python -m benchmarks.off_the_shelf.filled_labels --data DIR.

Ablation of ``kincap audit --teacher --fill-inferred`` on held-out real frames: of the NTU clip the
first frames are for training, once with and once without filled labels, the last 30 % are for
validation, where only joints count that the sensor tracked. Three seeds, from one net that is
pretrained on LSP-extended and PARSE.
"""

import argparse
import json
import tempfile
from pathlib import Path
from statistics import mean, stdev

from benchmarks.off_the_shelf.command import CLIP, SETS, kincap

FIGURES = (("0.2", "all"), ("0.2", "wrist"), ("0.2", "elbow"), ("0.1", "all"), ("0.05", "all"))
SPLIT = ("--margin", "1.5", "--val", "0.3", "--guard", "0.2")


def prepare(data: Path, folder: Path, teacher: str, steps: int) -> None:
    """Record and build the clip with and without filled labels; pretrain a net."""
    recordings = ("--recordings", folder / "recordings")
    kincap("record", "--session", "clip", "--source", f"ntu:{data / CLIP}", *recordings)
    fill = folder / "fill.csv"
    kincap("audit", "--teacher", teacher, "--fill-inferred", fill, *recordings)
    kincap("build", *SPLIT, *recordings, "--out", folder / "sensor.h5")
    kincap("build", *SPLIT, *recordings, "--out", folder / "filled.h5", "--labels", fill)
    added = [word for one in SETS for word in ("--add", f"{one}:{data / one}")]
    kincap("build", *added, "--margin", "1.5", "--out", folder / "public.h5")
    kincap("pretrain", "--data", folder / "public.h5", "--steps", steps, "--out",
           folder / "pre.ckpt", "--runs", folder / "runs")  # fmt: skip


def figures(folder: Path, labels: str, seed: int, steps: int) -> dict[str, float]:
    """Finetune and return PCK on frames that were held out, of what the sensor tracked."""
    out = folder / f"{labels}-{seed}.ckpt"
    kincap("finetune", "--init", folder / "pre.ckpt", "--data", folder / f"{labels}.h5",
           "--steps", steps, "--batch", 16, "--seed", seed, "--out", out,
           "--runs", folder / "runs")  # fmt: skip
    report = json.loads(kincap("evaluate", out, "--data", folder / "sensor.h5", "--json"))
    return {f"{group}@{a}": report["pck"][a][group] for a, group in FIGURES} | {
        "median": report["median_error_torso"]
    }


def main() -> None:
    """Print the figures of both, their difference and whether it is a gain."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of real recordings")
    parser.add_argument("--teacher", default="blazepose")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--pretrain-steps", type=int, default=600)
    parser.add_argument("--steps", type=int, default=300)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(asked.data, folder, asked.teacher, asked.pretrain_steps)
        found = {
            labels: [figures(folder, labels, seed, asked.steps) for seed in range(asked.seeds)]
            for labels in ("sensor", "filled")
        }
    print(f"{'':14}{'sensor':>8}{'filled':>8}  filled minus sensor (standard error)")
    for key in found["sensor"][0]:
        one, other = ([run[key] for run in found[labels]] for labels in ("sensor", "filled"))
        gains = [b - a for a, b in zip(one, other, strict=True)]
        error = stdev(gains) / len(gains) ** 0.5 if len(gains) > 1 else float("nan")
        better = -mean(gains) if key == "median" else mean(gains)
        word = "gain" if better > 2 * error else "loss" if better < -2 * error else "no difference"
        print(
            f"{key:14}{mean(one):8.1f}{mean(other):8.1f}  {mean(gains):+.1f} ({error:.1f}): {word}"
        )


if __name__ == "__main__":
    main()
