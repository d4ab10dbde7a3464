"""Steer a recording from outside: start, pause, mark, retake, stop; from any thread."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue
from typing import Final

from ...sessions.schema import EVENT_TEXT_BYTES
from ..stop import Stop

MOST_TEXT = 80
"""Characters of a mark's or a cue's text that are stored; an event has 192 bytes."""


_MOST_REPETITION: Final = 10**9


class Action(StrEnum):
    """The requests that take effect at a boundary between two colour frames."""

    start = "start"
    pause = "pause"
    resume = "resume"
    retake = "retake"
    mark = "mark"
    cue = "cue"


@dataclass(frozen=True, slots=True)
class Request:
    """One request.

    Attributes:
        action: What to do.
        text: Of a mark or a cue, as it is stored.
        cue: Name of the cue that has begun; "" if one has ended.
    """

    action: Action
    text: str = ""
    cue: str = ""


class RecordingControl:
    """The requests made of one recording; each takes effect at the next colour frame.

    Any thread may make them; they are carried out in order. A second recording needs another
    object. A request that changes nothing (pause while paused) is ignored.

    Args:
        waiting: Begin by waiting for ``start``: items that come before are neither numbered nor
            stored, only counted in the status.

    Attributes:
        stop_request: The request to end.
        waits_for_start: As given.
        made: Set by every request, for a thread that waits for one.
        retakes: How often ``retake`` was asked for.
    """

    def __init__(self, *, waiting: bool = False) -> None:
        self.stop_request = Stop()
        self.waits_for_start = waiting
        self._requests: SimpleQueue[Request] = SimpleQueue()
        self.made = threading.Event()
        self.retakes = 0

    def start(self) -> None:
        """Begin to store, if the recording waits for it."""
        self._add(Action.start)

    def stop(self) -> None:
        """End cleanly after the present frame: everything is stored and sealed."""
        self.stop_request.ask()
        self.made.set()

    def abort(self) -> None:
        """Stop at once; the disk stays as after a kill, the next recording seals it."""
        self.stop_request.abort()
        self.made.set()

    def pause(self) -> None:
        """Store nothing until ``resume``; what comes meanwhile is counted as not stored."""
        self._add(Action.pause)

    def resume(self) -> None:
        """Go on after a pause, with a new take."""
        self._add(Action.resume)

    def retake(self) -> None:
        """Reject the present take in edits.json and begin a new one; nothing is erased."""
        self.retakes += 1
        self._add(Action.retake)

    def mark(self, text: str = "") -> None:
        """Store an event that names the next colour frame.

        Args:
            text: Free text; cut to ``MOST_TEXT`` characters.
        """
        self._add(Action.mark, _short(text))

    def cue(self, name: str, phase: str, *, text: str = "", repetition: int = 0) -> None:
        """Store what the person is asked to do from the next colour frame on.

        Args:
            name: Name of the cue.
            phase: "begin" or "end".
            text: The words shown; cut to ``MOST_TEXT`` characters.
            repetition: Which one it is, from 1; 0 where there is only one.
        """
        about = {"name": _short(name), "phase": phase}
        more = {"repetition": min(repetition, _MOST_REPETITION)} if repetition > 0 else {}
        shown = "" if phase == "end" else _short(name)
        self._add(Action.cue, _fitting({**about, **more}, _short(text)), shown)

    def has_requests(self) -> bool:
        """Return True if a request waits."""
        return not self._requests.empty()

    def take_requests(self) -> list[Request]:
        """Return the requests that wait, oldest first, and forget them."""
        taken: list[Request] = []
        while True:
            try:
                taken.append(self._requests.get_nowait())
            except Empty:
                return taken

    def _add(self, action: Action, text: str = "", cue: str = "") -> None:
        self._requests.put(Request(action, text, cue))
        self.made.set()


def _fitting(about: Mapping[str, object], text: str) -> str:
    """Return a cue as JSON that an event can hold; the text, then the name, are cut to fit."""
    while True:
        stored = json.dumps({**about, "text": text} if text else about, ensure_ascii=False)
        if len(stored.encode()) <= EVENT_TEXT_BYTES:
            return stored
        if text:
            text = text[:-1]
        else:
            about = {**about, "name": str(about["name"])[:-1]}


def _short(text: str) -> str:
    """Return a text in one line, cut to what an event can hold, without halves of characters."""
    return " ".join(text.encode(errors="replace").decode().split())[:MOST_TEXT]
