"""The settings of the daemon."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

DEFAULT_PORT: Final = 8734
COMMAND: Final = "kincap daemon"


@dataclass(frozen=True)
class DaemonSettings:
    """The source that the daemon holds open, and its folder and port.

    Attributes:
        source: A text for ``open_source``.
        streams: Of "color", "bodies", "mask", "depth"; (): the usual ones of the source.
        recordings: The folder of all sessions.
        port: The port on the loopback; None: the usual one, or a free one where that is in use.
        pre_roll_s: Seconds before a start that a recording may keep.
    """

    source: str = "kinect"
    streams: tuple[str, ...] = ()
    recordings: Path = Path("recordings")
    port: int | None = None
    pre_roll_s: float = 0.0
