"""The state of a recording that runs, as dashboards, pages and scripts show it."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["waiting", "countdown", "recording", "paused", "ending", "idle"]


@dataclass(frozen=True)
class LiveStatus:
    """A recording at one moment; made about twice a second.

    Attributes:
        state: waiting: for ``start``; countdown: set by whoever counts down; recording; paused;
            ending: drains and seals; idle: no recording.
        session: Name of the session; "" while idle.
        take: Number of the present take; -1 before the first.
        elapsed_s: Recorded by the source's clock, s; pauses don't count.
        color_fps: Colour frames a second that the source gave over the last 2 s or so.
        body_fps: Body rows, likewise.
        color_frames: Colour frames stored.
        body_frames: Body rows stored.
        dropped: Lost items by reason.
        dropped_share_10s: Share of the items of the last 10 s that were lost, 0 to 1.
        bodies: Bodies tracked in the last row.
        tracked_share: Share of tracked joints of all joints of tracked bodies, last 2 s, 0 to 1;
            None: no body.
        inferred_share: Share of inferred joints, likewise.
        pair_residual_ms: Median time between a colour frame and the nearest body row, last 2 s;
            None: unknown.
        low_light: The sensor gives colour at half its rate.
        disk_minutes_left: Minutes until the disk is full at the present rate; None: unknown.
        not_stored: Items that came while waiting, paused or between sessions.
        note: A word for the person; "" for nothing.
        cue: Name of the cue that is shown; "" for none.
        coverage: Coverage in short; "" where it isn't measured.
        card: The cue card that is shown: name, text, number, cards, repetition, repetitions, phase
            ("ready" before it begins, then "on"), left_s, next (name of the next one, ""); None:
            no card.
    """

    state: State = "idle"
    session: str = ""
    take: int = -1
    elapsed_s: float = 0.0
    color_fps: float = 0.0
    body_fps: float = 0.0
    color_frames: int = 0
    body_frames: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    dropped_share_10s: float = 0.0
    bodies: int = 0
    tracked_share: float | None = None
    inferred_share: float | None = None
    pair_residual_ms: float | None = None
    low_light: bool = False
    disk_minutes_left: float | None = None
    not_stored: int = 0
    note: str = ""
    cue: str = ""
    coverage: str = ""
    card: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as an object for JSON, with a ``schema`` key."""
        return {"schema": "kincap/live/1", **asdict(self)}
