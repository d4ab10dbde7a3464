"""The plot of accuracy against cost."""

from pathlib import Path
from typing import Any

COLOURS = {"compact": "#1f77b4", "linna": "#d62728", "deeppose": "#2ca02c", "ucsd": "#9467bd"}


def save_plot(path: Path, rows: list[dict[str, Any]]) -> None:
    """Draw PCK@0.1 of each net against the time of a frame and against its multiply-accumulates.

    Args:
        path: The PNG file.
        rows: Rows of the benchmark.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, sides = pyplot.subplots(1, 2, figsize=(13, 7), sharey=True)
    for side, (key, factor, label) in zip(
        sides,
        (("ms", 1.0, "ms a frame, one thread of torch"), ("macs", 1e-6, "million MAC")),
        strict=True,
    ):
        lowest = min(rows[0]["mean_pose"], *(row["pck_0.1"] for row in rows))
        for place, row in enumerate(sorted(rows, key=lambda row: (row[key], row["net"]))):
            colour = COLOURS.get(str(row["net"]).partition("-")[0], "#ff7f0e")
            x = row[key] * factor
            side.scatter(x, row["pck_0.1"], color=colour, s=40, zorder=2)
            side.annotate(
                # names of neighbours are above and below by turns: they would cover each other
                row["net"], (x, row["pck_0.1"]), xytext=(0, (9, -15, 20, -26)[place % 4]),
                textcoords="offset points", fontsize=8, ha="center",
            )  # fmt: skip
        side.set_xscale("log")
        side.margins(x=0.16, y=0.1)
        side.set_ylim(bottom=lowest - 8)
        side.axhline(rows[0]["mean_pose"], color="#888888", linestyle=":", zorder=1)
        side.annotate(
            "mean pose",
            (0.01, rows[0]["mean_pose"]),
            fontsize=8,
            xycoords=("axes fraction", "data"),
            va="bottom",
        )
        side.set_xlabel(label)
        side.grid(alpha=0.3)
    sides[0].set_ylabel("PCK@0.1 on another take, %")
    figure.suptitle("Nets with the same time to learn")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
