"""The report as a picture: a session along time, a lane for each kind of finding, the coverage."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..checks.coverage.grid import CoverageGrid
from ..core.errors import KincapError
from ..core.files.file_io import FileIO
from ..core.files.output_folder import check_file_name
from ..sessions.kinds import KINDS, Group
from .coverage_picture import PANELS, draw_map, draw_missing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .series import TakeSeries

_READABLE: Final = 0o644
_WIDTH_IN: Final = 14.0
_PANEL_IN: Final = 1.45
_LANE_IN: Final = 0.25
_DPI: Final = 110
_MAPS_IN: Final = 2.6
_COLUMNS: Final = 6
"""Four maps of the coverage; what is missing takes two."""
_MISSING: Final = 7
_PAUSE_S: Final = 1.0
"""Room between two takes."""
_LEAST_SHARE: Final = 0.004
"""Width of a finding of one moment, as a share of the whole."""

_LABEL_SHARE: Final = 0.05
"""Length of a take's label, as a share of the whole."""
_LABEL_LINES: Final = 3
_LABEL_POINTS: Final = 9
_UNTINTED: Final = ("several_bodies", "no_body", "guessed_keypoint", "implausible_figure")
"""Kinds that may last all the time: their tint would cover all others."""

_INK: Final = "#333333"
_COLOR: Final = "#2166ac"
_BODIES: Final = "#d6604d"
_GROUP_COLORS: Final[dict[Group, str]] = {
    "sensor and clock": "#7b3294",
    "times and pairs": "#e08214",
    "light": "#b59d00",
    "people": "#1b7837",
    "pose": "#2a8fa8",
    "lost or damaged": "#b2182b",
}


def check_plot(path: Path) -> None:
    """Refuse a file that can't be an image.

    Raises:
        KincapError: Another ending than .png, or no folder to put it into.
    """
    check_file_name("--plot", path, (".png",))


def draw_report(folder: Path, quality: Mapping[str, Any], path: Path) -> None:
    """Draw a session's report.

    Args:
        folder: The session's folder.
        quality: Its report.
        path: The picture, PNG.

    Raises:
        SessionError: The session can't be read.
        KincapError: The picture can't be written (exit 1); none is left half written.
    """
    from matplotlib.figure import Figure

    from .series import session_series

    grid = _coverage(quality)

    takes = session_series(folder)
    starts = _starts(takes)
    length = max(starts[-1] + takes[-1].end_s if takes else 1.0, 1.0)
    kinds = list(dict.fromkeys(finding["kind"] for finding in quality["findings"]))
    lanes = max(len(kinds), 1)
    heights = [_PANEL_IN, _PANEL_IN, _PANEL_IN, _LANE_IN * lanes + 0.1]
    rows = [*heights, _MAPS_IN] if grid is not None else heights
    figure = Figure(figsize=(_WIDTH_IN, sum(rows) + 1.9), dpi=_DPI, layout="constrained")
    cells = figure.add_gridspec(len(rows), _COLUMNS, height_ratios=rows)
    panels = [figure.add_subplot(cells[0, :])]
    panels += [figure.add_subplot(cells[row, :], sharex=panels[0]) for row in (1, 2, 3)]
    figure.suptitle(
        f"{quality['session']}: {quality['verdict']}", x=0.01, ha="left", color=_INK, fontsize=13
    )
    _draw_rates(panels[0], takes, starts)
    _draw_residuals(panels[1], takes, starts)
    _draw_guessed(panels[2], takes, starts)
    times = [quality["kinds"][kind]["times"] for kind in kinds]
    begins = {take.take: start for take, start in zip(takes, starts, strict=True)}
    _draw_lanes(panels, quality["findings"], kinds, times, begins, length)
    _dress(panels, takes, starts, length)
    if grid is not None:
        for number, limb in enumerate(PANELS):
            draw_map(figure.add_subplot(cells[len(rows) - 1, number]), grid, limb)
        draw_missing(figure.add_subplot(cells[len(rows) - 1, len(PANELS) :]), grid, _MISSING, 50)
    image = BytesIO()
    figure.savefig(image, format="png")
    try:
        FileIO().write_atomic(path, image.getvalue(), _READABLE, unique=True)
    except OSError as error:
        raise KincapError(
            f"--plot {path}: {error.strerror or error}; the report is whole, only its picture is "
            "missing; make room or name another file",
            exit_code=1,
        ) from error


def _coverage(quality: Mapping[str, Any]) -> CoverageGrid | None:
    """Return the coverage of a report; None where no place was known."""
    try:
        grid = CoverageGrid.from_json(quality["coverage"])
    except (KeyError, ValueError):
        return None  # of an earlier kincap
    return grid if any(grid.limb_frames.values()) else None


def _starts(takes: "Sequence[TakeSeries]") -> list[float]:
    """Return where each take begins on the common axis, seconds."""
    starts, at = [], 0.0
    for take in takes:
        starts.append(at)
        at += take.end_s + _PAUSE_S
    return starts


def _draw_rates(axes: "Axes", takes: "Sequence[TakeSeries]", starts: Sequence[float]) -> None:
    """Draw items a second of both streams."""
    for index, (take, start) in enumerate(zip(takes, starts, strict=True)):
        for name, color, wide in (("color", _COLOR, 2.2), ("bodies", _BODIES, 1.2)):
            axes.stairs(
                take.fps[name], start + take.edge_s, baseline=None, color=color, lw=wide,
                label=name if not index else None,
            )  # fmt: skip
    axes.set_ylabel("items / s")
    axes.set_ylim(bottom=0)
    if takes:
        axes.legend(loc="lower left", ncols=2, fontsize=8, framealpha=0.9)


def _draw_residuals(axes: "Axes", takes: "Sequence[TakeSeries]", starts: Sequence[float]) -> None:
    """Draw the distance in time of image and body."""
    for take, start in zip(takes, starts, strict=True):
        axes.plot(start + take.frame_s, take.residual_ms, ".", ms=2.5, color=_INK)
    axes.axhspan(-16.7, 16.7, color="#000000", alpha=0.04, lw=0)
    axes.set_ylim(-20, 20)
    axes.set_yticks([-16.7, 0, 16.7])
    axes.set_ylabel("body minus\nimage, ms")


def _draw_guessed(axes: "Axes", takes: "Sequence[TakeSeries]", starts: Sequence[float]) -> None:
    """Draw the share of keypoints that are guesses."""
    import numpy as np

    for take, start in zip(takes, starts, strict=True):
        share = np.nan_to_num(100 * take.guessed)
        axes.stairs(share, start + take.edge_s, fill=True, color=_BODIES, alpha=0.55)
    axes.set_ylim(0, 100)
    axes.set_yticks([0, 50, 100])
    axes.set_ylabel("keypoints\nguessed, %")


def _draw_lanes(
    panels: "Sequence[Axes]",
    findings: Sequence[Mapping[str, Any]],
    kinds: Sequence[str],
    times: Sequence[int],
    starts: Mapping[int, float],
    length: float,
) -> None:
    """Draw a bar for each finding in the lane of its kind, and its span through all panels."""
    lanes = panels[-1]
    for finding in findings:
        start = starts.get(finding["take"])
        if start is None or finding["start_s"] is None:
            continue
        least = _LEAST_SHARE * length
        wide = max(finding["end_s"] - finding["start_s"], least)
        color = _group(finding["kind"])[1]
        row = len(kinds) - 1 - kinds.index(finding["kind"])
        lanes.broken_barh([(start + finding["start_s"], wide)], (row - 0.36, 0.72), color=color)
        for panel in panels[:-1] if finding["kind"] not in _UNTINTED else ():
            at = start + finding["start_s"]
            panel.axvspan(at, at + wide, color=color, alpha=0.12, lw=0, zorder=0)
    names = [f"{kind} ({count})" if count > 1 else kind
             for kind, count in zip(kinds, times, strict=True)]  # fmt: skip
    lanes.set_yticks(range(len(kinds)), names[::-1], fontsize=9)
    lanes.set_ylim(-0.6, max(len(kinds), 1) - 0.4)
    lanes.tick_params(axis="y", length=0)
    if not kinds:
        lanes.text(0.5, 0.5, "nothing found", transform=lanes.transAxes, ha="center", va="center")
    _add_legend(lanes, kinds)


def _group(kind: str) -> tuple[str, str]:
    """Return the group of a kind and its colour; of a kind of a later kincap the first one's."""
    group: Group = KINDS[kind].group if kind in KINDS else "sensor and clock"
    return group, _GROUP_COLORS[group]


def _add_legend(axes: "Axes", kinds: Sequence[str]) -> None:
    """Add a legend of the colours that occur below the lanes."""
    from matplotlib.patches import Patch

    groups = dict(_group(kind) for kind in kinds)
    if groups:
        handles = [Patch(color=color, label=group) for group, color in groups.items()]
        axes.figure.legend(
            handles=handles, loc="outside lower right", ncols=len(handles), fontsize=8
        )


def _dress(
    panels: "Sequence[Axes]",
    takes: "Sequence[TakeSeries]",
    starts: Sequence[float],
    length: float,
) -> None:
    """Mark the takes, and make all panels alike."""
    for panel in panels:
        panel.set_xlim(-0.01 * length, 1.01 * length)
        panel.grid(axis="x", color="#000000", alpha=0.08)
        panel.tick_params(labelsize=8, colors=_INK)
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
        panel.tick_params(labelbottom=panel is panels[-1])
        for start in starts[1:]:
            panel.axvline(start - _PAUSE_S / 2, color=_INK, lw=0.8, ls=":")
    if len(takes) > 1:
        for place, line in label_lines(starts, length):
            panels[0].annotate(
                f"take {takes[place].take}", (starts[place], 1.0),
                xycoords=("data", "axes fraction"), xytext=(2, 2 + _LABEL_POINTS * line),
                textcoords="offset points", fontsize=8, color=_INK,
            )  # fmt: skip
    panels[-1].set_xlabel("seconds" if len(takes) < 2 else "seconds, takes one after another")


def label_lines(starts: Sequence[float], length: float) -> list[tuple[int, int]]:
    """Return in which line above the plot each take's label has room.

    Args:
        starts: Where each take begins, seconds.
        length: Of the whole axis, seconds.

    Returns:
        Place of a take and its line; a take without room has no label.
    """
    ends = [-length] * _LABEL_LINES
    found = []
    for place, start in enumerate(starts):
        line = next((line for line, end in enumerate(ends) if end <= start), None)
        if line is not None:
            ends[line] = start + _LABEL_SHARE * length
            found.append((place, line))
    return found
