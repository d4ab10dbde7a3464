"""The sessions of the daemon's folder, each read once until it changes."""

import threading
from pathlib import Path
from typing import Any

from ...sessions.folders import find_folders
from ...sessions.summary import RECORDING, summarise

Signature = tuple[tuple[str, int, int], ...]


class SessionCounts:
    """Summaries of sessions; called by one thread at a time.

    Args:
        recordings: The folder of all sessions.
    """

    def __init__(self, recordings: Path) -> None:
        self._recordings = recordings
        self._known: dict[str, tuple[Signature, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def read(self) -> list[dict[str, Any]]:
        """Return the sessions as ``kincap sessions list --json`` prints them, by name."""
        with self._lock:
            known, found = self._known, {}
            for folder in find_folders(self._recordings):
                signature = _signature(folder)
                if folder.name in known and known[folder.name][0] == signature:
                    found[folder.name] = known[folder.name]
                    continue
                summary = summarise(folder)
                # tables grow inside files that keep their size and name
                kept = () if summary.state == RECORDING else signature
                found[folder.name] = (kept, summary.to_json())
            self._known = found
            return [about for _, about in found.values()]


def _signature(folder: Path) -> Signature:
    """Return names, sizes and times of a session's files; another one where any has changed."""
    entries = []
    for path in sorted(folder.iterdir()):
        try:
            status = path.lstat()
        except OSError:
            continue
        entries.append((path.name, status.st_size, status.st_mtime_ns))
    return tuple(entries)
