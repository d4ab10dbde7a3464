"""PCK against its threshold, drawn as SVG: Linna et al. 2016, figure 4."""

from collections.abc import Mapping
from html import escape
from typing import Final

import numpy as np

from ...dataset.report_page.markup import Markup
from ..metrics.pck import curve
from .figures import Hits

HIGHEST: Final = 0.5
"""Last threshold of the chart, a share of the torso."""
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _RIGHT, _TOP = 480, 300, 44, 40, 12, 10
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")
"""Okabe and Ito's colours, told apart by people who see few colours; on light and dark."""
_DASHES: Final = ("", "6 3", "2 3")
_LINE_PX: Final = 18


def curve_chart(lines: Mapping[str, tuple[Hits, tuple[int, ...] | None]]) -> Markup:
    """Return a chart with a curve for each name.

    Args:
        lines: By name what is counted, and the keypoints of the curve (None: all).
    """
    height = _HEIGHT + _LINE_PX * ((len(lines) + 1) // 2)
    parts = [_axes()]
    for n, (name, (hits, keypoints)) in enumerate(lines.items()):
        colour = _COLOURS[n % len(_COLOURS)]
        dash = _DASHES[n // len(_COLOURS) % len(_DASHES)]
        style = f'fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dash}"'
        parts.append(f'<polyline {style} points="{_points(hits, keypoints)}"/>')
        x, y = _LEFT + 215 * (n % 2), _HEIGHT + _LINE_PX * (n // 2) + 8
        parts.append(f'<line {style} x1="{x}" y1="{y}" x2="{x + 24}" y2="{y}"/>')
        short = name if len(name) <= 28 else "..." + name[-25:]
        parts.append(f'<text x="{x + 30}" y="{y + 4}">{escape(short)}</text>')
    label = escape("PCK by threshold: " + ", ".join(lines))
    return Markup(
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" fill="currentColor" font-size="12">'
        f"{''.join(parts)}</svg>"
    )


def _points(hits: Hits, keypoints: tuple[int, ...] | None) -> str:
    """Return the places of a curve, nothing where nothing is counted."""
    columns = slice(None) if keypoints is None else list(keypoints)
    at, share = curve(hits.distance[:, columns], hits.torso, hits.used[:, columns], HIGHEST)
    if np.isnan(share).any():
        return ""
    at, share = np.append(0.0, at), np.append(0.0, share)
    return " ".join(f"{_x(a):.1f},{_y(p):.1f}" for a, p in zip(at, share, strict=True))


def _x(threshold: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * threshold / HIGHEST


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * share / 100


def _axes() -> str:
    """Return the grid with its numbers and the titles of the axes."""
    parts = []
    grid = 'stroke="currentColor" stroke-opacity="0.2"'
    for share in range(0, 101, 20):
        y = _y(share)
        parts.append(f'<line {grid} x1="{_LEFT}" y1="{y}" x2="{_WIDTH - _RIGHT}" y2="{y}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{share}</text>')
    for tenth in range(6):
        x = _x(tenth / 10)
        parts.append(f'<line {grid} x1="{x}" y1="{_y(0)}" x2="{x}" y2="{_y(100)}"/>')
        parts.append(f'<text x="{x}" y="{_y(0) + 16}" text-anchor="middle">{tenth / 10:g}</text>')
    middle = _x(HIGHEST / 2)
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 8}" text-anchor="middle">'
        "threshold, share of the torso; PCK in %</text>"
    )
    return "".join(parts)
