"""Guide through a protocol: the next recording, and the screen that announces it."""

from typing import TYPE_CHECKING, Any, Final

from .cues import load_cues
from .protocol import ProtocolProgress, StepProgress
from .terminal.block_letters import block_letters
from .terminal.status_text import clock_text

if TYPE_CHECKING:
    from rich.text import Text

_LARGE_ROWS: Final = 7
_MARKS: Final = {"done": ("✓", "green"), "next": ("▶", "bold cyan"), "problem": ("!", "bold red")}
_ASCII_MARKS: Final = {"✓": "x", "▶": ">", "·": "."}


def recording_of(step: StepProgress) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is recorded for a session: the frames that it lacks.

    It starts when the person is in the zone, and ends with its frames or when the person leaves
    the view, which makes a break.

    Returns:
        Fields of ``RecordSettings`` and of ``HandsFree``.
    """
    asked = {
        "session": step.step.session,
        "frames": step.frames_left,
        "outfit": step.step.outfit,
        "tags": ("test",) if step.step.is_test else (),
    }
    hands_free = {
        "start_when": "body",
        "stop_when": "lost",
        "cues": load_cues(step.step.cues) if step.step.cues else None,
        "cues_again": True,
    }
    return asked, hands_free


def protocol_screen(progress: ProtocolProgress, *, width: int, ascii_only: bool = False) -> "Text":
    """Draw the sessions of a protocol and what to do next.

    Args:
        progress: How far it is.
        width: Columns there are.
        ascii_only: The terminal has no other characters.
    """
    from rich.text import Text

    text = Text()
    text.append(progress.protocol.title, "bold")
    if progress.protocol.text:
        text.append(f"\n{progress.protocol.text}", "dim")
    text.append("\n")
    longest = max(len(one.step.session) for one in progress.steps)
    for one in progress.steps:
        text.append("\n")
        text.append_text(_line(one, progress, longest, ascii_only))
    after = progress.next_step
    if after is not None:
        text.append_text(_next(after, width, ascii_only))
    return text


def _line(one: StepProgress, progress: ProtocolProgress, longest: int, ascii_only: bool) -> "Text":
    """Return the line of a session."""
    from rich.text import Text

    state = "next" if one is progress.next_step else one.state
    mark, style = _MARKS.get(state, ("·", ""))
    wanted = one.step.frames
    line = Text(f" {_ASCII_MARKS[mark] if ascii_only and mark != '!' else mark} ", style)
    line.append(f"{one.step.session.ljust(longest)}  ", style)
    line.append(f"{one.frames:>7,} of {wanted:>7,} frames  {_bar(one, ascii_only)}")
    line.append(f" {100 * min(1.0, one.frames / wanted):3.0f} %")
    if one.step.is_test:
        line.append("  test", "magenta")
    if one.problem:
        line.append(f"  {one.problem}", "red")
    return line


def _bar(one: StepProgress, ascii_only: bool) -> str:
    full, empty = ("#", "-") if ascii_only else ("█", "░")
    return (full * int(10 * min(1.0, one.frames / one.step.frames))).ljust(10, empty)


def _next(step: StepProgress, width: int, ascii_only: bool) -> "Text":
    """Return what to do for the next session."""
    from rich.text import Text

    text = Text("\n\n")
    outfit = step.step.outfit
    large = block_letters(outfit, width - 4, _LARGE_ROWS, ascii_only=ascii_only)
    text.append("Put on the outfit:\n\n", "bold")
    text.append("\n".join(f"  {line}" for line in large or [outfit]), "bold cyan")
    more = f", again as {step.step.session}" if outfit != step.step.session else ""
    text.append(f"\n\n{outfit}{more}. {step.step.text}".rstrip())
    cues = f", cue cards: {step.step.cues}" if step.step.cues else ""
    text.append(
        f"\n{step.frames_left:,} frames, {clock_text(60 * step.minutes_left)} of recording{cues}."
    )
    text.append("\nIt starts when you stand in front of the sensor, and ends when you walk away.")
    return text
