"""The sections that the report of an evaluation has beside its figures."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...dataset.report_page.markup import Markup
from ..checkpoint import Checkpoint
from ..data import Samples
from ..evaluation.sheet import Sheet, sheet_png
from .drawings import curves_png, density_png, filters_png
from .learning_curves import read_curves
from .report_parts import learning_section, picture_section, presence_section

CASES: Final = 6
"""Good cases that are drawn, and as many bad ones."""


def best_and_worst(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return the rows of the smallest and of the largest errors (N,), in this order.

    Rows without an error are in neither; a split of few rows has each once.
    """
    known = np.flatnonzero(~np.isnan(errors))
    order = known[np.argsort(errors[known], kind="stable")]
    half = min(CASES, len(order) // 2)
    found: npt.NDArray[np.int64] = np.concatenate([order[:half], order[len(order) - half :]])
    return found


def more_parts(
    report: Mapping[str, Any],
    checkpoint: Checkpoint,
    samples: Samples,
    cases: Sheet | None,
    path: Path,
) -> list[tuple[str, str, Markup]]:
    """Return name, title and section of each part.

    Args:
        report: The object of ``--json``.
        checkpoint: The first net.
        samples: The split.
        cases: Good and bad cases.
        path: The checkpoint's file; the figures of its run are beside it.
    """
    curves = read_curves(path)
    drawn = curves_png(curves) if curves else None
    filters = filters_png(checkpoint.build())
    density = density_png(samples.targets, samples.weight, samples.skeleton)
    shown = None if cases is None or not len(cases.pictures) else sheet_png(cases)
    return [
        ("presence", "Presence", presence_section(report["presence"])),
        ("learning", "Learning", learning_section(curves, drawn)),
        ("filters", "First layer", picture_section(
            "First layer", filters, "Filters of the first layer, each in its own range")),
        ("density", "Places of the joints", picture_section(
            "Places of the joints", density, "Density of the joints over the crop by group")),
        ("cases", "Good and bad cases", picture_section(
            "Good and bad cases", shown, "The crops of the smallest errors, then of the largest")),
    ]  # fmt: skip
