"""The plot of accuracy against cost: nets of kincap beside the off-the-shelf net."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

MIRROR = ", mirror averaging"
"""The end of the name of a row that is drawn as a ring beside that of the same net without."""
OURS, OTHERS = "#1f77b4", "#d62728"
TICKS_MS = (0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100)


class Measured(Protocol):
    """A row of the benchmark."""

    @property
    def what(self) -> str:
        """Return net, way of use and pictures."""

    @property
    def pck(self) -> dict[str, float]:
        """Return PCK by threshold, %."""

    @property
    def cpu_ms(self) -> float | None:
        """Return CPU time a person, ms; None: not measured."""


def save_plot(path: Path, rows: Sequence[Measured], pictures: str, other: str) -> None:
    """Draw PCK@0.1 of the rows of some pictures against CPU time a person.

    Args:
        path: The PNG file.
        rows: All rows; those without a cost are left out.
        pictures: The end of ``what`` of the rows that are drawn.
        other: Name of the off-the-shelf net, which begins ``what`` of its rows.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, side = pyplot.subplots(figsize=(9, 6))
    drawn = {
        one.what.removesuffix(f": {pictures}"): (one.cpu_ms, one.pck["0.1"])
        for one in rows
        if one.cpu_ms is not None and one.what.endswith(pictures)
    }
    costs = [cost for cost, _ in drawn.values()] or [1.0]
    least, most = min(costs) / 1.5, max(costs) * 3
    above = False
    for name, (cost, pck) in sorted(drawn.items(), key=lambda one: one[1]):
        colour = OTHERS if name.startswith(other) else OURS
        plain = drawn.get(name.removesuffix(MIRROR))
        if name.endswith(MIRROR) and plain is not None:
            side.plot(*zip(plain, (cost, pck), strict=True), color=colour, lw=0.8, zorder=1)
            side.scatter(cost, pck, facecolor="white", edgecolor=colour, s=40, zorder=2)
            continue
        side.scatter(cost, pck, color=colour, s=40, zorder=2)
        # names of ours in turn above and below, long ones where there is room
        right = colour == OURS or cost > 0.9 * max(costs)
        above = colour == OTHERS or not above
        side.annotate(
            name.replace(", ", ",\n"), (cost, pck), fontsize=8,
            xytext=(6 if right else -6, 4 if above else -4), textcoords="offset points",
            ha="left" if right else "right", va="bottom" if above else "top",
        )  # fmt: skip
    for name, face, colour in (
        ("kincap", OURS, OURS), ("kincap, mean over the mirror image", "white", OURS),
        ("off the shelf", OTHERS, OTHERS),
    ):  # fmt: skip
        side.scatter([], [], facecolor=face, edgecolor=colour, s=40, label=name)
    side.legend(loc="lower right", fontsize=8)
    side.set_xscale("log")
    side.set_xticks([one for one in TICKS_MS if least < one < most])
    side.set_xlim(least, most)
    side.xaxis.set_major_formatter("{x:g}")
    side.minorticks_off()
    side.set_ylim(-3, 118)
    side.set_yticks(range(0, 101, 20))
    side.set_xlabel("CPU time a person, ms (one thread, without decoding)")
    side.set_ylabel(f"PCK@0.1 on {pictures}, %")
    side.grid(alpha=0.3, which="both")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
