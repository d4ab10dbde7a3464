"""Check what a client asks for: the settings of a recording, texts, a cue."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...core.errors import KincapError
from ...core.valid_text import valid_text
from ..operator.conductor import HandsFree
from ..operator.cues import deck_from_json
from ..settings import RecordSettings
from .settings import DaemonSettings

_TEXTS: Final = ("subject", "outfit", "note", "consent")
_SWITCHES: Final = ("strict", "report")
_HANDS_FREE: Final = ("countdown_s", "start_when", "stop_when", "cues", "cues_again")
_KEYS: Final = {"session", "recordings", "source", "streams", "frames", "duration_s"} | {
    *_TEXTS, *_SWITCHES, *_HANDS_FREE, "shard_mib", "tags",
}  # fmt: skip
MOST_TEXT: Final = 4000


def settings_asked(body: Mapping[str, Any], daemon: DaemonSettings) -> RecordSettings:
    """Return the settings of a recording that a client asks for.

    Args:
        body: Fields of ``RecordSettings``; what is left out or null is as usual.
        daemon: The daemon's own settings; a source, streams or folder that differ are refused.

    Raises:
        KincapError: A key is unknown, a value is of the wrong kind, or it is another source.
    """
    said = _given(body)
    if unknown := sorted(set(said) - _KEYS):
        raise KincapError(f"{unknown[0]}: the daemon does not know this setting; update both")
    _check_same(said, daemon)
    settings = RecordSettings(
        session=text_in(said, "session"),
        recordings=daemon.recordings,
        source=daemon.source,
        streams=daemon.streams,
    )
    changes: dict[str, Any] = {key: text_in(said, key) for key in _TEXTS if key in said}
    for key in _SWITCHES:
        if key in said:
            changes[key] = _of_kind(said, key, bool)
    for key in ("frames", "shard_mib"):
        if key in said:
            changes[key] = _of_kind(said, key, int)
    if "duration_s" in said:
        changes["duration_s"] = _seconds(said, "duration_s")
    if "tags" in said:
        tags = _of_kind(said, "tags", list)
        changes["tags"] = tuple(text_in({"tag": tag}, "tag") for tag in tags)
    return replace(settings, **changes)


def hands_free_asked(body: Mapping[str, Any]) -> HandsFree:
    """Return what starts, guides and ends a recording that a client asks for.

    Args:
        body: Fields of ``HandsFree``; what is left out or null is as usual.

    Raises:
        KincapError: A value is of the wrong kind, or makes no sense.
    """
    said = {"countdown_s": 0, "cues_again": False, **_given(body)}
    asked = HandsFree(
        countdown_s=_seconds(said, "countdown_s"),
        start_when=text_in(said, "start_when"),
        stop_when=text_in(said, "stop_when"),
        cues=deck_from_json(said["cues"]) if "cues" in said else None,
        cues_again=_of_kind(said, "cues_again", bool),
    )
    asked.check()
    return asked


@dataclass(frozen=True)
class ShownCue:
    """A cue card that is shown now.

    Attributes:
        name: Its name.
        phase: "begin" or "end".
        text: The words for the person who is recorded.
        repetition: Which one it is, from 1; 0 where there is only one.
        seconds: How long it is shown, s; 0: unknown.
    """

    name: str
    phase: str
    text: str = ""
    repetition: int = 0
    seconds: float = 0.0


def cue_asked(body: Mapping[str, Any]) -> ShownCue:
    """Return the cue that a client shows.

    Raises:
        KincapError: A value is of the wrong kind.
    """
    cue = ShownCue(
        name=text_in(body, "name"),
        phase=text_in(body, "phase"),
        text=text_in(body, "text"),
        repetition=_of_kind({"repetition": 0, **body}, "repetition", int),
        seconds=_seconds({"seconds": 0, **body}, "seconds"),
    )
    if not 0 <= cue.seconds < float("inf"):
        raise KincapError(f"seconds: found {cue.seconds}, expected 0 or more")
    if not cue.name or cue.phase not in ("begin", "end"):
        raise KincapError(
            f"cue {cue.name!r}, phase {cue.phase!r}: expected a name, and begin or end"
        )
    return cue


def text_in(body: Mapping[str, Any], key: str) -> str:
    """Return a text of a request; "" where it is left out.

    Raises:
        KincapError: It is not a text, or too long.
    """
    value = body.get(key, "")
    if not isinstance(value, str):
        raise KincapError(f"{key}: found {type(value).__name__}, expected a text")
    if len(value) > MOST_TEXT:
        raise KincapError(f"{key}: {len(value)} characters, expected at most {MOST_TEXT}")
    # half a character would break every answer that has it
    return valid_text(value)


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that are not null."""
    return {key: value for key, value in body.items() if value is not None}


def _seconds(body: Mapping[str, Any], key: str) -> float:
    """Return a time; infinity for a whole number that is too large for one."""
    value = _of_kind(body, key, (int, float))
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _of_kind(body: Mapping[str, Any], key: str, kind: Any) -> Any:
    value = body[key]
    # True is an int to Python
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise KincapError(f"{key}: found {value!r}, which is of the wrong kind")
    return value


def _check_same(said: Mapping[str, Any], daemon: DaemonSettings) -> None:
    """Refuse another source, other streams or another folder than the daemon's.

    Raises:
        KincapError: One differs; says what to do.
    """
    remedy = (
        "leave the flag out, end the daemon by kincap daemon stop and start it with this, or "
        "record without it by --standalone"
    )
    if said.get("source", daemon.source) != daemon.source:
        raise KincapError(
            f"--source {said['source']}: the daemon holds {daemon.source} open; {remedy}"
        )
    streams = tuple(said.get("streams", daemon.streams))
    if streams != daemon.streams:
        ours = ",".join(daemon.streams) or "the usual streams"
        raise KincapError(
            f"--streams {','.join(map(str, streams))}: the daemon records {ours}; {remedy}"
        )
    if "recordings" in said and Path(text_in(said, "recordings")) != daemon.recordings:
        raise KincapError(
            f"--recordings {said['recordings']}: the daemon records into {daemon.recordings}; "
            f"{remedy}"
        )
