"""The contents of session.json, as an object."""

import uuid
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from .. import __version__
from ..core.errors import SessionError
from ..core.sensor_shape import SensorShape, shape_from_json
from .device import Device
from .folders import SESSION_FILE, check_session_name
from .schema import FORMAT_VERSION, ColorFlag, EventKind
from .shard.layout import Layout


@dataclass
class SessionInfo:
    """Content of session.json.

    Attributes:
        name: The session's name.
        uuid: Made once; is in every shard.
        created_utc: ISO 8601, ends with Z.
        subject: Who is recorded.
        outfit: What the person wears; the session's name if it was not given.
        note: Free text.
        tags: Free words.
        consent: What the person agreed to.
        source: How it was recorded: kind, uri.
        device: The sensor, and how its images are to be read.
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
    device: Device = field(default_factory=Device)
    settings: dict[str, Any] = field(default_factory=dict)
    takes: list[dict[str, Any]] = field(default_factory=list)
    layouts: list[dict[str, Any]] = field(default_factory=list)
    event_kinds: dict[str, int] = field(default_factory=lambda: {k.name: int(k) for k in EventKind})
    flag_bits: dict[str, int] = field(
        default_factory=lambda: {f.name or "": int(f) for f in ColorFlag}
    )
    kincap_version: str = __version__
    format_version: int = FORMAT_VERSION

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height of the colour images, pixels.

        Raises:
            SessionError: session.json does not say it.
        """
        if self.device.color_size_px is None:
            raise self._silent("color_size_px")
        return self.device.color_size_px

    @property
    def mirrored(self) -> bool:
        """Return True if the images are stored as a mirror shows them.

        Raises:
            SessionError: session.json does not say it.
        """
        if self.device.mirrored is None:
            raise self._silent("mirrored")
        return self.device.mirrored

    def _silent(self, key: str) -> SessionError:
        """Return the error about a key of the device that is missing."""
        return SessionError(
            f"{self.name}: {SESSION_FILE} does not say device.{key}; restore it from a copy"
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as session.json holds it."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**said, "device": self.device.to_json()}

    @property
    def shape(self) -> SensorShape:
        """The shape of the sensor; a Kinect v2's where nothing is said of it."""
        if self.device.shape is not None:
            return self.device.shape
        return shape_from_json(None, self.device.color_size_px)

    @property
    def is_bodies_alone(self) -> bool:
        """Return True if it was recorded without a colour stream, in all its recordings."""
        tables = [layout.get("tables", {}) for layout in self.layouts]
        return bool(tables) and not any("color_index" in names for names in tables)

    def layout(self, layout_id: str) -> Layout | None:
        """Return one of its layouts by id.

        Raises:
            ShardError: The layout under the id in session.json is not valid.
        """
        for kept in self.layouts:
            if kept.get("id") == layout_id:
                return Layout.from_json(kept, where=SESSION_FILE)
        return None

    def add_layout(self, layout: Layout) -> None:
        """Keep a layout, once."""
        if all(kept.get("id") != layout.id for kept in self.layouts):
            self.layouts.append(layout.to_json())
            # an older kincap must not take a session for its own that has newer shards
            self.format_version = max(self.format_version, layout.version)


def new_session(name: str, **known: Any) -> SessionInfo:
    """Return the info of a session that begins now.

    Args:
        name: Its name.
        known: Other fields of SessionInfo; outfit defaults to the name.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {**known, "outfit": known.get("outfit") or name}
    return SessionInfo(check_session_name(name), str(uuid.uuid4()), now, **known)
