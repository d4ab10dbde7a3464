"""What ``kincap record`` is asked for, and what of it makes no sense."""

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import KincapError
from ..sessions.folders import check_session_name
from ..sessions.shard.layout import MAX_SHARD_MIB, MIN_SHARD_MIB


@dataclass(frozen=True)
class RecordSettings:
    """What is to be recorded, and where to.

    Attributes:
        session: The session's name; one that exists gets another take.
        recordings: The folder of all sessions.
        source: What ``open_source`` takes.
        streams: Of "color", "bodies", "mask", "depth"; (): what the source gives by itself.
        frames: End after so many colour frames were handed over; None: no limit.
        duration_s: End after so many seconds of the source's clock; None: no limit.
        shard_mib: Size of a shard, MiB.
        subject: Who is recorded; "": what the source or the session says.
        outfit: What the person wears, likewise.
        note: Free text about this recording.
        tags: Free words, added to the session's.
        consent: What the person agreed to.
        encoders: Encoder threads; None: as many as suit the machine.
        strict: Refuse a source in which opening it found something lost or damaged.
        report: Whether to work out at the end how good the session is.
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
    """Check what was asked for, before anything is opened or written.

    Raises:
        KincapError: A setting makes no sense; names its flag (exit 2).
    """
    # before the source: who mistypes a name should not first be sent to look for a sensor
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
