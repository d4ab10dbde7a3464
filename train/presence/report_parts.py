"""Parts of the evaluation report: presence, learning curves, first layer, places of the joints."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...dataset.report_page.markup import Cell, Markup, figure, section, table, text
from ..evaluation.sheet import percent
from .learning_curves import PhaseCurve


def presence_section(found: Mapping[str, Any] | None) -> Markup:
    """Return presence accuracy by joint, beside the majority class; nothing without such a head."""
    if not found:
        return Markup("")
    rows: list[list[Cell]] = [
        [group, percent(one["present"]), percent(one["majority"]), percent(one["accuracy"])]
        for group, one in found["by"].items()
    ]
    rows.append(["all", "", percent(found["majority"]), percent(found["accuracy"])])
    return section(
        "Presence",
        table(["", "present", "majority class", "accuracy"], rows),
        note="Percentages of the rows. The majority class is that of each keypoint on these rows.",
    )


def learning_section(curves: Sequence[PhaseCurve], png: bytes | None) -> Markup:
    """Return the curves of the run with the time that each phase took to converge."""
    if not curves or png is None:
        return Markup("")
    rows: list[list[Cell]] = []
    for one in curves:
        said = one.to_json()
        rows.append(
            [
                str(one.phase or "all heads"),
                f"{said['steps']}",
                f"{said['converged_step']}",
                f"{said['converged_s']:.0f} of {said['seconds']:.0f} s",
                f"{one.figure} {percent(said['best'])}",
            ]
        )
    words = "Losses and figures of the run by step"
    return section(
        "Learning",
        figure(png, "png", words, text(words), "sheet"),
        table(["phase", "last step", "converged at step", "after", "best"], rows),
        note="Converged: the first validation within 0.3 points of the best one of the phase.",
    )


def picture_section(title: str, png: bytes | None, words: str) -> Markup:
    """Return a section of one picture; nothing without it."""
    if png is None:
        return Markup("")
    return section(title, figure(png, "png", words, text(words), "sheet"))
