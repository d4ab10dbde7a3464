"""Coverage of sessions, one by one and together: ``kincap sessions coverage`` without the command.

The coverage in quality.json is used if it belongs to the session's present state; otherwise body
rows are read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..checks.coverage.grid import CoverageGrid
from ..checks.coverage.session_coverage import session_coverage
from ..core.errors import KincapError, SessionError
from ..sessions.folders import NOT_READABLE, find_folders, may_read, shard_names
from ..sessions.lock import is_recording
from ..sessions.manifest import read_manifest
from .quality import load_quality, manifest_sha256

OnSession = Callable[[int, int, str], None]
"""Called with the sessions done, their number, and the name of the next one."""


@dataclass
class CoverageReport:
    """Coverage of some sessions.

    Attributes:
        sessions: By name the coverage of each.
        together: That of all of them.
        problems: Sessions that were left out, and why.
    """

    sessions: dict[str, CoverageGrid] = field(default_factory=dict)
    together: CoverageGrid = field(default_factory=CoverageGrid)
    problems: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The sessions in a few words."""
        names = list(self.sessions)
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        return f"Coverage of {shown}: {self.together.frames:,} bodies"

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap sessions coverage --json`` prints it."""
        return {
            "schema": "kincap/coverage/1",
            "sessions": {name: grid.to_json() for name, grid in self.sessions.items()},
            "together": self.together.to_json(),
            "problems": self.problems,
        }


def coverage(
    recordings: Path, names: Sequence[str] = (), on_session: OnSession | None = None
) -> CoverageReport:
    """Return the coverage of sessions; nothing is changed.

    Args:
        recordings: The folder of all sessions.
        names: Sessions; none: all. One that was asked for must be readable.
        on_session: Called before each session and after the last.

    Raises:
        SessionError: One asked for is not there or can't be read, or there is none at all.
    """
    folders = find_folders(recordings, names)
    report = CoverageReport()
    for number, folder in enumerate(folders):
        if on_session is not None:
            on_session(number, len(folders), folder.name)
        try:
            if not may_read(folder):
                raise SessionError(f"{folder}: {NOT_READABLE}")
            grid = kept_coverage(folder) or session_coverage(folder)
        except KincapError as error:
            if names:
                raise
            report.problems.append(str(error))
            continue
        report.sessions[folder.name] = grid
        report.together.merge(grid)
    if on_session is not None:
        on_session(len(folders), len(folders), "")
    if not report.sessions:
        why = "; ".join(report.problems) or "kincap record --session NAME makes one"
        raise SessionError(f"{recordings}: no session to take the coverage of: {why}")
    return report


def kept_coverage(folder: Path) -> CoverageGrid | None:
    """Return the coverage that quality.json has; None if it is not of the session as it is."""
    if is_recording(folder) or set(shard_names(folder)) != set(read_manifest(folder)):
        return None
    kept = load_quality(folder)
    if kept is None or kept.get("manifest_sha256") != manifest_sha256(folder):
        return None
    try:
        return CoverageGrid.from_json(kept["coverage"])
    except (KeyError, ValueError):
        return None  # of an earlier kincap, or of another one with other cells
