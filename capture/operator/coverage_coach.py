"""The coverage coach: where wrists and elbows have been so far, in short, while recording."""

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...checks.coverage.grid import CoverageGrid
from ...core.skeleton import KINECT_V2_SKELETON
from ..live.status import LiveStatus
from ..sources.sensor import SensorInfo

_ROWS_AT_ONCE: Final = 15
"""Rows are added together: one alone costs ten times its share."""
_FRAMES_TO_JUDGE: Final = 150
"""With fewer frames everything is missing."""


class CoverageCoach:
    """Counts the body rows of a live source that are stored; an ``Observer``."""

    def __init__(self) -> None:
        self._grid = CoverageGrid(KINECT_V2_SKELETON)
        self._rows: list[npt.NDArray[Any]] = []
        self._is_live = self._is_stored = False
        self._short = ""

    def begin(self, info: SensorInfo) -> None:
        """Learn which joints the sensor has; a file is not coached."""
        self._is_live = info.live
        self._grid = CoverageGrid(info.shape.skeleton)

    def on_color(self, frame_seq: int, device_ns: int) -> None:
        """Note whether what comes is stored."""
        self._is_stored = self._is_live and frame_seq >= 0

    def on_bodies(self, rows: npt.NDArray[Any]) -> None:
        """Count a body row that is stored."""
        if not self._is_stored:
            return
        self._rows.append(rows)
        if len(self._rows) < _ROWS_AT_ONCE:
            return
        self._grid.add(np.concatenate(self._rows))
        self._rows.clear()
        if self._grid.frames >= _FRAMES_TO_JUDGE:
            self._short = self._grid.short()

    def complete(self, status: LiveStatus) -> LiveStatus:
        """Return the status with the coverage in short."""
        return replace(status, coverage=self._short)
