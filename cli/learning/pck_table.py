"""The table of PCK by joint, as the paper prints it."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..console import table

GROUPS = ("head", "wrist", "elbow", "shoulder", "hip", "knee", "ankle", "all")


def pck_table(title: str, rows: Sequence[tuple[str, Mapping[str, Mapping[str, Any]]]]) -> None:
    """Print a table of PCK: a row for each threshold and each of ``rows``."""
    thresholds = tuple(rows[0][1])
    table(
        ("PCK", "", *GROUPS),
        [
            (f"@{a}" if index == 0 else "", name, *(figure_text(pck[a][g]) for g in GROUPS))
            for a in thresholds
            for index, (name, pck) in enumerate(rows)
        ],
        title=title,
        right=range(2, 2 + len(GROUPS)),
    )


def figure_text(value: float | None) -> str:
    """Return a percentage as text, a dash where nothing was counted."""
    return "-" if value is None else f"{value:.1f}"
