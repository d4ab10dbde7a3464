"""Measure a running recording: rates, drops, bodies and the rest of ``LiveStatus``."""

import shutil
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.skeleton import TrackingState
from ...core.units import MS_100NS, SECOND_NS
from ...sessions.schema import ROW_HEAD

WINDOW_NS: Final = 2 * SECOND_NS
"""Rates, bodies and pairs are those of this much host time."""
DROPS_NS: Final = 10 * SECOND_NS
_MOST_ITEMS: Final = 128
_RATE_FROM_NS: Final = SECOND_NS
"""A rate is worked out from this much time on."""


@dataclass(frozen=True)
class BodyShares:
    """The bodies of the last rows: how many in the newest one, shares of joints by state."""

    bodies: int
    tracked: float | None
    inferred: float | None


class StreamMeter:
    """Notes items as they come (source thread) and sums them up when asked (any one thread)."""

    def __init__(self) -> None:
        self._color: deque[tuple[int, int]] = deque(maxlen=_MOST_ITEMS)
        self._bodies: deque[tuple[int, npt.NDArray[Any]]] = deque(maxlen=_MOST_ITEMS)
        self._sums: deque[tuple[int, int, int]] = deque()
        self._sizes: deque[tuple[int, int]] = deque()

    def color(self, time_device: int, now_ns: int) -> None:
        """Note a colour frame: device time (100 ns), host time now (ns)."""
        self._color.append((now_ns, time_device))

    def bodies(self, row: npt.NDArray[Any], now_ns: int) -> None:
        """Note a body row, (1,)."""
        self._bodies.append((now_ns, row))

    def fps(self, now_ns: int) -> tuple[float, float]:
        """Return colour frames and body rows a second."""
        return (
            _rate([ns for ns, _ in tuple(self._color)], now_ns),
            _rate([ns for ns, _ in tuple(self._bodies)], now_ns),
        )

    def body_shares(self, now_ns: int) -> BodyShares:
        """Return how many bodies there are, and how well their joints are tracked."""
        rows = [row for ns, row in tuple(self._bodies) if now_ns - ns <= WINDOW_NS]
        if not rows:
            return BodyShares(0, None, None)
        table = np.concatenate(rows)
        present = table["tracked"] == 1
        states = table["joint_state"][present]
        bodies = int(present[-1].sum())
        if not states.size:
            return BodyShares(bodies, None, None)
        tracked = float((states == TrackingState.tracked).mean())
        return BodyShares(bodies, tracked, float((states == TrackingState.inferred).mean()))

    def pair_residual_ms(self, now_ns: int) -> float | None:
        """Return the median time from a colour frame to the nearest body row, ms."""
        color = [time for ns, time in tuple(self._color) if now_ns - ns <= WINDOW_NS]
        rows = [row for ns, row in tuple(self._bodies) if now_ns - ns <= WINDOW_NS]
        if not color or not rows:
            return None
        bodies = np.sort([ROW_HEAD.unpack_from(row.data)[2] for row in rows])
        at = np.searchsorted(bodies, color).clip(1, max(len(bodies) - 1, 1))
        nearest = np.minimum(
            np.abs(bodies[at - 1] - color), np.abs(bodies[np.minimum(at, len(bodies) - 1)] - color)
        )
        return float(np.median(nearest)) / MS_100NS

    def dropped_share(self, handed: int, dropped: int, now_ns: int) -> float:
        """Return the share of items lost in the last ``DROPS_NS``.

        Args:
            handed: Items that the source gave, from the start.
            dropped: Those of them that were lost.
            now_ns: Host time.
        """
        self._sums.append((now_ns, handed, dropped))
        while now_ns - self._sums[0][0] > DROPS_NS:
            self._sums.popleft()
        _, handed_then, dropped_then = self._sums[0]
        if len(self._sums) == 1:
            handed_then = dropped_then = 0
        return (dropped - dropped_then) / max(handed - handed_then, 1)

    def disk_minutes_left(self, folder: Path, written: int, now_ns: int) -> float | None:
        """Return the minutes until the disk is full at the rate of the last 10 s.

        Args:
            folder: A folder on that disk.
            written: Bytes that this recording has stored.
            now_ns: Host time.
        """
        self._sizes.append((now_ns, written))
        while now_ns - self._sizes[0][0] > DROPS_NS:
            self._sizes.popleft()
        began_ns, before = self._sizes[0]
        if now_ns - began_ns < _RATE_FROM_NS or written <= before:
            return None
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            return None
        rate = (written - before) / (now_ns - began_ns) * SECOND_NS
        return free / rate / 60


def _rate(came_ns: list[int], now_ns: int) -> float:
    """Return the items a second of the last ``WINDOW_NS``, by the times at which they came."""
    recent = [ns for ns in came_ns if now_ns - ns <= WINDOW_NS]
    if len(recent) < 2:
        return 0.0
    # a stream that has fallen silent slows down: the time until now counts
    span_ns = max(recent[-1] - recent[0], now_ns - recent[0] - (recent[-1] - recent[-2]))
    return (len(recent) - 1) / max(span_ns, 1) * SECOND_NS
