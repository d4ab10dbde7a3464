"""The plot of accuracy against cost: nets of kincap beside the off-the-shelf net."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

LOW = 20.0
"""PCK below which the names are above their points."""
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


def save_plot(path: Path, rows: Sequence[Measured], pictures: str) -> None:
    """Draw PCK@0.1 of the rows of some pictures against CPU time a person.

    Args:
        path: The PNG file.
        rows: All rows; those without a cost are left out.
        pictures: The end of ``what`` of the rows that are drawn.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, side = pyplot.subplots(figsize=(9, 6))
    drawn = [one for one in rows if one.cpu_ms is not None and one.what.endswith(pictures)]
    costs = [one.cpu_ms for one in drawn if one.cpu_ms is not None] or [1.0]
    least, most = min(costs) / 1.5, max(costs) * 3
    for one in drawn:
        name = one.what.removesuffix(f": {pictures}")
        is_ours = ".ckpt" in name
        side.scatter(one.cpu_ms, one.pck["0.1"], color="#1f77b4" if is_ours else "#d62728", s=40)
        # a long name goes to the side that has room for it
        cost = one.cpu_ms or 0.0
        right = 6 < cost < 0.9 * max(costs)
        side.annotate(
            name.replace(", ", ",\n"), (one.cpu_ms, one.pck["0.1"]), fontsize=8,
            xytext=(-6 if right else 6, -4), textcoords="offset points",
            ha="right" if right else "left", va="bottom" if one.pck["0.1"] < LOW else "top",
        )  # fmt: skip
    side.set_xscale("log")
    side.set_xticks([one for one in TICKS_MS if least < one < most])
    side.set_xlim(least, most)
    side.xaxis.set_major_formatter("{x:g}")
    side.minorticks_off()
    side.set_ylim(-3, 103)
    side.set_xlabel("CPU time a person, ms (one thread, without decoding)")
    side.set_ylabel(f"PCK@0.1 on {pictures}, %")
    side.grid(alpha=0.3, which="both")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
