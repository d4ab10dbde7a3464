"""Check a whole session: every finding, uncapped, and flags of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from ..core.files.file_io import FileIO
from ..core.memory.freed import give_back_freed
from .filters.settings import FilterSettings
from .findings import Finding
from .plane_verdicts import PlaneVerdicts
from .row_flags import BodyFlags, FrameFlags, body_flags, frame_flags
from .session_findings import find_all
from .session_lag import KnownLag, measure_lags, take_lags
from .session_tables import SessionTables, read_tables
from .session_takes import Take, split_takes


@dataclass(frozen=True)
class SessionFlags:
    """Flags and findings of a session, without its tables.

    Attributes:
        bodies: Flags of its tracked bodies.
        frames: Flags of its colour frames.
        findings: All findings.
    """

    bodies: BodyFlags
    frames: FrameFlags
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class SessionChecks:
    """Results of the checks of one session.

    Attributes:
        tables: Its tables.
        takes: Its takes.
        findings: All of them.
    """

    tables: SessionTables
    takes: list[Take]
    findings: tuple[Finding, ...]

    @cached_property
    def bodies(self) -> BodyFlags:
        """Flags of its tracked bodies."""
        return body_flags(self.takes)

    @cached_property
    def frames(self) -> FrameFlags:
        """Flags of its colour frames."""
        return frame_flags(self.takes, self.findings)

    def flags(self) -> SessionFlags:
        """Return the flags and findings alone, without the tables."""
        return SessionFlags(self.bodies, self.frames, self.findings)


def check_session(
    folder: Path,
    io: FileIO | None = None,
    *,
    lag: bool = True,
    thorough: bool = False,
    settings: FilterSettings | None = None,
    lags: Mapping[int, KnownLag] | None = None,
    every_plane: bool = False,
    verdicts: PlaneVerdicts | None = None,
) -> SessionChecks:
    """Check a session: sealed, left by a killed recorder, or damaged. Nothing is changed.

    Args:
        folder: Its folder.
        io: File handling.
        lag: Decode some of the images to measure how late the joints are.
        thorough: Look for late joints wherever hands move, not in a part of it, and at all masks
            and depth images: a minute an hour, and 3 ms for each image that is stored with both.
        settings: Thresholds of the filters; None: the defaults.
        every_plane: Look at all masks and depth images, without being thorough about lags.
        lags: Lags by take that are known; then no picture is decoded.
        verdicts: What masks and depth images say of each body, where that is known; then none is
            decoded. Not taken where they are of other bodies or thresholds.

    Raises:
        SessionError: There is no session, or its session.json can't be read.
    """
    io = io or FileIO()
    # joints of a sensor may be anywhere, at infinity too; what can't be measured becomes NaN
    with np.errstate(all="ignore"):
        every = thorough or every_plane
        if verdicts is not None and not verdicts.hold_for(settings or FilterSettings()):
            verdicts = None
        tables = read_tables(folder, io, settings, thorough=every, verdicts=verdicts)
        if verdicts is not None and len(verdicts.bits) != len(tables.people):
            tables = read_tables(folder, io, settings, thorough=every)
        give_back_freed()
        takes = split_takes(tables)
        if lags is not None:
            take_lags(takes, lags)
        elif lag:
            measure_lags(takes, io, thorough=thorough)
        give_back_freed()
        findings = tuple(find_all(tables, takes))
        give_back_freed()
        return SessionChecks(tables, takes, findings)
