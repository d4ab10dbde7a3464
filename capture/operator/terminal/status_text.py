"""A recording's status in words: figures, troubles, one plain line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from ...live.status import LiveStatus, State

DROPPED_LIMIT: Final = 0.01
"""A larger share of the last 10 s that is lost is trouble."""
_DISK_LIMIT_MIN: Final = 10.0
_SLOW_FPS: Final = 5.0
_SETTLED_S: Final = 3.0
"""Rates of a recording that has just begun mean nothing."""

STATE_WORDS: Final[dict[State, str]] = {
    "waiting": "waiting",
    "countdown": "starting",
    "recording": "recording",
    "paused": "paused",
    "ending": "saving",
    "idle": "idle",
}

Mood = Literal["plain", "odd", "bad"]


@dataclass(frozen=True)
class StatusFigure:
    """One figure of the dashboard.

    Attributes:
        label: What it is of.
        text: Its value with its unit.
        mood: bad: something must be done; odd: worth a look.
    """

    label: str
    text: str
    mood: Mood = "plain"


def clock_text(seconds: float) -> str:
    """Return a duration as 1:23 or 1:02:03."""
    minutes, rest = divmod(int(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def troubles(status: LiveStatus) -> list[str]:
    """Return what the person should come and look at, the worst first."""
    found = []
    if status.dropped_share_10s > DROPPED_LIMIT:
        found.append(f"{_percent(status.dropped_share_10s)} dropped in 10 s")
    if status.disk_minutes_left is not None and status.disk_minutes_left < _DISK_LIMIT_MIN:
        found.append(f"disk full in {status.disk_minutes_left:.0f} min")
    if status.state == "recording" and status.elapsed_s > _SETTLED_S:
        silent = [
            name
            for name, fps in (("colour", status.color_fps), ("bodies", status.body_fps))
            if fps < _SLOW_FPS
        ]
        # a source may have one stream only
        if len(silent) == 2 or (silent == ["colour"] and status.color_frames):
            found.append("no colour")
    if status.low_light:
        found.append("low light")
    return found


def figures(status: LiveStatus) -> list[StatusFigure]:
    """Return the figures of the dashboard, in the order in which they are shown."""
    shown = [
        _stream("colour", status.color_fps, status.color_frames),
        _stream("bodies", status.body_fps, status.body_frames),
        _people(status.bodies),
        _dropped(status.dropped, status.dropped_share_10s),
        _joints(status),
        StatusFigure("pairs", _or_dash(status.pair_residual_ms, "{:.1f} ms apart")),
        StatusFigure(
            "light", "low" if status.low_light else "good", _mood(status.low_light, "odd")
        ),
        _disk(status.disk_minutes_left),
    ]
    if status.not_stored:
        shown.append(StatusFigure("not stored", f"{status.not_stored:,} (waiting or paused)"))
    return shown


def plain_line(status: LiveStatus) -> str:
    """Return the status in one line, for logs and pipes."""
    parts = [f"{STATE_WORDS[status.state]} {clock_text(status.elapsed_s)}"]
    parts += [f"{figure.label} {figure.text}" for figure in figures(status)]
    if status.coverage:
        parts.append(f"coverage {status.coverage}")
    if status.card is not None:
        parts.append(f"cue {status.card['name']}")
    trouble = "; ".join(troubles(status))
    start = f"{status.session}: " + (f"TROUBLE: {trouble}; " if trouble else "")
    return start + ", ".join(parts)


def big_words(status: LiveStatus) -> str:
    """Return the one thing that the person must be able to read from three metres."""
    if status.state in ("waiting", "countdown"):
        return status.note or STATE_WORDS[status.state]
    if status.state == "recording":
        return clock_text(status.elapsed_s)
    return STATE_WORDS[status.state]


def _stream(label: str, fps: float, stored: int) -> StatusFigure:
    return StatusFigure(label, f"{fps:.1f} fps, {stored:,} stored")


def _people(bodies: int) -> StatusFigure:
    text = "no one seen" if bodies == 0 else f"{bodies} tracked"
    return StatusFigure("people", text, _mood(bodies != 1, "odd"))


def _joints(status: LiveStatus) -> StatusFigure:
    if status.tracked_share is None or status.inferred_share is None:
        return StatusFigure("joints", "-")
    text = f"{status.tracked_share:.0%} tracked, {status.inferred_share:.0%} inferred"
    return StatusFigure(
        "joints", text.replace("%", " %"), _mood(status.inferred_share > 0.3, "odd")
    )


def _dropped(dropped: Mapping[str, int], share: float) -> StatusFigure:
    count = sum(dropped.values())
    if not count:
        return StatusFigure("dropped", "0")
    reasons = ", ".join(
        f"{n:,} {reason.removeprefix('drop_').replace('_', ' ')}" for reason, n in dropped.items()
    )
    text = f"{count:,} ({reasons}), {_percent(share)} in 10 s"
    return StatusFigure("dropped", text, "bad" if share > DROPPED_LIMIT else "odd")


def _disk(minutes: float | None) -> StatusFigure:
    text = _or_dash(minutes, "{:,.0f} min left")
    return StatusFigure(
        "disk", text, _mood(minutes is not None and minutes < _DISK_LIMIT_MIN, "bad")
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _mood(is_so: bool, mood: Mood) -> Mood:
    return mood if is_so else "plain"
