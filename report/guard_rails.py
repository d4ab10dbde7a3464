"""Guard rails over the sessions of a folder: warnings where two of them contradict each other.

    alarms = folder_alarms(recordings)  # all sessions
    alarms = session_alarms(recordings / "clothing3")  # one, against the earlier ones

Signatures come from quality.json, so nothing is decoded here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from ..checks.alike.compare import Alarm, SessionLook, alarms_about, alarms_among
from ..checks.alike.signature import signature_from_json
from ..core.errors import KincapError
from ..sessions.folders import find_folders, may_read
from ..sessions.info import SessionInfo
from ..sessions.session_file import load_session
from .quality import load_quality


def session_look(info: SessionInfo, quality: Mapping[str, Any]) -> SessionLook:
    """Return what is compared of a session.

    Args:
        info: Its session.json.
        quality: Its report.
    """
    return SessionLook(
        name=info.name,
        created_utc=info.created_utc,
        outfit=info.outfit or info.name,
        device=_sensor_of(info),
        size_px=info.device.color_size_px,
        mirrored=info.device.mirrored,
        signature=signature_from_json(quality.get("signature")),
    )


def _sensor_of(info: SessionInfo) -> str | None:
    """Return the sensor's identity; None where the source only had the name of its file."""
    kind, _, file = str(info.source.get("uri", "")).partition(":")
    named_after_file = f"{kind}:{PurePath(file.partition(',')[0]).stem}"
    return None if info.device.id == named_after_file else info.device.id or None


def folder_looks(recordings: Path, names: Sequence[str] = ()) -> list[SessionLook]:
    """Return what is compared of the sessions of a folder.

    A session without a report, or whose session.json can't be read, is left out.

    Args:
        recordings: The folder of all sessions.
        names: Sessions; none: all.
    """
    looks = []
    for folder in find_folders(recordings, names):
        quality = load_quality(folder) if may_read(folder) else None
        if quality is None:
            continue
        try:
            info = load_session(folder, strict=False)
        except KincapError:
            continue
        if quality.get("uuid") == info.uuid:
            looks.append(session_look(info, quality))
    return looks


def folder_alarms(recordings: Path, names: Sequence[str] = ()) -> list[Alarm]:
    """Return the warnings about some sessions of a folder and each other.

    Args:
        recordings: The folder of all sessions.
        names: Sessions; none: all.
    """
    return alarms_among(folder_looks(recordings, names))


def session_alarms(folder: Path, quality: Mapping[str, Any]) -> list[Alarm]:
    """Return the warnings about a session and the earlier ones beside it.

    Args:
        folder: Its folder.
        quality: Its report, kept or not.

    Raises:
        KincapError: Its session.json can't be read.
        OSError: The folder of the sessions can't be read.
    """
    others = [look for look in folder_looks(folder.parent) if look.name != folder.name]
    return alarms_about(session_look(load_session(folder, strict=False), quality), others)


def alarm_lines(folder: Path, quality: Mapping[str, Any] | None) -> list[str]:
    """Return the warnings at the end of a recording, which nothing in other sessions may spoil.

    Args:
        folder: Its folder.
        quality: Its report; None: there is none.
    """
    if quality is None:
        return []
    try:
        return [alarm.line() for alarm in session_alarms(folder, quality)]
    except Exception as error:
        what = error if isinstance(error, KincapError | OSError) else repr(error)
        return [f"{folder}: not compared with other sessions ({what})"]
