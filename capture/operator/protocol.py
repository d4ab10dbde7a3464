"""A recording protocol: sessions in order, what is there of them, and what is missing.

What is there is read from the recordings themselves, so a protocol goes on after any break.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from ...core.errors import KincapError, SessionError
from ...core.units import TICK_S
from ...sessions.folders import SESSION_FILE, check_session_name, session_folder
from ...sessions.schema import Stream
from ...sessions.summary import summarise
from .cues import load_cues
from .toml_tables import Table, read_toml

_MOST_SESSIONS: Final = 200
_ENOUGH: Final = 0.99
"""Share of the frames from which a session is done: a recording may have dropped a few."""
_MOST_FRAMES: Final = 10_000_000

StepState = Literal["done", "begun", "to do", "problem"]


@dataclass(frozen=True)
class ProtocolStep:
    """One session of a protocol.

    Attributes:
        session: Its name.
        outfit: What the person wears.
        frames: Colour frames that are wanted, those that are rejected not counted.
        cues: Cue cards, as ``--cues`` takes them; "": none.
        text: What the person should know before it.
        is_test: A recording for the test only: nothing is trained on it.
    """

    session: str
    outfit: str
    frames: int
    cues: str = ""
    text: str = ""
    is_test: bool = False


@dataclass(frozen=True)
class Protocol:
    """Sessions in the order in which they are recorded.

    Attributes:
        title: Of the whole.
        text: A line about it.
        steps: One or more.
    """

    title: str
    text: str
    steps: tuple[ProtocolStep, ...]


@dataclass(frozen=True)
class StepProgress:
    """The progress of one session of a protocol.

    Attributes:
        step: The session.
        frames: Colour frames stored and not rejected.
        state: "done", "begun", "to do", or "problem": it can't be read, or is being recorded.
        problem: What is wrong; "" for nothing.
    """

    step: ProtocolStep
    frames: int = 0
    state: StepState = "to do"
    problem: str = ""

    @property
    def minutes_left(self) -> float:
        """Minutes of recording that are left, at 30 frames a second."""
        return self.frames_left * TICK_S / 60

    @property
    def frames_left(self) -> int:
        """Colour frames that are still wanted."""
        return max(0, self.step.frames - self.frames)

    def to_json(self) -> dict[str, Any]:
        """Return it as an object for JSON."""
        return {
            "session": self.step.session,
            "outfit": self.step.outfit,
            "test": self.step.is_test,
            "cues": self.step.cues or None,
            "frames": self.frames,
            "frames_wanted": self.step.frames,
            "state": self.state,
            "problem": self.problem or None,
        }


@dataclass(frozen=True)
class ProtocolProgress:
    """The progress of a protocol.

    Attributes:
        protocol: The protocol.
        steps: Its sessions.
    """

    protocol: Protocol
    steps: tuple[StepProgress, ...]

    @property
    def next_step(self) -> StepProgress | None:
        """The session that is recorded next; None: all are done, or can't be recorded."""
        return next((one for one in self.steps if one.state in ("begun", "to do")), None)

    @property
    def is_done(self) -> bool:
        """True if all sessions are done."""
        return all(one.state == "done" for one in self.steps)

    @property
    def minutes_left(self) -> float:
        """Minutes of recording that are left, at 30 frames a second."""
        return sum(one.minutes_left for one in self.steps)

    def missing(self) -> list[str]:
        """Return what is missing, a line for each session that is not done."""
        lines = []
        for one in self.steps:
            if one.state == "done":
                continue
            wanted = f"{one.frames:,} of {one.step.frames:,} frames"
            found = {"begun": wanted, "to do": f"not begun, {one.step.frames:,} frames"}
            test = " (test)" if one.step.is_test else ""
            lines.append(f"{one.step.session}{test}: {one.problem or found[one.state]}")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap protocol --json`` prints it."""
        after = self.next_step
        return {
            "schema": "kincap/protocol/1",
            "title": self.protocol.title,
            "done": self.is_done,
            "next": None if after is None else after.step.session,
            "minutes_left": round(self.minutes_left, 1),
            "missing": self.missing(),
            "sessions": [one.to_json() for one in self.steps],
        }


def load_protocol(name: str) -> Protocol:
    """Read a protocol.

    Args:
        name: A TOML file, or the name of one that comes with kincap ("paper").

    Raises:
        KincapError: It can't be read, or something in it makes no sense (exit 2).
    """
    table = read_toml("protocol", name, "protocols")
    table.only("title", "text", "session")
    steps = tuple(_step(one) for one in table.tables("session", 1, _MOST_SESSIONS))
    names = [step.session.lower() for step in steps]
    for number, session in enumerate(names):
        if session in names[:number]:
            raise KincapError(
                f"{table.where}: session {number + 1}: name = {steps[number].session!r} appears "
                "twice; every session needs a name of its own"
            )
    return Protocol(table.text("title", 60, ""), table.text("text", 200, ""), steps)


def _step(table: Table) -> ProtocolStep:
    """Return the session of a table, checked."""
    table.only("name", "outfit", "frames", "cues", "text", "test")
    name = table.text("name", 64)
    try:
        check_session_name(name)
    except SessionError as err:
        raise KincapError(f"{table.where}: name: {err}") from err
    cues = table.text("cues", 200, "")
    if cues:
        try:
            load_cues(cues)
        except KincapError as err:
            raise KincapError(f"{table.where}: cues: {err}") from err
    return ProtocolStep(
        session=name,
        outfit=table.text("outfit", 64, name),
        frames=table.whole("frames", 1, _MOST_FRAMES),
        cues=cues,
        text=table.text("text", 200, ""),
        is_test=table.flag("test"),
    )


def progress_of(protocol: Protocol, recordings: Path) -> ProtocolProgress:
    """Return how far a protocol is, from the sessions on the disk.

    Args:
        protocol: The protocol.
        recordings: The folder of all sessions.
    """
    return ProtocolProgress(protocol, tuple(_progress(step, recordings) for step in protocol.steps))


def _progress(step: ProtocolStep, recordings: Path) -> StepProgress:
    """Return how far one session is."""
    try:
        folder = session_folder(recordings, step.session)
        if not (folder / SESSION_FILE).is_file():
            return StepProgress(step)
        found = summarise(folder)
    except SessionError as err:
        return StepProgress(step, 0, "problem", str(err))
    frames = max(0, found.items[Stream.color] - found.rejected)
    if found.state in ("recording", "closed", "damaged"):
        why = found.problems[0] if found.problems else found.state
        return StepProgress(step, frames, "problem", f"{found.state}: {why}")
    if frames >= _ENOUGH * step.frames:
        return StepProgress(step, frames, "done")
    return StepProgress(step, frames, "begun" if frames else "to do")
