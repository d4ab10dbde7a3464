"""Sessions: their names, their folder, session.json, and who is recording into one."""

import contextlib
import fnmatch
import json
import os
import re
import socket
import uuid
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, get_origin

from .. import __version__
from ..core.checked_json import dump_checked, is_whole, load_checked, mend_bit, parse_json
from ..core.errors import SessionError, SessionLockedError
from ..core.files.acknowledgements import Phase, phase
from ..core.files.file_io import FileIO, LockFile
from ..core.sensor_shape import SensorShape, shape_from_json
from .info_checks import odd_device, odd_names, odd_take
from .manifest import SHARD_NAME
from .manifest import append_manifest as append_manifest
from .manifest import read_manifest as read_manifest
from .schema import FORMAT_VERSION, ColorFlag, EventKind
from .shard.layout import Layout

SESSION_FILE: Final = "session.json"
LOCK_FILE: Final = "lock"
HOLDER_FILE: Final = "lock.json"

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def check_session_name(name: str) -> str:
    """Return a session's name, checked to be a safe folder name on every system.

    Raises:
        SessionError: It is not; says what a name may be.
    """
    if not _NAME.fullmatch(name) or ".." in name or name.endswith("."):
        raise SessionError(
            f"session name {name!r}: expected 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a "
            "letter or digit, without '..' and without a dot at the end"
        )
    if _DEVICES.fullmatch(name):
        raise SessionError(f"session name {name!r}: Windows keeps this name for a device")
    return name


def session_folder(recordings: Path, name: str) -> Path:
    """Return where a session of this name lies or would lie.

    Args:
        recordings: The folder of all sessions; need not exist.
        name: The session's name.

    Raises:
        SessionError: No allowed name, or one that differs from an existing one by case alone.
    """
    check_session_name(name)
    if recordings.is_dir():
        for other in os.listdir(recordings):
            if other != name and other.casefold() == name.casefold():
                raise SessionError(
                    f"session name {name!r}: {recordings / other} differs by upper and lower case "
                    "alone; take another name"
                )
    return recordings / name


def find_sessions(recordings: Path, pattern: str = "*") -> list[str]:
    """Return the names of the sessions in a folder, sorted.

    Args:
        recordings: The folder of all sessions.
        pattern: A glob that names must match.
    """
    if not recordings.is_dir():
        return []
    return sorted(
        name
        for name in os.listdir(recordings)
        if _NAME.fullmatch(name)
        and fnmatch.fnmatchcase(name, pattern)
        and (recordings / name / SESSION_FILE).is_file()
    )


def shard_names(folder: Path) -> list[str]:
    """Return the file names of a session's shards, in order."""
    return sorted(name for name in os.listdir(folder) if SHARD_NAME.fullmatch(name))


def next_shard_number(folder: Path) -> int:
    """Return the number behind every shard that there is, or was before a repair."""
    numbers = [int(name[:6]) for name in os.listdir(folder) if SHARD_NAME.match(name)]
    numbers += [int(name[:6]) for name in read_manifest(folder)]
    return max(numbers, default=-1) + 1


@dataclass
class SessionInfo:
    """What session.json says.

    Attributes:
        name: The session's name.
        uuid: Made once; stands in every shard.
        created_utc: ISO 8601, ends with Z.
        subject: Who is recorded.
        outfit: What the person wears; the session's name where nobody said.
        note: Free text.
        tags: Free words.
        consent: What the person agreed to.
        source: How it was recorded: kind, uri.
        device: id, color_size_px [w, h], mirrored, depth_intrinsics, projection, times, shape.
        settings: The recorder's settings.
        takes: One for each uninterrupted run: take, wall_utc_ns, host_ns, device_100ns, source.
        layouts: Layouts of its shards, as JSON.
        event_kinds: Names of the numbers in events.
        flag_bits: Names of the bits in flags.
        kincap_version: Which kincap made it.
        format_version: Version of the format.
    """

    name: str
    uuid: str
    created_utc: str
    subject: str = ""
    outfit: str = ""
    note: str = ""
    tags: list[str] = field(default_factory=list)
    consent: str = ""
    source: dict[str, Any] = field(default_factory=dict)
    device: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    takes: list[dict[str, Any]] = field(default_factory=list)
    layouts: list[dict[str, Any]] = field(default_factory=list)
    event_kinds: dict[str, int] = field(default_factory=lambda: {k.name: int(k) for k in EventKind})
    flag_bits: dict[str, int] = field(
        default_factory=lambda: {f.name or "": int(f) for f in ColorFlag}
    )
    kincap_version: str = __version__
    format_version: int = FORMAT_VERSION

    def device_says(self, key: str) -> Any:
        """Return what is said of the device.

        Raises:
            SessionError: Nothing; whoever made session.json left it out.
        """
        if key not in self.device:
            raise SessionError(f"{self.name}: {SESSION_FILE} does not say device.{key}")
        return self.device[key]

    @property
    def shape(self) -> SensorShape:
        """The shape of the sensor; a Kinect v2's where nothing is said of it."""
        size = self.device.get("color_size_px")
        return shape_from_json(self.device.get("shape"), (size[0], size[1]) if size else None)

    def layout(self, layout_id: str) -> Layout | None:
        """Return one of its layouts by id.

        Raises:
            ShardError: What session.json holds under the id is no layout.
        """
        for kept in self.layouts:
            if kept.get("id") == layout_id:
                return Layout.from_json(kept, where=SESSION_FILE)
        return None

    def add_layout(self, layout: Layout) -> None:
        """Keep a layout, once."""
        if all(kept.get("id") != layout.id for kept in self.layouts):
            self.layouts.append(layout.to_json())


def new_session(name: str, **known: Any) -> SessionInfo:
    """Return the info of a session that begins now.

    Args:
        name: Its name.
        known: Other fields of SessionInfo; outfit defaults to the name.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {**known, "outfit": known.get("outfit") or name}
    return SessionInfo(check_session_name(name), str(uuid.uuid4()), now, **known)


def load_session(folder: Path, *, strict: bool = True) -> SessionInfo:
    """Read session.json.

    Args:
        folder: The session's folder.
        strict: Whether its checksum must hold; without it, what can still be read does.

    Raises:
        SessionError: There is none, it is damaged, or of another version.
    """
    path = folder / SESSION_FILE
    try:
        kept = load_checked(path.read_bytes(), strict=strict)
    except FileNotFoundError as err:
        raise SessionError(f"{folder}: no session here (no {SESSION_FILE})") from err
    except OSError as err:
        raise SessionError(f"{path}: {err.strerror or err}") from err
    except ValueError as err:
        raise SessionError(
            f"{path}: damaged ({err}); kincap sessions repair {folder.name} mends it"
        ) from err
    version = kept.get("format_version")
    if version != FORMAT_VERSION:
        raise SessionError(
            f"{path}: session version {version}, this kincap reads {FORMAT_VERSION}; upgrade kincap"
        )
    known = {f.name for f in fields(SessionInfo)}
    try:
        info = SessionInfo(**{key: value for key, value in kept.items() if key in known})
    except TypeError as err:
        raise SessionError(f"{path}: damaged ({err})") from err
    problem = _odd_field(info)
    if problem:
        raise SessionError(f"{path}: {problem}")
    check_session_name(info.name)
    return info


def _odd_field(info: SessionInfo) -> str | None:
    """Say which field of a session.json that somebody else made has a wrong type, or None."""
    for f in fields(SessionInfo):
        value = getattr(info, f.name)
        expected: Any = get_origin(f.type) or f.type
        if type(value) is not expected:
            return f"{f.name} is of type {type(value).__name__}, expected {expected.__name__}"
    if not all(isinstance(item, dict) for item in (*info.takes, *info.layouts)):
        return "takes or layouts hold something else than objects"
    problems = [*map(odd_take, info.takes), odd_device(info.device)]
    problems += [odd_names("event_kinds", info.event_kinds), odd_names("flag_bits", info.flag_bits)]
    return next(filter(None, problems), None)


def save_session(folder: Path, info: SessionInfo, io: FileIO | None = None) -> None:
    """Write session.json, whole or not at all.

    Args:
        folder: The session's folder, its lock held.
        info: What it says.
        io: File handling.
    """
    phase(Phase.SAVE_BEGIN)
    (io or FileIO()).write_atomic(folder / SESSION_FILE, dump_checked(asdict(info), lines=True))
    phase(Phase.SAVE_END)


def check_session_file(folder: Path) -> str | None:
    """Return what is damaged in session.json, or None."""
    try:
        raw = (folder / SESSION_FILE).read_bytes()
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
    raw = path.read_bytes()
    if is_whole(raw):
        return True
    whole = mend_bit(raw)
    if whole is None:
        return False
    (io or FileIO()).write_atomic(path, whole)
    return True


class SessionLock:
    """Held by whoever records into a session or repairs it.

    Args:
        folder: The session's folder; must exist.
        io: File handling.
    """

    def __init__(self, folder: Path, io: FileIO | None = None) -> None:
        self.folder = folder
        self._io = io or FileIO()
        self._lock = LockFile(folder / LOCK_FILE)

    def acquire(self, command: str, *, must_say: bool = True) -> Self:
        """Lock the session.

        Args:
            command: What holds it, for others to be told.
            must_say: Whether lock.json has to be written; without it, a full disk is no hindrance.

        Raises:
            SessionLockedError: Another process holds it; says who.
            OSError: The folder can't be written; the lock is not held.
        """
        if not self._lock.try_acquire():
            raise SessionLockedError(f"{self.folder}: locked by {_who(holder(self.folder))}")
        try:
            about = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "command": command,
                "since": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
            self._io.write_atomic(self.folder / HOLDER_FILE, json.dumps(about).encode())
        except BaseException as error:
            if isinstance(error, OSError) and not must_say:
                return self
            self.release()
            raise
        return self

    def release(self) -> None:
        """Free the session."""
        # a lock.json that stays holds nobody up: the lock alone counts
        with contextlib.suppress(OSError):
            self._io.discard(self.folder / HOLDER_FILE)
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def holder(folder: Path) -> dict[str, Any] | None:
    """Return what lock.json says (pid, host, command, since); None where it says nothing."""
    try:
        about = parse_json((folder / HOLDER_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    return about if isinstance(about, dict) else None


def _who(about: dict[str, Any] | None) -> str:
    """Return the holder of a lock in words."""
    if about is None:
        return "another process"
    return "process {} on {} ({}, since {})".format(
        *(about.get(key, "?") for key in ("pid", "host", "command", "since"))
    )


def is_recording(folder: Path) -> bool:
    """Say whether a process holds the session's lock now."""
    return LockFile(folder / LOCK_FILE).is_held()
