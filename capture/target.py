"""The session that is recorded into: check that the source fits, fill session.json."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..core.errors import SessionError
from ..core.files.file_io import TEMPORARY
from ..core.jpeg import QUALITY, RESTART_INTERVAL
from ..core.sensor_shape import SensorShape
from ..sessions.device import Device
from ..sessions.folders import SESSION_FILE, shard_names
from ..sessions.info import SessionInfo, new_session
from ..sessions.lock import HOLDER_FILE, LOCK_FILE
from ..sessions.session_file import load_session
from .settings import RecordSettings
from .sources.sensor import Sensor, SensorInfo

LEFT_BY_A_LOCK = frozenset((LOCK_FILE, HOLDER_FILE))
"""Files that may be in a folder although no session has begun in it."""
LEFT_BY_A_KILL = LEFT_BY_A_LOCK | {name + TEMPORARY for name in (HOLDER_FILE, SESSION_FILE)}
"""The same, after a recorder was killed while it began."""


def check_target(folder: Path, settings: RecordSettings, sensor: Sensor) -> None:
    """Check that a source can be recorded into a folder; nothing is written.

    Args:
        folder: The session's folder; need not exist.
        settings: The settings of the recording.
        sensor: The opened source.

    Raises:
        SessionError: The source does not fit into what is there (exit 2).
    """
    played = getattr(sensor, "folder", None)
    if played is not None and folder.exists() and folder.samefile(played):
        raise SessionError(f"{folder}: a session can't be replayed into itself; take another name")
    if not folder.exists():
        _check_way(folder)
        return
    if not folder.is_dir():
        raise SessionError(f"{folder}: a file is in the way of the session's folder")
    if (folder / SESSION_FILE).is_file():
        _check_fit(folder, load_session(folder), settings, sensor.info)
    elif set(os.listdir(folder)) - LEFT_BY_A_KILL:
        mend = f"kincap sessions repair {folder.name}, or " if shard_names(folder) else ""
        raise SessionError(f"{folder}: holds files but no {SESSION_FILE}; {mend}take another name")


def _check_way(folder: Path) -> None:
    """Raise SessionError if a new folder can't be made because something else is there."""
    if folder.is_symlink():
        raise SessionError(f"{folder}: a link that leads nowhere; delete it or take another name")
    above = next((path for path in folder.parents if path.exists()), None)
    if above is not None and not above.is_dir():
        raise SessionError(
            f"{above}: is not a folder; --recordings names the folder of all sessions"
        )


def _check_fit(
    folder: Path, there: SessionInfo, settings: RecordSettings, source: SensorInfo
) -> None:
    """Raise SessionError if the source does not fit to the session's earlier recordings."""
    found = (there.size_px, there.mirrored)
    given = (source.color_size_px, source.mirrored)
    if found != given:
        words = [
            f"{size[0]}x{size[1]}, {'mirrored' if mirrored else 'not mirrored'}"
            for size, mirrored in (found, given)
        ]
        raise SessionError(
            f"{folder}: holds images of {words[0]}; the source gives {words[1]}; take another name"
        )
    shapes = [_shape_words(shape) for shape in (there.shape, source.shape)]
    if there.shape.to_json() != source.shape.to_json():
        raise SessionError(
            f"{folder}: holds {shapes[0]}; the source gives {shapes[1]}; take another name"
        )
    for name in ("subject", "outfit", "consent"):
        before, now = getattr(there, name), getattr(settings, name)
        if before and now and before != now:
            raise SessionError(
                f"{folder}: has {name} {before!r}, --{name} says {now!r}; take another name"
            )


def _shape_words(shape: SensorShape) -> str:
    """Return a sensor's shape in words."""
    width, height = shape.plane_size_px
    return (
        f"{shape.bodies} bodies of {shape.joints} joints ({shape.skeleton.name}), "
        f"masks of {width}x{height}, a tick of {shape.tick_100ns / 1e4:.3f} ms"
    )


def info_of_new(settings: RecordSettings, source: SensorInfo) -> SessionInfo:
    """Return the session.json of a session that begins with this recording."""
    return new_session(
        settings.session,
        subject=settings.subject or source.subject,
        outfit=settings.outfit or source.outfit,
        note=settings.note,
        tags=_distinct((*source.tags, *settings.tags)),
        consent=settings.consent,
        source={"kind": source.kind, "uri": source.uri},
        device=Device(
            id=source.device_id,
            color_size_px=(int(source.color_size_px[0]), int(source.color_size_px[1])),
            mirrored=source.mirrored,
            depth_intrinsics=source.depth_intrinsics,
            depth_projection=source.depth_projection,
            projection=source.projection,
            times=source.times,
            shape=source.shape,
        ),
        settings={
            "codec": "jpeg",
            "quality": QUALITY,
            "restart_interval": RESTART_INTERVAL,
            "shard_mib": settings.shard_mib,
        },
    )


def add_to(info: SessionInfo, settings: RecordSettings) -> None:
    """Fill in fields that are empty in an existing session; others stay as they are."""
    info.subject = info.subject or settings.subject
    info.consent = info.consent or settings.consent
    info.tags = _distinct((*info.tags, *settings.tags))


def _distinct(tags: Iterable[str]) -> list[str]:
    """Return each tag once, without those of spaces only."""
    return [tag for tag in dict.fromkeys(tags) if tag.strip()]


def origin_of_takes(settings: RecordSettings, source: SensorInfo, *, again: bool) -> dict[str, Any]:
    """Return the fields of a take in session.json besides its number and clocks."""
    origin = {"source": source.uri, "device_id": source.device_id, "times": source.times}
    return {**origin, "note": settings.note} if again and settings.note else origin
