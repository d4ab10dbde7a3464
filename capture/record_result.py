"""The result of a recording, as the caller and ``kincap record --json`` get it."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import KincapError
from ..report.quality import summary


@dataclass
class RecordResult:
    """Counts, files and times of one recording.

    Attributes:
        session: The session's name.
        path: Its folder.
        color_frames: Colour frames stored by this recording.
        body_frames: Body rows stored.
        mask_frames: Masks stored.
        depth_frames: Depth images stored.
        dropped: Lost items by reason.
        not_stored: Items by stream that came while recording was paused.
        shards: How many shards were written.
        duration_s: Time that its takes cover by the source's clock, s.
        wall_s: From asking for the first item until the last row was written, s; the sealing of
            the last shard comes after that.
        handed_over: Items that the source gave, by stream: stored, dropped and not stored together.
        bodies_seen: Body rows in which a body was tracked.
        takes: How many takes were recorded.
        color_bytes: Size of the stored images.
        bytes: Size of the session's files, earlier recordings included.
        shard_names: The shards' file names.
        recovered: Shards of an earlier, killed recording that were sealed first.
        warnings: Lines that were shown to the person, in order.
        timing_ms: p50, p95, p99, max in ms of hand_over (the source thread per item),
            hand_over_wait (the part of it spent on getting a place in a queue), append (blob and
            row of a frame), sensor_to_disk (from hand-over until the row is written).
        stopped: Whether Ctrl-C or a signal ended it before the source's end or a limit.
        error: The reason for which it ended early; None: it ended well.
        report: The content of quality.json; None: it could not be made.
        quality_file: Path of quality.json; None: it was not written.
    """

    session: str
    path: Path
    color_frames: int
    body_frames: int
    mask_frames: int
    depth_frames: int
    dropped: dict[str, int]
    shards: int
    duration_s: float
    wall_s: float
    handed_over: dict[str, int]
    bodies_seen: int
    takes: int
    color_bytes: int
    bytes: int
    shard_names: list[str]
    recovered: list[str]
    warnings: list[str]
    timing_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    stopped: bool = False
    error: str | None = None
    not_stored: dict[str, int] = field(default_factory=dict)
    report: dict[str, Any] | None = None
    quality_file: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap record --json`` prints it."""
        said = {name: value for name, value in vars(self).items() if name != "report"}
        quality = None if self.report is None else summary(self.report)
        return {"schema": "kincap/record/1", **said, "path": str(self.path), "quality": quality}


class RecordError(KincapError):
    """A recording ended badly after it had begun; what was stored is kept.

    Attributes:
        result: What was recorded until then.
    """

    exit_code = 1

    def __init__(self, message: str, result: RecordResult) -> None:
        super().__init__(message)
        self.result = result
