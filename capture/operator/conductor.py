"""Conduct a recording without a hand on the keyboard: wait, count down, show cue cards, stop.

It runs on the side that records, as an ``Observer``; what it does shows in the ``LiveStatus`` that
``complete`` returns, so that a client anywhere can draw it.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy.typing as npt

from ...core.errors import KincapError, SensorError
from ...core.skeleton import KINECT_V2_SKELETON, Skeleton
from ...core.units import SECOND_NS
from ...sessions.schema import by_kinect_joints
from ..live.control import RecordingControl
from ..live.status import LiveStatus
from ..sources.sensor import SensorInfo
from .cues import CueDeck, CueMoment
from .triggers import (
    START_WHEN,
    STOP_WHEN,
    Hold,
    Trigger,
    advance,
    check_trigger,
    has_fired,
    zone_advice,
)

_MOST_COUNTDOWN_S: Final = 3600
_BREAK_NS: Final = SECOND_NS // 2
"""A longer step between two frames does not count as recorded: the clock jumped, or frames lack."""


@dataclass(frozen=True)
class HandsFree:
    """Start, end and cue cards of a recording without a hand on the keyboard.

    Attributes:
        countdown_s: Seconds from the start until frames are stored.
        start_when: A key of ``START_WHEN``; "": at once.
        stop_when: A key of ``STOP_WHEN``; "": nothing.
        cues: Cue cards; None: none.
        cues_again: Begin with the first card again after the last one; else the recording ends.
    """

    countdown_s: float = 0.0
    start_when: str = ""
    stop_when: str = ""
    cues: CueDeck | None = None
    cues_again: bool = False

    @property
    def waits(self) -> bool:
        """True if frames are not stored at once."""
        return bool(self.countdown_s or self.start_when)

    def check(self) -> None:
        """Check it before anything is opened.

        Raises:
            KincapError: A value makes no sense; names its flag (exit 2).
        """
        if not 0 <= self.countdown_s <= _MOST_COUNTDOWN_S:
            raise KincapError(
                f"--countdown {self.countdown_s:g}: expected seconds, 0 to {_MOST_COUNTDOWN_S}"
            )
        check_trigger("--start-when", self.start_when, START_WHEN)
        check_trigger("--stop-when", self.stop_when, STOP_WHEN)


class Conductor:
    """Starts, guides and stops one recording.

    Called by the observers' thread; ``complete`` may be called by any other.

    Args:
        hands_free: What to do.
        control: Of the recording; made with ``waiting=hands_free.waits``.
        now_ns: The host's time.

    Attributes:
        ended_by: Why it ended the recording; "" if it did not.
    """

    def __init__(
        self,
        hands_free: HandsFree,
        control: RecordingControl,
        now_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self._hands_free, self._control, self._now_ns = hands_free, control, now_ns
        self._skeleton: Skeleton = KINECT_V2_SKELETON
        self._start = START_WHEN.get(hands_free.start_when)
        self._stop = STOP_WHEN.get(hands_free.stop_when)
        self._hold = Hold()
        self._mutex = threading.Lock()
        self._advice = "" if self._start is None else "step into view"
        self._counts_from_ns: int | None = None
        self._has_started = not hands_free.waits
        self._recorded_ns = 0
        self._last_ns: int | None = None
        self._retakes = 0
        self._moment: CueMoment | None = None
        self.ended_by = ""

    def begin(self, info: SensorInfo) -> None:
        """Learn about the source, before anything is written.

        Raises:
            SensorError: It can't wait, or lacks a stream that is needed (exit 2).
        """
        asked = self._hands_free
        if asked.waits and not info.live:
            flag = self._waiting_flag()
            raise SensorError(
                f"{flag}: {info.uri} is not live: what is in a file comes at once; leave the flag "
                "out",
                exit_code=2,
            )
        for flag, name in (("--start-when", asked.start_when), ("--stop-when", asked.stop_when)):
            if name and "bodies" not in info.streams:
                raise SensorError(
                    f"{flag} {name}: {info.uri} gives no bodies; expected the stream bodies",
                    exit_code=2,
                )
        if (asked.waits or asked.cues) and "color" not in info.streams:
            flag = "--cues" if asked.cues else self._waiting_flag()
            raise SensorError(
                f"{flag}: {info.uri} gives no colour; expected the stream color", exit_code=2
            )
        self._skeleton = info.shape.skeleton

    def _waiting_flag(self) -> str:
        return "--start-when" if self._hands_free.start_when else "--countdown"

    def on_color(self, frame_seq: int, device_ns: int) -> None:
        """Count down, and show the card that is due."""
        with self._mutex:
            is_stored = frame_seq >= 0
            if is_stored:
                self._has_started = True
                self._count(device_ns)
            else:
                self._last_ns = None
                self._wait()
            if is_stored:
                self._show_cue()

    def on_bodies(self, rows: npt.NDArray[Any]) -> None:
        """Watch for the trigger that starts or stops."""
        with self._mutex:
            trigger = self._stop if self._has_started else self._start
            if trigger is None or self._counts_from_ns is not None and not self._has_started:
                return
            rows = by_kinect_joints(rows, self._skeleton)
            self._hold = advance(trigger, self._hold, rows)
            if not self._has_started:
                self._advice = zone_advice(rows)
            if has_fired(trigger, self._hold):
                self._hold = Hold()
                self._fire(trigger)

    def complete(self, status: LiveStatus) -> LiveStatus:
        """Return the status with what the conductor does: countdown, advice, card."""
        with self._mutex:
            if status.state == "waiting":
                if self._counts_from_ns is not None:
                    left = self._countdown_left_s()
                    return replace(status, state="countdown", note=f"{max(1, -(-left // 1)):.0f}")
                return replace(status, note=self._advice or self._progress() or status.note)
            if status.state not in ("recording", "paused"):
                return status
            return replace(status, card=_card(self._moment, self._hands_free.cues))

    def _progress(self) -> str:
        """Return how long the person has to stay until it starts."""
        if self._start is None:
            return ""
        return f"stay there: {max(0.0, self._start.hold_s - self._hold.seconds):.0f} s"

    def _countdown_left_s(self) -> float:
        since_ns = self._now_ns() - (self._counts_from_ns or 0)
        return self._hands_free.countdown_s - since_ns / SECOND_NS

    def _wait(self) -> None:
        """Begin the countdown with the first frame; start at its end."""
        if self._has_started:
            return
        if self._counts_from_ns is None and self._start is None:
            self._counts_from_ns = self._now_ns()
        if self._counts_from_ns is not None and self._countdown_left_s() <= 0:
            self._control.start()

    def _fire(self, trigger: Trigger) -> None:
        """Do what a trigger is for."""
        if not self._has_started:
            self._counts_from_ns = self._now_ns()
            self._wait()
        elif not self.ended_by:
            self._end(trigger.text)

    def _end(self, why: str) -> None:
        self.ended_by = why
        self._control.stop()

    def _count(self, device_ns: int) -> None:
        """Add the time since the last stored frame; begin anew after a retake."""
        if self._control.retakes != self._retakes:
            self._retakes = self._control.retakes
            self._recorded_ns = 0
            self._last_ns = None
        if self._last_ns is not None and 0 <= device_ns - self._last_ns <= _BREAK_NS:
            self._recorded_ns += device_ns - self._last_ns
        self._last_ns = device_ns

    def _show_cue(self) -> None:
        """Store the begin and the end of what the person is asked to do."""
        deck, before = self._hands_free.cues, self._moment
        if deck is None or self.ended_by:
            return
        now = deck.at(self._recorded_ns / SECOND_NS, again=self._hands_free.cues_again)
        if (now and now.key) != (before and before.key):
            if before is not None and before.is_on:
                self._cue(before, "end")
            if now is not None and now.is_on:
                self._cue(now, "begin")
        self._moment = now
        if now is None:
            self._end("the last card was shown")

    def _cue(self, moment: CueMoment, phase: str) -> None:
        repetition = moment.repetition if moment.card.repetitions > 1 else 0
        text = moment.card.text if phase == "begin" else ""
        self._control.cue(moment.card.name, phase, text=text, repetition=repetition)


def _card(moment: CueMoment | None, deck: CueDeck | None) -> dict[str, Any] | None:
    """Return a card as ``LiveStatus`` has it."""
    if moment is None or deck is None:
        return None
    return {
        "name": moment.card.name,
        "text": moment.card.text,
        "number": moment.number,
        "cards": len(deck.cards),
        "repetition": moment.repetition,
        "repetitions": moment.card.repetitions,
        "phase": "on" if moment.is_on else "ready",
        "left_s": round(moment.left_s, 1),
        "next": moment.next_name,
    }
