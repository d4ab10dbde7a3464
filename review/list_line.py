"""A session's line in the list of the page."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ..report.quality import load_quality
from ..sessions.schema import Stream
from ..sessions.summary import summarise

QUALITIES: Final = ("good", "usable", "poor", "damaged", "empty")
"""First words of a report's verdict."""


def read_line(folder: Path, without_folder: Callable[[str], str]) -> dict[str, Any]:
    """Return a session's line in the list: what ``kincap sessions list`` says, and more.

    Args:
        folder: The session's folder.
        without_folder: Takes the folder that all paths begin with out of a text.
    """
    summary = summarise(folder)
    line = bare_line(folder.name, summary.state, None)
    info = summary.info
    if info is not None:
        line |= {
            "uuid": info.uuid,
            "subject": info.subject,
            "outfit": info.outfit,
            "note": info.note,
            "tags": [str(tag) for tag in summary.tags],
            "created_utc": info.created_utc,
            "pictures": not info.is_bodies_alone,
        }
    return line | {
        "problem": without_folder("; ".join(summary.problems)) or None,
        "frames": summary.items[Stream.color if line["pictures"] else Stream.bodies],
        "duration_s": summary.duration_s,
        "bytes": summary.bytes,
        "rejected": summary.rejected,
        "dropped": dict(summary.dropped),
        **_verdict_of(folder),
    }


def bare_line(name: str, state: str, problem: str | None) -> dict[str, Any]:
    """Return the line of a session of which nothing is known."""
    return {
        "name": name, "uuid": "", "state": state, "problem": problem, "frames": 0,
        "pictures": True, "duration_s": 0.0, "bytes": 0, "subject": "", "outfit": "", "note": "",
        "tags": [], "created_utc": "", "rejected": 0, "dropped": {}, "quality": "", "verdict": "",
    }  # fmt: skip


def _verdict_of(folder: Path) -> dict[str, str]:
    """Return how good the report calls a recording: a word and a line; empty without a report."""
    quality = load_quality(folder)
    text = "" if quality is None else str(quality.get("verdict", ""))
    word = text.partition(":")[0].partition(" ")[0]
    return {"quality": word if word in QUALITIES else "", "verdict": text}
