"""Read, check, write and mend session.json."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, get_origin

from ..core.checked_json import dump_checked, is_whole, load_checked, mend_bit
from ..core.errors import SessionError
from ..core.files.acknowledgements import Phase, phase
from ..core.files.file_io import FileIO
from ..core.files.small_files import MIB, read_small
from .device import Device
from .folders import SESSION_FILE, check_session_name
from .info import SessionInfo
from .info_checks import odd_device, odd_names, odd_take
from .shard.versions import check_version


def _as_it_is(kept: dict[str, Any]) -> dict[str, Any]:
    """Return session.json of a version that has the same keys as today's."""
    return kept


MOST_BYTES: Final = 16 * MIB
"""Of session.json: room for 65,536 takes."""
_MOST_DAMAGED: Final = MIB
"""Largest file that is parsed although its checksum differs."""

READABLE: Final[dict[int, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    1: _as_it_is,
    2: _as_it_is,
}
"""Converters by version: they give session.json today's keys."""


def _parse(raw: bytes, *, strict: bool) -> dict[str, Any]:
    """Return the object of session.json; a large one that is not whole is not even parsed."""
    return load_checked(raw, strict=strict or len(raw) > _MOST_DAMAGED)


def load_session(folder: Path, *, strict: bool = True, folder_fd: int | None = None) -> SessionInfo:
    """Read session.json.

    Args:
        folder: The session's folder.
        strict: Whether its checksum must hold; without it, what can still be read does.
        folder_fd: The folder, see ``held_folder``; None takes the one that has this name.

    Raises:
        SessionError: There is none, it is damaged, or of another version.
    """
    path = folder / SESSION_FILE
    try:
        kept = _parse(read_small(path, MOST_BYTES, folder_fd), strict=strict)
    except FileNotFoundError as err:
        raise SessionError(f"{folder}: no session here (no {SESSION_FILE})") from err
    except OSError as err:
        raise SessionError(f"{path}: {err.strerror or err}") from err
    except ValueError as err:
        raise SessionError(
            f"{path}: damaged ({err}); kincap sessions repair {folder.name} mends it"
        ) from err
    version = kept.get("format_version")
    kept = READABLE[check_version(version, READABLE, f"{path}: session", SessionError)](kept)
    known = {f.name for f in fields(SessionInfo)}
    said = {key: value for key, value in kept.items() if key in known}
    problem = _odd_field(said)
    if problem:
        raise SessionError(f"{path}: {problem}")
    if "device" in said:
        said["device"] = Device.from_json(said["device"])
    try:
        info = SessionInfo(**said)
    except TypeError as err:
        raise SessionError(f"{path}: damaged ({err})") from err
    check_session_name(info.name)
    return info


def _odd_field(said: dict[str, Any]) -> str | None:
    """Return which field of a session.json has a wrong type or value, or None."""
    for f in fields(SessionInfo):
        expected: Any = dict if f.name == "device" else get_origin(f.type) or f.type
        if f.name in said and type(said[f.name]) is not expected:
            found = type(said[f.name]).__name__
            return f"{f.name} is of type {found}, expected {expected.__name__}"
    if not all(isinstance(tag, str) for tag in said.get("tags", [])):
        return "tags hold something else than text"
    takes, layouts = said.get("takes", []), said.get("layouts", [])
    if not all(isinstance(item, dict) for item in (*takes, *layouts)):
        return "takes or layouts hold something else than objects"
    problems = [*map(odd_take, takes), odd_device(said.get("device", {}))]
    problems += [odd_names(of, said.get(of, {})) for of in ("event_kinds", "flag_bits")]
    return next(filter(None, problems), None)


def save_session(folder: Path, info: SessionInfo, io: FileIO | None = None) -> None:
    """Write session.json, whole or not at all.

    Args:
        folder: The session's folder, its lock held.
        info: What it says.
        io: File handling.
    """
    phase(Phase.SAVE_BEGIN)
    (io or FileIO()).write_atomic(folder / SESSION_FILE, dump_checked(info.to_json(), lines=True))
    phase(Phase.SAVE_END)


def check_session_file(folder: Path) -> str | None:
    """Return what is damaged in session.json, or None."""
    try:
        raw = read_small(folder / SESSION_FILE, MOST_BYTES)
    except OSError as err:
        return f"can't be read ({err.strerror or err})"
    return None if is_whole(raw) else "its checksum differs"


def mend_session_file(folder: Path, io: FileIO | None = None) -> bool:
    """Put a single flipped bit of session.json back.

    Args:
        folder: The session's folder, its lock held.
        io: File handling.

    Returns:
        Whether the file is whole now; False where more than a bit is damaged.
    """
    path = folder / SESSION_FILE
    raw = read_small(path, MOST_BYTES)
    if is_whole(raw):
        return True
    whole = mend_bit(raw)
    if whole is None:
        return False
    (io or FileIO()).write_atomic(path, whole)
    return True
