"""Does kincap show what Linna et al. 2016 claim? On simulated people, with the spread of seeds.

Public sets: scenes of many people and places; one file has all keypoints, the other none of knees
and ankles. Own sessions: seven outfits in one room, and another recording of the first outfit to
be judged by. Nets are pretrained (also on complete samples only, and with close-ups of the upper
body), finetuned in phases by outfit, and judged in general and in use. The paper's Table 5 is
printed beside ours. A claim is shown if the mean difference of the seeds is above two standard
errors (one seed: nothing is shown). Figures are kept in the folder: a run that was ended goes on.

``python -m benchmarks.claims --folder FOLDER [--learner compact|linna] [--seeds N]``
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.claims.data import GENERAL, OWN, prepare
from benchmarks.claims.learn import LEARNERS, MEAN_POSE, Learner, run_seed

GROUPS: Final = ("head", "wrist", "elbow", "shoulder", "hip", "knee", "ankle", "all")
TABLE_5: Final[dict[tuple[str, str], tuple[float, ...]]] = {
    (GENERAL, MEAN_POSE): (31.1, 18.9, 8.5, 11.8, 10.0, 40.8, 33.5, 21.4),
    (GENERAL, "pretrain"): (84.2, 41.6, 60.5, 76.9, 72.8, 62.6, 53.7, 63.1),
    (GENERAL, "full"): (77.5, 22.2, 42.9, 49.8, 52.5, 42.6, 38.6, 44.2),
    (OWN, "pretrain"): (86.1, 24.5, 64.1, 86.8, 88.0, 82.5, 64.0, 69.6),
    (OWN, "phase 1"): (95.3, 67.4, 87.3, 98.4, 96.3, 96.4, 95.5, 90.6),
    (OWN, "phase 2"): (99.6, 88.1, 95.6, 99.9, 97.3, 98.5, 98.5, 96.6),
    (OWN, "full"): (99.3, 89.2, 95.9, 99.7, 97.6, 98.5, 98.6, 96.8),
}
"""PCK@0.2 as published."""

SETS: Final = {GENERAL: "general", OWN: "use case"}


@dataclass(frozen=True)
class Claim:
    """A claim: on a set, the figure of one net is better than that of another.

    Attributes:
        text: In words.
        judged: The set.
        better: The net that should be better.
        worse: The other one.
        figure: The figure; the larger is the better, but for the error.
        published: The paper's difference in the same figure, where it gives one.
    """

    text: str
    judged: str
    better: str
    worse: str
    figure: str = "pck@0.2"
    published: str = "-"


CLAIMS: Final = (
    Claim("a pretrained net beats the mean pose", GENERAL, "pretrain", MEAN_POSE,
          published="+41.7"),
    Claim("partly labelled samples help", GENERAL, "pretrain", "pretrain, homogeneous", "error",
          "5.4 % less error"),
    Claim("the same with close-ups", GENERAL, "pretrain, close-ups", "pretrain, homogeneous",
          "error"),
    Claim("other outfits help (phase 1)", OWN, "phase 1", "pretrain", published="+21.0"),
    Claim("one's own outfit helps more (phase 2)", OWN, "phase 2", "phase 1", published="+6.0"),
    Claim("the same at PCK@0.1", OWN, "phase 2", "phase 1", "pck@0.1"),
    Claim("both at once are as good (full)", OWN, "full", "phase 2", published="+0.2"),
    Claim("finetuning costs generality", GENERAL, "pretrain", "full", published="+18.9"),
    Claim("rehearsal keeps generality (ours)", GENERAL, "full, rehearsed", "full"),
    Claim("rehearsal costs in use (ours)", OWN, "full", "full, rehearsed", "pck@0.1"),
    Claim("mirror averaging helps, pretrained", GENERAL, "pretrain", "pretrain, no mirror"),
    Claim("mirror averaging helps, finetuned", OWN, "full", "full, no mirror"),
    Claim("pretraining helps with few frames", OWN, "few frames", "few frames, scratch"),
    Claim("pretraining helps with all frames", OWN, "full", "full, scratch"),
)  # fmt: skip


def value(found: dict[str, Any], judged: str, net: str, figure: str) -> float:
    """Return one figure of one net of a seed."""
    figures = found[judged][net]
    return float(figures["pck"]["all"] if figure == "pck@0.2" else figures[figure])


def verdict(gains: Sequence[float]) -> tuple[str, str]:
    """Return the mean difference with its standard error, and what it shows."""
    mean = statistics.mean(gains)
    if len(gains) < 2:
        return f"{mean:+.1f}", "one seed"
    error = statistics.stdev(gains) / len(gains) ** 0.5
    shown = "shows" if mean > 2 * error else "does not show"
    if mean < -2 * error:
        shown = "shows the opposite"
    return f"{mean:+.1f} ± {error:.1f}", shown


def claim_lines(seeds: Sequence[dict[str, Any]]) -> list[str]:
    """Return the Markdown table of the claims."""
    lines = ["| claim | set | figure | ours | the paper | |", "|" + " --- |" * 6]
    for one in CLAIMS:
        pairs = [[value(found, one.judged, net, one.figure) for net in (one.better, one.worse)]
                 for found in seeds]  # fmt: skip
        sign = -1 if one.figure == "error" else 1
        text, shown = verdict([sign * (a - b) for a, b in pairs])
        if one.figure == "error":
            less = statistics.mean(100 * (1 - a / b) for a, b in pairs)
            text += f" ({less:+.1f} %)"
        name = "error, % of torso, less by" if one.figure == "error" else one.figure.upper()
        lines.append(
            f"| {one.text} | {SETS[one.judged]} | {name} | {text} | {one.published} | {shown} |"
        )
    return lines


def table_5(seeds: Sequence[dict[str, Any]]) -> list[str]:
    """Return the Markdown table of PCK@0.2, the paper's figures beside ours."""
    lines = ["| set | net | whose | " + " | ".join(GROUPS) + " |", "|" + " --- |" * 11]
    for judged in (GENERAL, OWN):
        nets = [net for net in seeds[0][judged] if "no mirror" not in net]
        for net in nets:
            published = TABLE_5.get((judged, net))
            if published is not None:
                words = " | ".join(f"{x:.1f}" for x in published)
                lines.append(f"| {SETS[judged]} | {net} | paper | {words} |")
            ours = []
            for group in GROUPS:
                values = [found[judged][net]["pck"][group] for found in seeds]
                spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
                ours.append(f"{statistics.mean(values):.1f}{spread if group == 'all' else ''}")
            lines.append(f"| {SETS[judged]} | {net} | ours | {' | '.join(ours)} |")
    return lines


def main(words: Sequence[str] | None = None) -> int:
    """Run the seeds that are missing and print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, required=True, help="for data, nets and figures")
    parser.add_argument("--learner", choices=[*LEARNERS], default="compact")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--frames", type=int, default=300, help="of each own session")
    parser.add_argument("--pretrain-steps", type=int, help="batches of each pretraining")
    parser.add_argument("--steps", type=int, help="batches of each finetuning")
    parser.add_argument("--batch", type=int, help="samples in a batch")
    asked = parser.parse_args(words)
    learner: Learner = LEARNERS[asked.learner]
    learner = replace(
        learner,
        pretrain_steps=asked.pretrain_steps or learner.pretrain_steps,
        steps=asked.steps or learner.steps,
        batch=asked.batch or learner.batch,
    )
    prepare(asked.folder, asked.frames, learner.size)
    seeds = []
    for seed in range(asked.seeds):
        began = time.process_time()
        seeds.append(run_seed(asked.folder, learner, seed))
        spent = time.process_time() - began
        print(f"{learner.name}, seed {seed}: {spent:.0f} s of CPU", file=sys.stderr, flush=True)
    print(
        f"{learner.name}, {learner.size} px, {asked.seeds} seeds, batches of {learner.batch}, "
        f"{learner.pretrain_steps} steps of pretraining, {learner.steps} of finetuning\n"
    )
    print("\n".join([*table_5(seeds), "", *claim_lines(seeds)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
