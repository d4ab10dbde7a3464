"""Carry out the requests made of a recording, in the source thread, between two colour frames."""

import json
from collections.abc import Callable

from ...sessions.schema import EventKind, Stream
from ..hand_over import HandOver
from .control import Action, RecordingControl, Request
from .status import State


class Steering:
    """The state of a recording as far as requests change it, and the events of these changes."""

    def __init__(
        self,
        control: RecordingControl,
        hand_over: HandOver,
        counted: Stream,
        *,
        end_take: Callable[[], None],
        on_retake: Callable[[int, int], None],
        now_ns: Callable[[], int],
    ) -> None:
        """Prepare.

        Args:
            control: Where the requests are made.
            hand_over: Receives the events.
            counted: The stream whose frames are the boundaries.
            end_take: Ends the take for the watches; called before a pause.
            on_retake: Called with the first and last number of the frames of a rejected take.
            now_ns: Host time.

        Attributes:
            state: "waiting", "recording" or "paused".
            cue: Name of the cue that has begun; "" for none.
        """
        self._control, self._hand_over, self._counted = control, hand_over, counted
        self._end_take, self._on_retake, self._now_ns = end_take, on_retake, now_ns
        self.state: State = "waiting" if control.waits_for_start else "recording"
        self.cue = ""
        self._cue_text = ""
        self._take_first: int | None = None
        self._take_last = -1

    @property
    def is_due(self) -> bool:
        """True if a request waits."""
        return self._control.has_requests()

    def begin_take(self) -> None:
        """Note that a take begins with the next frame."""
        self._take_first = self._hand_over.next_seq(self._counted)

    def take_begun(self, time_device: int) -> None:
        """Store the cue that is shown once more: an event is about its own take.

        Args:
            time_device: Of the first frame, 100 ns.
        """
        if self.cue:
            self._event(EventKind.cue, time_device, self._cue_text)

    def carry_out(self, time_device: int) -> bool:
        """Carry out what was asked for; return True if a take begins now.

        Args:
            time_device: Of the frame that comes next, 100 ns.
        """
        begins = False
        for request in self._control.take_requests():
            begins = self._do(request, time_device) or begins
        return begins

    def note_rest(self, time_device: int) -> None:
        """Carry out what no frame has followed, and end the cue that is shown."""
        for request in self._control.take_requests():
            if request.action is Action.retake:
                self._reject(time_device)
            self._note(request, time_device)
        if self.cue:
            about = {"name": self.cue, "phase": "end"}
            self._note(Request(Action.cue, json.dumps(about, ensure_ascii=False)), time_device)

    def _do(self, request: Request, time_device: int) -> bool:
        if request.action is Action.start and self.state == "waiting":
            self.state = "recording"
        elif request.action is Action.pause and self.state == "recording":
            self._take_last = self._next_seq() - 1
            self._end_take()
            self.state = "paused"
            self._event(EventKind.pause, time_device)
        elif request.action is Action.resume and self.state == "paused":
            self._resume(time_device)
            return True
        elif request.action is Action.retake and self._reject(time_device):
            if self.state == "paused":
                self._resume(time_device)
            return True
        else:
            self._note(request, time_device)
        return False

    def _resume(self, time_device: int) -> None:
        self.state = "recording"
        self._event(EventKind.resume, time_device)

    def _reject(self, time_device: int) -> bool:
        """Reject the frames of the present take; return False if it has none."""
        first = self._take_first
        last = self._take_last if self.state == "paused" else self._next_seq() - 1
        if first is None or last < first or self.state == "waiting":
            return False
        self._take_first = None
        self._hand_over.event(
            EventKind.retake,
            time_device=time_device,
            time_host=self._now_ns(),
            stream=self._counted,
            seqs=(first, last),
            count=last - first + 1,
            text="rejected by the person who recorded",
        )
        self._on_retake(first, last)
        return True

    def _note(self, request: Request, time_device: int) -> None:
        """Store a mark or a cue."""
        if request.action is Action.mark:
            self._event(EventKind.mark, time_device, request.text)
        elif request.action is Action.cue:
            self.cue, self._cue_text = request.cue, request.text
            self._event(EventKind.cue, time_device, request.text)

    def _event(self, kind: EventKind, time_device: int, text: str = "") -> None:
        seq = self._next_seq()
        self._hand_over.event(
            kind,
            time_device=time_device,
            time_host=self._now_ns(),
            stream=self._counted,
            seqs=(seq, seq),
            text=text,
        )

    def _next_seq(self) -> int:
        return self._hand_over.next_seq(self._counted)
