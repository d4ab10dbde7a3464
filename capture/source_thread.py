"""The source thread: ask the source for items, begin takes, end at the limits."""

import operator
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..core.errors import SensorError
from ..core.units import SECOND_100NS
from ..sessions.schema import EventKind, Stream
from .clock import Clock
from .hand_over import HandOver
from .live.control import RecordingControl
from .live.feed import LiveFeed
from .live.steering import Steering
from .sources.sensor import (
    BodyFrame,
    ColorFrame,
    Item,
    Lost,
    Notice,
    PlaneFrame,
    Sensor,
    TakeStart,
    let_go,
)
from .watches.observations import Observation, Teller, items_of
from .watches.silence import BodyWatch
from .watches.watches import Noticing, Timed, times_of

_TOO_LARGE = 1 << 63
_GONE_TICKS = 10
"""If nothing has come of a stream for this many ticks, the last colour frame waits for none."""
_MOST_OF_A_TICK = 4
_LOOK_UP_EVERY_S = 0.05


@dataclass(frozen=True)
class Limits:
    """Limits of a recording: frames handed over, seconds recorded; None: no limit."""

    frames: int | None = None
    duration_s: float | None = None


class SourceThread:
    """Carries items from a source into the hand-over until something ends it."""

    def __init__(
        self,
        sensor: Sensor,
        hand_over: HandOver,
        limits: Limits,
        control: RecordingControl,
        on_problem: Callable[[str, bool], None],
        on_retake: Callable[[int, int], None],
        feed: LiveFeed | None,
        clock: Clock,
    ) -> None:
        """Prepare the thread.

        Args:
            sensor: An opened source.
            hand_over: Receives the items.
            limits: End the recording.
            control: Steers and ends it from outside.
            on_problem: Called with a line for the person.
            on_retake: Called with the first and last number of the frames of a rejected take.
            feed: Gets every item; None: no one follows.
            clock: Gives the time.

        Attributes:
            error: The exception of the source; items before it are kept.
            last_item_ns: Host time of the last item, or of the start.
            last_time: Newest device time of the take, 100 ns; -1 before the first.
            steering: Carries out requests; knows if the recording is paused.
            waited: Items that came while waiting; they have no numbers.
        """
        self._sensor, self._hand_over = sensor, hand_over
        self._clock, self._now_ns = clock, clock.now_ns
        self._limits, self._on_problem = limits, on_problem
        self._control, self._stop = control, control.stop_request
        self._feed = feed
        self.waited = 0
        streams = sensor.info.streams
        self._counted = Stream.color if "color" in streams else Stream.bodies
        self.steering = Steering(
            control,
            hand_over,
            self._counted,
            end_take=self._pause_take,
            on_retake=on_retake,
            now_ns=self._now_ns,
        )
        self._body_watch = BodyWatch() if "bodies" in streams else None
        self._take_began: int | None = None
        self._has_begun = False
        self._last_times = {Stream[name]: -1 for name in streams if name != "color"}
        self._recorded_before = 0
        self._is_left_behind = False
        self.error: Exception | None = None
        self.last_item_ns = self._now_ns()
        self.last_time = -1
        first_seq = {Stream[name]: hand_over.next_seq(Stream[name]) for name in streams}
        self._noticing = Noticing(sensor.info, first_seq, self.last_item_ns)
        self._teller, self._stall_teller = Teller(), Teller()
        self.thread = threading.Thread(target=self._run, name="kincap-source", daemon=True)

    @property
    def recorded_s(self) -> float:
        """Time that the takes cover by the source's clock, s."""
        here = 0 if self._take_began is None else self.last_time - self._take_began
        return (self._recorded_before + here) / SECOND_100NS

    @property
    def bodies_seen(self) -> int:
        """Number of body rows in which a body was tracked."""
        return 0 if self._body_watch is None else self._body_watch.bodies_seen

    @property
    def is_low_light(self) -> bool:
        """True if the sensor gives colour at half its rate."""
        return self._noticing.is_low_light

    def look(self) -> None:
        """Report streams that give nothing; called by another thread while this one may wait."""
        now_ns = self._now_ns()
        found = self._noticing.stalls.look(now_ns)
        if not found:
            return
        info, silent = self._sensor.info, self._noticing.stalls.silent(now_ns)
        seconds = self._noticing.stalls.least_s(now_ns)
        text = f"{info.kind}: no frames for {seconds:.0f} s"
        if len(silent) < len(info.streams):
            names = " and no ".join(items_of(stream) for stream in silent)
            text = f"{info.kind}: no {names} for {seconds:.0f} s, others arrive"
        told = self._stall_teller.line(tuple(silent), text, now_ns)
        if told is not None:
            self._on_problem(told, False)
        if self._has_begun:
            for finding in found:
                self._store(finding, now_ns)

    def leave_behind(self) -> None:
        """Account for the items handed over; called by another thread, as this one hangs."""
        self._is_left_behind = True
        self._close()

    def _run(self) -> None:
        try:
            self._carry()
        except Exception as error:
            # any exception of a device's code: earlier items are stored and sealed
            self.error = error
        if self._is_left_behind:
            return
        if not self._has_begun and self.error is None and not self._stop.is_asked():
            self._on_problem(f"{self._sensor.info.uri}: gave no item at all", False)
        elif self._body_watch is not None and self._body_watch.is_unseen():
            self._tell(EventKind.no_body, "no body was seen in the whole recording")
        self._close()

    def _close(self) -> None:
        """Queue the last events and losses."""
        if self._has_begun:
            self.steering.note_rest(self.last_time)
            if self.error is not None:
                text = f"the source broke off: {self.error or type(self.error).__name__}"
                self._event(EventKind.sensor_lost, text)
            for finding in self._noticing.end(self._now_ns()):
                self._store(finding, self._now_ns())
        self._hand_over.close_losses()

    def _carry(self) -> None:
        start: TakeStart | None = TakeStart()
        step: str | None = None
        is_asked_for = False
        items = self._sensor.items()
        for item in items:
            if isinstance(item, TakeStart):
                start = item
                continue
            if isinstance(item, Notice):
                self._pass_on(item)
                continue
            if self._is_left_behind:
                let_go(item)
                return
            _check_times(item)
            if self._is_steered() and self._obey(item):
                start, is_asked_for = start or TakeStart(), True
            if self.steering.state != "recording":
                self._pass_over(item)
                # the clocks of a start that came before this item are not those of the next one
                start = None if start is None else TakeStart()
                if self._stop.is_asked():
                    return
                continue
            if start is None and (step := self._noticing.clock_step(item)) is not None:
                start = TakeStart()
            # an item that was given is always taken: the source counts it as handed over
            if start is None or is_asked_for or self._may_begin(step):
                self._take(item, start, step)
                start, step, is_asked_for = None, None, False
            else:
                self._leave_out(item, step)
            if self._stop.is_asked():
                self._end_with_frame(items, item)
                return
            if self._is_enough():
                self._complete(items, times_of(item)[1])
                return

    def _take(self, item: Timed, start: TakeStart | None = None, step: str | None = None) -> None:
        """Begin a take if one is due, hand the item over, report what the watches found."""
        stream, time_device, _ = times_of(item)
        if start is not None:
            self._start_take(start, time_device)
            self._noticing.clock_step(item)
        self.last_item_ns = now_ns = self._now_ns()
        self.last_time = max(time_device, self.last_time)
        seq = self._hand_over.next_seq(stream)
        told, stored = self._noticing.item(item, seq, now_ns)
        if stream in self._last_times:
            self._last_times[stream] = time_device
        if isinstance(item, BodyFrame):
            self._hand_over.bodies(item)
            if self._feed is not None:
                self._feed.bodies(item, now_ns)
        elif isinstance(item, Lost):
            self._hand_over.lost(item)
        else:
            self._hand_over.frame(item)
            if self._feed is not None and stream is Stream.color:
                self._feed.color(seq, time_device, now_ns)
        for finding in told:
            self._tell_now(finding, now_ns)
        for finding in stored:
            self._store(finding, now_ns)
        if isinstance(item, BodyFrame):
            self._watch(item)
        if step is not None:
            self._tell_step(step, stream, seq, time_device)

    def _is_steered(self) -> bool:
        """Return True if something else may be due than to take the next item."""
        is_held = self.steering.state != "recording" and not self._sensor.info.live
        return is_held or self.steering.is_due

    def _obey(self, item: Timed) -> bool:
        """Carry out requests if a colour frame comes next; return True if a take begins with it.

        A file waits while recording waits or is paused: nothing of it is left out.
        """
        stream, time_device, _ = times_of(item)
        is_live = self._sensor.info.live
        if stream is not self._counted and (is_live or self.steering.state == "recording"):
            return False
        begins = self.steering.carry_out(time_device)
        if is_live:
            return begins
        while self.steering.state != "recording" and not self._stop.is_asked():
            self._clock.wait(self._control.made, _LOOK_UP_EVERY_S)
            self._control.made.clear()
            begins = self.steering.carry_out(time_device) or begins
        return begins

    def _pass_over(self, item: Timed) -> None:
        """Count an item that comes while waiting or paused, and let it go."""
        stream, time_device, time_host = times_of(item)
        self.last_item_ns = now_ns = self._now_ns()
        over = self._noticing.left_out(item, self._hand_over.next_seq(stream), now_ns)
        if self.steering.state == "waiting":
            self.waited += 1
        else:
            if over is not None:
                self._store(over, now_ns)
            self._hand_over.leave_out(stream, time_device, time_host)
        if self._feed is not None:
            if isinstance(item, BodyFrame):
                self._feed.bodies(item, now_ns)
            elif isinstance(item, ColorFrame):
                self._feed.color(-1, time_device, now_ns)
                self._feed.not_stored(item, now_ns)
        let_go(item)

    def _pause_take(self) -> None:
        """End the take: its times end here, for the watches and for ``recorded_s``."""
        for finding in self._noticing.end_take():
            self._store(finding, self._now_ns())
        if self._take_began is not None:
            self._recorded_before += self.last_time - self._take_began
        self._take_began = None

    def _end_with_frame(self, items: Iterator[Item], item: Timed) -> None:
        """Take what belongs to the present colour frame, or to the next one, before the end."""
        for _ in range(_MOST_OF_A_TICK):
            stream, time_device, _ = times_of(item)
            if self._stop.is_aborted() or stream is self._counted:
                break
            following = next(items, None)
            if following is None or isinstance(following, Notice | TakeStart):
                return
            _check_times(following)
            item = following
            step = self._noticing.clock_step(item)
            self._take(item, TakeStart() if step else None, step)
        if stream is self._counted and not self._stop.is_aborted():
            self._complete(items, time_device)

    def _may_begin(self, step: str | None) -> bool:
        """Return True if a take may begin; a clock that keeps jumping must not begin too many."""
        as_stored = step is None and not self._sensor.info.live
        return self._noticing.may_begin_take() or as_stored

    def _leave_out(self, item: Timed, step: str | None) -> None:
        """Count an item as lost whose time belongs to no take, and report it.

        Raises:
            SensorError: There is no clock to go by in a file, of which no more is to be lost.
        """
        stream, _, time_host = times_of(item)
        let_go(item)
        self._take(Lost(stream, self.last_time, time_host, EventKind.drop_stale))
        info, why = self._sensor.info, "its clock jumps again and again"
        if not info.live:
            raise SensorError(
                f"{info.uri}: {why} ({step}); nothing can be paired by such times, so the "
                "recording ends",
                exit_code=1,
            )
        # a simulator's full name is longer than what there is to say
        text = (
            f"{info.kind}: {why}; what comes is left out until it holds: connect the sensor again"
        )
        self._say("restless", text, self._now_ns())

    def _complete(self, items: Iterator[Item], time_color: int) -> None:
        """Take what belongs to the last colour frame and comes right after it: bodies, planes."""
        if self._counted is not Stream.color:
            return
        tick = self._sensor.info.shape.tick_100ns
        began = self._take_began or 0
        for _ in range(_MOST_OF_A_TICK):
            wanted = [s for s, last in self._last_times.items() if last < time_color - tick // 2]
            gone = _GONE_TICKS * tick
            wanted = [s for s in wanted if time_color - max(self._last_times[s], began) <= gone]
            if not wanted:
                return
            item = next(items, None)
            if not isinstance(item, BodyFrame | PlaneFrame):
                if isinstance(item, ColorFrame):
                    let_go(item)
                return
            _check_times(item)
            step = self._noticing.clock_step(item)
            self._take(item, TakeStart() if step else None, step)

    def _watch(self, item: BodyFrame) -> None:
        alone_s = None if self._body_watch is None else self._body_watch.body(item.row)
        if alone_s is not None:
            self._tell(
                EventKind.no_body,
                f"no body seen for {alone_s:.0f} s: is a person in front of the sensor?",
            )

    def _tell_step(self, step: str, stream: Stream, seq: int, time_device: int) -> None:
        """Report a jump of the clock."""
        text = f"{step}; a new take begins"
        self._store(
            Observation(EventKind.clock_step, stream, seq, seq, time_device, text, 1),
            self.last_item_ns,
        )
        self._say(EventKind.clock_step, text, self.last_item_ns)

    def _pass_on(self, word: Notice) -> None:
        """Report and store a notice of the source; a sensor may come and go for hours."""
        first = last = 0
        if word.count:
            first = self._hand_over.next_seq(word.stream)
            last = first + word.count - 1
        finding = Observation(
            word.kind, word.stream, first, last, self.last_time, word.text, word.count
        )
        self._tell_now(finding, self._now_ns())
        for kept in self._noticing.said(finding):
            self._store(kept, self.last_item_ns)

    def _tell(self, kind: EventKind, text: str) -> None:
        """Tell the person and store an event."""
        self._on_problem(text, False)
        self._event(kind, text)

    def _event(self, kind: EventKind, text: str) -> None:
        self._hand_over.event(
            kind, time_device=self.last_time, time_host=self.last_item_ns, text=text
        )

    def _tell_now(self, finding: Observation, now_ns: int) -> None:
        """Tell the person about a finding, unless a similar line was shown a moment ago."""
        self._say((finding.kind, finding.stream), finding.text, now_ns)

    def _say(self, key: object, text: str, now_ns: int) -> None:
        """Tell the person, unless a similar line was shown a moment ago."""
        told = self._teller.line(key, text, now_ns)
        if told is not None:
            self._on_problem(told, False)

    def _store(self, finding: Observation, now_ns: int) -> None:
        """Store a finding as an event."""
        self._hand_over.event(
            finding.kind,
            time_device=finding.time_device,
            time_host=now_ns,
            stream=finding.stream,
            seqs=(finding.seq_first, finding.seq_last),
            count=finding.count,
            text=finding.text,
        )

    def _start_take(self, start: TakeStart, time_device: int) -> None:
        is_first = not self._has_begun
        self._pause_take()
        self._has_begun = True
        self.steering.begin_take()
        self._take_began = self.last_time = time_device
        self._last_times = dict.fromkeys(self._last_times, -1)
        self._hand_over.start_take(start, time_device)
        self.steering.take_begun(time_device)
        if self._body_watch is not None:
            self._body_watch.restart()
        if is_first:
            for warning in self._sensor.info.warnings:
                self._tell(EventKind.warning, warning)

    def _is_enough(self) -> bool:
        frames, seconds = self._limits.frames, self._limits.duration_s
        handed, left_out = self._hand_over.handed, self._hand_over.not_stored
        if frames is not None and handed[self._counted] - left_out[self._counted] >= frames:
            return True
        return seconds is not None and self.recorded_s >= seconds


def _check_times(item: Timed) -> None:
    """Raise SensorError if an item's times do not fit into a row."""
    if isinstance(item, BodyFrame):
        return  # its times come from a row
    _, time_device, time_host = times_of(item)
    for time in (time_device, time_host):
        if not -_TOO_LARGE <= operator.index(time) < _TOO_LARGE:
            raise SensorError(
                f"the source gave the time {time}, expected a whole number of 64 bits", exit_code=1
            )
