"""Hold a source open over several recordings: a Kinect takes seconds to start.

    with HeldSensor("kinect", pre_roll_s=2.0) as held:
        first = held.record(RecordSettings("clothing1", duration_s=60))
        second = held.record(RecordSettings("clothing2", duration_s=60))

A thread takes every item from the source. While nothing is recorded, items are counted and let go;
observers and the latest picture get them all the same. A session that is recorded so is the same as
one that is recorded alone, but for ``truth/``: a simulator that is held keeps no ground truth.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import Final

from ...core.closing import Closing
from ...core.errors import SensorError
from ...core.files.file_io import FileIO
from ...core.units import SECOND_NS
from ...sessions.schema import EventKind, Stream
from ..clock import Clock, SystemClock
from ..pipeline import OnProgress, OnStatus
from ..record import record, warm_up
from ..record_result import RecordError, RecordResult
from ..settings import RecordSettings
from ..sources.registry import open_source
from ..sources.sensor import (
    BodyFrame,
    ColorFrame,
    Item,
    Notice,
    Sensor,
    SensorInfo,
    TakeStart,
    let_go,
)
from ..watches.watches import Timed, times_of
from .control import RecordingControl
from .feed import LiveFeed
from .meter import StreamMeter
from .observers import LatestPicture, Observer
from .pre_roll import PreRoll, check_pre_roll
from .session_view import SessionView
from .status import LiveStatus

BACKOFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Between two attempts to open a source again; the last one repeats."""
_END_MAY_TAKE_S: Final = 5.0

Opener = Callable[[], Sensor]


class HeldSensor(Closing):
    """A source that stays open while sessions are recorded from it, one after the other.

    Attributes:
        info: What the source is.
        not_stored: Items that came between recordings, by stream.
        reopened: How often it was opened again.
        lost: Why the source gives nothing at present; "" while it does.
    """

    def __init__(
        self,
        source: str | Opener,
        streams: tuple[str, ...] = (),
        *,
        pre_roll_s: float = 0.0,
        observers: Sequence[Observer] = (),
        picture: LatestPicture | None = None,
        on_notice: Callable[[str], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Open the source and begin to take items from it.

        Args:
            source: A text for ``open_source``, or a function that opens a source.
            streams: Streams that were chosen; (): those that the source gives by itself.
            pre_roll_s: Seconds before a start that go into its session.
            observers: Follow frames and bodies, between recordings too.
            picture: Gets the newest picture, likewise.
            on_notice: Called with one line when the source is lost or back, in another thread.
            clock: Gives the time and makes what threads wait in; None: the system's.

        Raises:
            KincapError: The source can't be opened, or ``pre_roll_s`` is out of range.
        """
        self._ring = PreRoll(check_pre_roll(pre_roll_s), self._count)
        self._clock = clock or SystemClock()
        self._open: Opener = source if callable(source) else lambda: open_source(source, streams)
        self._picture, self._on_notice = picture, on_notice
        self._observers = tuple(observers)
        self._sensor: Sensor | None = self._open()
        self.info: SensorInfo = self._sensor.info
        self.not_stored: Counter[Stream] = Counter()
        self.reopened, self.lost = 0, ""
        self._meter = StreamMeter()
        self._idle = LiveFeed(self._observers, picture, self._meter)
        self._view: SessionView | None = None
        self._has_begun = False
        self._came = 0
        # around the view, the ring and the counts: two threads let items go
        self._lock = threading.Lock()
        self._recording = threading.Lock()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        warm_up(self.info)
        if self.info.live:
            self._idle.start()
            self._thread = threading.Thread(target=self._pump, name="kincap-hold", daemon=True)
            self._thread.start()

    def record(
        self,
        settings: RecordSettings,
        *,
        io: FileIO | None = None,
        on_progress: OnProgress | None = None,
        on_warning: Callable[[str], None] | None = None,
        on_status: OnStatus | None = None,
        control: RecordingControl | None = None,
        observers: Sequence[Observer] = (),
        pre_roll_s: float | None = None,
    ) -> RecordResult:
        """Record a session, beginning with the next colour frame or the pre-roll.

        Args:
            settings: What to record; ``source`` and ``streams`` don't count.
            io: As in ``record``; so are the others.
            on_progress: Called with the progress.
            on_warning: Called with one line for the person.
            on_status: Called with the state; its ``not_stored`` counts what came between
                recordings too.
            control: Steers the recording.
            observers: Follow it, beside those that follow the source always.
            pre_roll_s: How much of what is kept goes into the session; None: all. Nothing does if
                the recording waits for a start.

        Raises:
            KincapError: As ``record`` does; also if the source is lost, or records already.
        """
        if not self._recording.acquire(blocking=False):
            raise SensorError(f"{self.info.uri}: another recording runs; end it first")
        view: SessionView | None = None
        result: RecordResult | None = None
        try:
            if self._closing.is_set():
                raise SensorError(f"{self.info.uri}: was closed; open it again")
            if self.info.live:
                waits = control is not None and control.waits_for_start
                view = self._attach(0.0 if waits else pre_roll_s)
            result = record(
                settings,
                sensor=view or self._file(),
                io=io,
                on_progress=on_progress,
                on_warning=on_warning,
                on_status=None if on_status is None else self._counting(on_status),
                control=control,
                observers=(self._idle.observers, *observers) if self._observers else observers,
                picture=self._picture,
                clock=self._clock,
            )
            return result
        except RecordError as error:
            result = error.result
            raise
        finally:
            if view is not None:
                view.close()
                self._count_untaken(view, result)
            self._recording.release()

    def status(self) -> LiveStatus:
        """Return the state of the source while nothing is recorded."""
        now_ns = self._clock.now_ns()
        color_fps, body_fps = self._meter.fps(now_ns)
        shares = self._meter.body_shares(now_ns)
        return LiveStatus(
            color_fps=round(color_fps, 2),
            body_fps=round(body_fps, 2),
            bodies=shares.bodies,
            tracked_share=shares.tracked,
            inferred_share=shares.inferred,
            pair_residual_ms=self._meter.pair_residual_ms(now_ns),
            not_stored=self.not_stored.total(),
            note=self.lost,
        )

    def close(self) -> None:
        """Let the source go; a recording that runs ends."""
        self._closing.set()
        sensor = self._sensor
        if sensor is not None:
            sensor.close()
        with self._lock:
            view = self._view
        if view is not None:
            view.end()
        if self._thread is not None:
            self._clock.join(self._thread, _END_MAY_TAKE_S)
        with self._lock:
            self._ring.clear()
        self._idle.close()

    def _attach(self, pre_roll_s: float | None) -> SessionView:
        """Let items go to a recording from the next colour frame on."""
        with self._lock:
            if self.lost:
                raise SensorError(
                    f"{self.info.uri}: gives nothing ({self.lost}); it is opened again by itself: "
                    "try again when it is back",
                    exit_code=3,
                )
            # a source's number of frames is not that of one recording
            view = SessionView(
                replace(self.info, frames=None), self._clock, self._detach, self._drop_rest
            )
            kept = self._ring.take(self._counted, pre_roll_s)
            view.begin_with(kept)
            self._view, self._has_begun = view, bool(kept)
        return view

    def _detach(self, view: SessionView) -> None:
        with self._lock:
            if self._view is view:
                self._view = None

    def _drop_rest(self, item: Item) -> None:
        """Let go of an item that came for a recording and that it did not take."""
        if not isinstance(item, Notice | TakeStart):
            with self._lock:
                self._count(times_of(item)[0])
        let_go(item)

    def _count_untaken(self, view: SessionView, result: RecordResult | None) -> None:
        """Count what a recording was given and gave no number: it waited, or had ended."""
        handed = {} if result is None else result.handed_over
        with self._lock:
            for stream, given in view.given.items():
                self.not_stored[stream] += given - handed.get(stream.name, 0)

    def _count(self, stream: Stream) -> None:
        self.not_stored[stream] += 1

    def _counting(self, on_status: OnStatus) -> OnStatus:
        """Return a function that adds to a status what came between recordings."""

        def tell(status: LiveStatus) -> None:
            on_status(replace(status, not_stored=status.not_stored + self.not_stored.total()))

        return tell

    def _file(self) -> Sensor:
        """Return a file, opened anew for each recording."""
        sensor, self._sensor = self._sensor or self._open(), None
        return sensor

    @property
    def _counted(self) -> Stream:
        """The stream at whose frames recordings begin."""
        return Stream.color if "color" in self.info.streams else Stream.bodies

    def _pump(self) -> None:
        """Take everything from the source, and open it again when it ends."""
        sensor = self._sensor
        while sensor is not None:
            before, error = self._came, None
            try:
                for item in sensor.items():
                    self._route(item)
                    if self._closing.is_set():
                        break
            except Exception as broke_off:
                # any exception of a device's code: it is opened again
                error = broke_off
            if self._closing.is_set():
                return
            self._is_over(sensor, error)
            sensor = self._open_again(error, at_once=self._came > before)

    def _route(self, item: Item) -> None:
        """Give an item to the recording that runs, or to those that follow the source."""
        if isinstance(item, Notice):
            self._heed(item)
        with self._lock:
            view = self._view
            if isinstance(item, Notice | TakeStart):
                if isinstance(item, TakeStart):
                    self._ring.clear()
                if view is not None:
                    view.put(item)
                return
            self._came += 1
            if view is not None and not self._has_begun:
                self._has_begun = times_of(item)[0] is self._counted
            if view is not None and self._has_begun:
                view.put(item)
            else:
                self._pass_by(item)

    def _pass_by(self, item: Timed) -> None:
        """Show an item to those that follow the source, keep it for a while, or let it go."""
        now_ns = self._clock.now_ns()
        stream, time_device, _ = times_of(item)
        if self._ring.is_on:
            self._ring.add(item)
        else:
            self._count(stream)
        if isinstance(item, BodyFrame):
            self._idle.bodies(item, now_ns)
        elif isinstance(item, ColorFrame):
            self._idle.color(-1, time_device, now_ns)
            self._idle.not_stored(item, now_ns)
        let_go(item)

    def _heed(self, notice: Notice) -> None:
        """Note that the source says that it was lost, or is back."""
        if notice.kind is EventKind.sensor_lost:
            self.lost = notice.text
        elif notice.kind is EventKind.sensor_back:
            self.lost = ""
        self._tell(notice.text)

    def _is_over(self, sensor: Sensor, error: Exception | None) -> None:
        """Close a source that has ended or broken off, and say so."""
        # whatever a broken device's code raises: it is not used any more
        with contextlib.suppress(Exception):
            sensor.close()
        what = "the source ended"
        if error is not None:
            what = f"the source broke off ({error or type(error).__name__})"
        with self._lock:
            self._sensor = None
            self.lost = what
            self._ring.clear()
            view = self._view
            if view is not None and error is None:
                view.end()
            elif view is not None:
                view.put(Notice(f"{self.info.kind}: {what}", EventKind.sensor_lost))
        self._tell(f"{self.info.kind}: {what}; opening it again")

    def _open_again(self, error: Exception | None, *, at_once: bool) -> Sensor | None:
        """Open the source until that works; return None where this was closed before."""
        lost_ns = self._clock.now_ns()
        delays = chain([0.0] if at_once and error is None else [], BACKOFF_S, repeat(BACKOFF_S[-1]))
        for delay in delays:
            if self._clock.wait(self._closing, delay):
                return None
            try:
                sensor = self._open()
            except Exception as failed:
                # a device that is not back yet may fail in any way
                self.lost = str(failed) or type(failed).__name__
                continue
            break
        gone_s = (self._clock.now_ns() - lost_ns) / SECOND_NS
        back = f"{self.info.kind}: the source is back after {gone_s:.1f} s"
        with self._lock:
            self._sensor = sensor
            view, is_same = self._view, _fit(self.info, sensor.info)
            self.info, self.lost = sensor.info, ""
            self.reopened += 1
            if view is not None and not is_same:
                view.end(SensorError(f"{sensor.info.uri}: another sensor came back", exit_code=1))
            elif view is not None:
                view.put(Notice(back, EventKind.sensor_back))
                view.put(TakeStart())
        if self._closing.is_set():
            sensor.close()
            return None
        self._tell(back)
        return sensor

    def _tell(self, text: str) -> None:
        if self._on_notice is None:
            return
        # a fault of the listener must not end the source
        with contextlib.suppress(Exception):
            self._on_notice(text)


def _fit(before: SensorInfo, now: SensorInfo) -> bool:
    """Return True if a source that was opened again gives the same kind of items."""
    return (before.color_size_px, before.mirrored, before.shape, before.streams) == (
        now.color_size_px, now.mirrored, now.shape, now.streams,
    )  # fmt: skip
