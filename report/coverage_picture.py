"""Coverage as a picture: a map of each hand and elbow, distances, turns, and what is missing."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Final

import numpy as np

from ..checks.coverage.grid import DISTANCE_EDGES_M, YAW_EDGES_DEG, CoverageGrid
from ..checks.coverage.missing import DISTANCE_TARGETS, YAW_TARGETS, limb_words
from ..checks.coverage.places import CELL, EDGES, body_outline
from ..core.errors import KincapError
from ..core.files.file_io import FileIO

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_READABLE: Final = 0o644
_SIZE_IN: Final = (14.0, 7.6)
_DPI: Final = 110
_INK: Final = "#333333"
_BODY: Final = "#8a8a8a"
_WANT: Final = "#d6604d"
_BAR: Final = "#2166ac"
PANELS: Final = ("r_wrist", "l_wrist", "r_elbow", "l_elbow")
"""In the order of the image: the person's right is on the left."""
_SHOWN: Final = 1.3
"""The drawn part of the grid, trunk lengths to each side of the shoulder."""
_LISTED: Final = 10
_LINE: Final = 50


def draw_coverage(grid: CoverageGrid, title: str, path: Path) -> None:
    """Draw a coverage.

    Args:
        grid: The coverage.
        title: The sessions it covers.
        path: The picture, PNG.

    Raises:
        KincapError: The picture can't be written (exit 1); none is left half written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    grids = figure.add_gridspec(2, 12, height_ratios=[1.5, 1])
    figure.suptitle(title, x=0.01, ha="left", color=_INK, fontsize=13)
    for number, limb in enumerate(PANELS):
        draw_map(figure.add_subplot(grids[0, 3 * number : 3 * number + 3]), grid, limb)
    distance, yaw, words = (figure.add_subplot(grids[1, first : first + 4]) for first in (0, 4, 8))
    edges = [f"{low:g}-{high:g}" for low, high in _pairs(DISTANCE_EDGES_M)]
    wanted = [DISTANCE_TARGETS.get(pair, 0.0) for pair in _pairs(DISTANCE_EDGES_M)]
    _draw_bars(distance, edges, grid.distance.tolist(), wanted, "distance, m")
    _draw_turns(yaw, grid)
    draw_missing(words, grid, _LISTED, more=" Red lines: least share wanted.")
    image = BytesIO()
    figure.savefig(image, format="png")
    try:
        FileIO().write_atomic(path, image.getvalue(), _READABLE, unique=True)
    except OSError as error:
        raise KincapError(
            f"--plot {path}: {error.strerror or error}; make room or name another file",
            exit_code=1,
        ) from error


def _pairs(edges: Sequence[float]) -> list[tuple[float, float]]:
    """Return the bins between edges."""
    return list(zip(edges[:-1], edges[1:], strict=True))


def draw_map(axes: "Axes", grid: CoverageGrid, limb: str) -> None:
    """Draw the cells of a limb about an outline of the body."""
    from matplotlib.patches import Rectangle

    counts, reach, visited = grid.counts[limb], grid.reach(limb), grid.visited(limb)
    # the root, so that rare places show beside the usual ones
    shade = np.sqrt(counts / max(int(counts.max()), 1))
    axes.pcolormesh(
        EDGES, EDGES, np.ma.masked_where(counts == 0, shade), cmap="Blues", vmin=-0.25, vmax=1.1
    )
    for row, column in np.argwhere(reach & ~visited):
        axes.add_patch(
            Rectangle(
                (EDGES[column] + 0.02, EDGES[row] + 0.02), CELL - 0.04, CELL - 0.04,
                facecolor="none", edgecolor=_WANT, lw=0.9, alpha=0.75,
            )
        )  # fmt: skip
    _draw_border(axes, reach)
    _draw_body(axes, 1 if limb.startswith("l_") else -1)
    axes.set_title(
        f"{limb_words(limb)}: {100 * grid.visited_share(limb):.0f} % of its reach\n"
        f"{grid.limb_frames[limb]:,} frames",
        fontsize=10, color=_INK,
    )  # fmt: skip
    axes.set_xlim(-_SHOWN, _SHOWN)
    axes.set_ylim(_SHOWN, -_SHOWN)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _draw_border(axes: "Axes", reach: "np.typing.NDArray[np.bool_]") -> None:
    """Draw the line around the cells in reach."""
    padded = np.pad(reach, 1)
    for row, column in np.argwhere(padded):
        x, y = EDGES[0] + (column - 1) * CELL, EDGES[0] + (row - 1) * CELL
        sides = {
            (-1, 0): ((x, x + CELL), (y, y)),
            (1, 0): ((x, x + CELL), (y + CELL, y + CELL)),
            (0, -1): ((x, x), (y, y + CELL)),
            (0, 1): ((x + CELL, x + CELL), (y, y + CELL)),
        }
        for (down, right), (across, along) in sides.items():
            if not padded[row + down, column + right]:
                axes.plot(across, along, color=_INK, lw=1.0)


def _draw_body(axes: "Axes", side: int) -> None:
    """Draw the outline of a trunk and a head; the shoulder of the arm is the origin.

    Args:
        axes: The map.
        side: 1 where the arm's own side is right in the image, else -1.
    """
    from matplotlib.patches import Circle, Polygon

    trunk, head, radius = body_outline(side)
    axes.add_patch(Polygon(trunk, fill=False, edgecolor=_BODY, lw=1.6))
    axes.add_patch(Circle(head, radius, fill=False, edgecolor=_BODY, lw=1.6))
    axes.plot(0, 0, "o", ms=5, color=_BODY)


def _draw_turns(axes: "Axes", grid: CoverageGrid) -> None:
    """Draw the turns, the person's right on the left as in the image."""
    pairs = _pairs(YAW_EDGES_DEG)
    names = [_turn_name(low, high) for low, high in pairs]
    wanted = [YAW_TARGETS.get(pair, 0.0) for pair in pairs]
    _draw_bars(axes, names, grid.yaw.tolist(), wanted, "turn, degrees (own right - own left)")


def _turn_name(low: float, high: float) -> str:
    """Return a short name of a bin of turns."""
    if low < 0 < high:
        return "front"
    near, far = sorted((abs(low), abs(high)))
    return f"{'left' if low >= 0 else 'right'}\n{near:.0f}-{far:.0f}"


def _draw_bars(
    axes: "Axes",
    names: Sequence[str],
    frames: Sequence[int],
    wanted: Sequence[float],
    label: str,
) -> None:
    """Draw shares of frames by bin, and the least share wanted in each as a line."""
    total = sum(frames)
    shares = [100 * count / max(total, 1) for count in frames]
    short = [share < 100 * want for share, want in zip(shares, wanted, strict=True)]
    places = range(len(names))
    axes.bar(places, shares, color=[_WANT if one else _BAR for one in short], width=0.8)
    for place, want in enumerate(wanted):
        if want:
            axes.plot([place - 0.45, place + 0.45], [100 * want] * 2, color=_WANT, lw=1.4)
    axes.set_xticks(places, names, fontsize=8)
    axes.set_xlabel(label, fontsize=9, color=_INK)
    axes.set_ylabel("% of frames", fontsize=9, color=_INK)
    axes.tick_params(labelsize=8, colors=_INK)
    axes.set_ylim(0, max([*shares, 10]) * 1.08)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def draw_missing(
    axes: "Axes", grid: CoverageGrid, most: int, line: int = _LINE, more: str = ""
) -> None:
    """Write what is missing, and what the colours mean.

    Args:
        axes: Where.
        grid: The coverage.
        most: Lines that are listed.
        line: Characters of a line.
        more: Further sentences of the legend.
    """
    axes.set_axis_off()
    missing = grid.missing() or [grid.why_nothing_is_missing()]
    lines = [fill(text, line, subsequent_indent="   ") for text in missing[:most]]
    if len(missing) > most:
        lines.append(f"and {len(missing) - most} more")
    listed = "\n".join(lines)
    axes.text(
        0.0, 1.0, "Missing", va="top", fontsize=11, color=_INK, fontweight="bold",
        transform=axes.transAxes,
    )  # fmt: skip
    axes.text(
        0.0, 0.88, listed, va="top", fontsize=9, color=_INK, linespacing=1.4,
        transform=axes.transAxes,
    )  # fmt: skip
    legend = (
        "Maps are as the camera sees the person. Blue: visited, the darker the more often; "
        f"red: in reach, not visited.{more}"
    )
    axes.text(
        0.0, 0.0, fill(legend, line + 12), va="top", fontsize=8, color=_BODY,
        transform=axes.transAxes,
    )  # fmt: skip
