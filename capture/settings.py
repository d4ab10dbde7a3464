"""The settings of ``kincap record`` and their check."""

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import KincapError
from ..sessions.folders import check_session_name
from ..sessions.shard.layout import MAX_SHARD_MIB, MIN_SHARD_MIB


@dataclass(frozen=True)
class RecordSettings:
    """The source, the session and the limits of a recording.

    Attributes:
        session: The session's name; one that exists gets another take.
        recordings: The folder of all sessions.
        source: A text for ``open_source``.
        streams: Of "color", "bodies", "mask", "depth"; (): the usual ones of the source.
        frames: Number of colour frames after which it ends; None: no limit.
        duration_s: Seconds of the source's clock after which it ends; None: no limit.
        shard_mib: Size of a shard, MiB.
        subject: The person recorded; "": as the source or the session says.
        outfit: The person's clothing, likewise.
        note: Free text about this recording.
        tags: Free words, added to the session's.
        consent: Text about the person's consent.
        encoders: Number of encoder threads; None: as the machine suggests.
        strict: Refuse a source in which opening it found something lost or damaged.
        report: True: report on the quality of the session at the end.
    """

    session: str
    recordings: Path = Path("recordings")
    source: str = "kinect"
    streams: tuple[str, ...] = ()
    frames: int | None = None
    duration_s: float | None = None
    shard_mib: int = 512
    subject: str = ""
    outfit: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    consent: str = ""
    encoders: int | None = None
    strict: bool = False
    report: bool = True


def check_settings(settings: RecordSettings) -> None:
    """Check the settings before anything is opened or written.

    Raises:
        KincapError: A setting makes no sense; names its flag (exit 2).
    """
    # before the source: a mistyped name should not first send the person to look for a sensor
    check_session_name(settings.session)
    if settings.frames is not None and settings.frames < 1:
        raise KincapError(f"--frames {settings.frames}: expected 1 or more")
    if settings.duration_s is not None and not 0 < settings.duration_s < float("inf"):
        raise KincapError(f"--duration {settings.duration_s}: expected seconds, more than 0")
    if settings.frames is not None and settings.duration_s is not None:
        raise KincapError("--frames and --duration: both given, expected one of them")
    if not MIN_SHARD_MIB <= settings.shard_mib <= MAX_SHARD_MIB:
        raise KincapError(
            f"--shard-mib {settings.shard_mib}: expected {MIN_SHARD_MIB} to {MAX_SHARD_MIB} MiB"
        )
