"""Real people and a real clip against a net of others: rows of the target table.

``people``: nets learn from 100, 200 and all of the people of LSP-extended and PARSE that a build
does not hold out, and are judged on the others in their whole pictures. ``clip``: a net that never
saw the NTU clip follows it; then it is finetuned on the first 52 frames, with and without
rehearsal, and judged on frames 72 to 102. ``distill``: nets that learnt from real frames of many
sources, with and without videos that a teacher labelled, judged in both ways. Ratios are against
BlazePose in the same run, which finds and follows the person itself; its offsets are fitted on the
same 52 frames.

``python -m benchmarks.targets ROW --data DIR --folder FOLDER [--init FILE] [--seeds N] [...]``
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from benchmarks.targets.clip import clip_rows
from benchmarks.targets.distillation import ARMS, distillation_rows
from benchmarks.targets.people import people_rows

ROWS = {"people": people_rows, "clip": clip_rows, "distill": distillation_rows}


def main(words: Sequence[str] | None = None) -> int:
    """Print a row."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("row", choices=list(ROWS))
    parser.add_argument("--data", type=Path, required=True, help="folder of real recordings")
    parser.add_argument("--folder", type=Path, required=True, help="for data and nets")
    parser.add_argument("--teacher", default="blazepose")
    parser.add_argument("--init", type=Path, action="append", default=[], help="clip: nets")
    parser.add_argument("--replay", type=Path, help="clip: rehearse a quarter of it, too")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--size", type=int, default=96, help="side of the input")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--trunk", type=Path, help="weights of the trunk, as of --model")
    parser.add_argument("--batch", type=int, default=32, help="people: samples in a batch")
    parser.add_argument("--first-seed", type=int, default=0, help="people, distill")
    parser.add_argument("--steps", type=int, default=1500, help="batches of each pretraining")
    parser.add_argument("--finetune-steps", type=int, default=100, help="batches on the clip")
    parser.add_argument("--rotation", type=float, default=20.0, help="people: degrees")
    parser.add_argument("--people", type=int, action="append", help="people: this many only")
    parser.add_argument("--arm", choices=ARMS, action="append", help="distill: these nets only")
    asked = parser.parse_args(words)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    asked.folder.mkdir(parents=True, exist_ok=True)
    ROWS[asked.row](asked)
    return 0


if __name__ == "__main__":
    sys.exit(main())
