"""One running recording: start its threads, watch over them, end them in order."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from ..core.units import SECOND_NS
from ..sessions.schema import EventKind, Stream
from ..sessions.shard.shard_writer import ShardWriter
from .clock import Clock
from .encoder import Encoders
from .hand_over import HandOver
from .live.control import RecordingControl
from .live.feed import LiveFeed
from .live.reporter import StatusReporter
from .live.status import LiveStatus
from .queues import Queues
from .shard_keeper import ShardKeeper
from .source_thread import Limits, SourceThread
from .sources.sensor import Sensor
from .watches.observations import Teller
from .writer import Writer

_LOOK_UP_EVERY_S = 0.05
_PROGRESS_EVERY_S = 0.5
_SOURCE_MAY_TAKE_S = 2.0
_ABORT_MAY_TAKE_S = 1.0
_DURATION_GRACE_S = 1.0

OnProgress = Callable[[int, int | None, str], None]
"""Called with colour frames stored, colour frames in all if that is known, and a note."""
OnStatus = Callable[[LiveStatus], None]
"""Called with the state of the recording, about twice a second."""


@dataclass
class Problems:
    """Lines for the person at the terminal, in order; any thread adds to them.

    Attributes:
        fresh: Lines that have not been shown yet.
        fatal: The first one that ended the recording, or by which stored items may have suffered.
    """

    fresh: "SimpleQueue[str]" = field(default_factory=SimpleQueue)
    fatal: str | None = None

    def add(self, text: str, is_fatal: bool) -> None:
        """Note a problem."""
        if is_fatal:
            self.fatal = self.fatal or text
        self.fresh.put(text)

    def end(self, text: str) -> None:
        """Note what ends the recording: it is shown once, at the end."""
        self.fatal = self.fatal or text


class Pipeline:
    """The threads of one recording.

    source -> ring of 16 raw frames -> encoders -> 64 encoded frames -> writer; body rows go to the
    writer through a queue of 256; the shard keeper and the sync work beside the writer.
    """

    def __init__(
        self,
        sensor: Sensor,
        keeper: ShardKeeper,
        first_shard: ShardWriter,
        problems: Problems,
        control: RecordingControl,
        *,
        limits: Limits,
        encoder_threads: int,
        next_seq: dict[Stream, int],
        next_take: int,
        origin: dict[str, Any],
        clock: Clock,
        feed: LiveFeed | None = None,
    ) -> None:
        """Put the parts together; nothing runs yet.

        Args:
            sensor: An opened source; closed by the caller.
            keeper: Started.
            first_shard: The shard to write into.
            problems: Where all parts report what went wrong.
            control: How the recording is steered and ended from outside.
            limits: When it ends by itself.
            encoder_threads: How many frames are encoded at once.
            next_seq: The first seq of each stream.
            next_take: Number of the first take.
            origin: What session.json holds about each take besides its clocks.
            clock: Gives the time and makes what threads wait in.
            feed: Gets what comes and what is stored; None: no one follows.
        """
        self._clock = clock
        self._sensor, self._keeper = sensor, keeper
        self._problems, self._stop, self._limits = problems, control.stop_request, limits
        self._origin = origin
        self.takes = 0
        self.wall_s = 0.0
        queues = self._queues = Queues(clock)
        self.hand_over = HandOver(
            queues,
            live=sensor.info.live,
            next_seq=next_seq,
            next_take=next_take,
            on_take=self._begin_take,
            is_aborted=self._stop.is_aborted,
            clock=clock,
        )
        self.source_thread = SourceThread(
            sensor,
            self.hand_over,
            limits,
            control,
            on_problem=problems.add,
            on_retake=keeper.reject_frames,
            feed=feed,
            clock=clock,
        )
        self._encoders = Encoders(
            queues,
            threads=encoder_threads,
            size_px=sensor.info.color_size_px,
            plane_size_px=sensor.info.shape.plane_size_px,
            is_aborted=self._stop.is_aborted,
            on_failure=self._encoding_failed,
            clock=clock,
        )
        self.writer = Writer(
            queues,
            keeper,
            first_shard,
            on_full=self._end_by,
            on_problem=problems.add,
            clock=clock,
            feed=feed,
        )
        self._reporter: StatusReporter | None = None
        if feed is not None and feed.meter is not None:
            self._reporter = StatusReporter(
                first_shard.path.parent,
                feed.meter,
                self.source_thread,
                self.hand_over,
                self.writer,
                self._stop,
            )
        self._teller = Teller()
        self._told_progress_s = 0.0
        self._recorded_s = self._grew_s = 0.0

    def run(
        self,
        on_progress: OnProgress,
        on_warning: Callable[[str], None],
        on_status: OnStatus | None = None,
    ) -> None:
        """Record until a limit, the source's end or a stop; store and seal everything.

        Args:
            on_progress: Called about twice a second, in this thread.
            on_warning: Called with each problem as it comes up, in this thread.
            on_status: Called about twice a second, in this thread, if the feed has a meter.

        Raises:
            KeyboardInterrupt: Stopped for the second time; the disk stays as after a kill.
        """
        self._on_progress, self._on_warning, self._on_status = on_progress, on_warning, on_status
        self._began_s = self._now_s()
        self.writer.thread.start()
        self._encoders.start()
        self.source_thread.thread.start()
        self._wait_for_source()
        self._encoders.finish()
        self._join(*self._encoders.threads)
        self._queues.inbox.put(None)
        self._join(self.writer.thread)
        self.wall_s = self._now_s() - self._began_s
        self._keeper.finish(self.writer.shard)
        self._join(*self._keeper.threads)
        self._tell(at_once=True)

    def _now_s(self) -> float:
        return self._clock.now_ns() / SECOND_NS

    def _wait_for_source(self) -> None:
        """Watch over the source until it ends; one that hangs after a stop is closed, then left."""
        asked_s: float | None = None
        closed = False
        while self.source_thread.thread.is_alive():
            self._clock.join(self.source_thread.thread, _LOOK_UP_EVERY_S)
            self._look_after_source()
            self._look()
            if not self._stop.is_asked():
                continue
            asked_s = self._now_s() if asked_s is None else asked_s
            waited_s = self._now_s() - asked_s
            if waited_s > _SOURCE_MAY_TAKE_S and not closed:
                closed = True
                self._sensor.close()
            elif waited_s > 2 * _SOURCE_MAY_TAKE_S:
                self._problems.add(f"{self._sensor.info.uri}: does not stop; left behind", False)
                self.source_thread.leave_behind()
                return

    def _look_after_source(self) -> None:
        """Report a live source that is silent; end it when its time is up all the same."""
        if not self._sensor.info.live or self._stop.is_asked():
            return
        self.source_thread.look()
        seconds, recorded_s, now_s = (
            self._limits.duration_s,
            self.source_thread.recorded_s,
            self._now_s(),
        )
        if recorded_s != self._recorded_s or self.source_thread.steering.state != "recording":
            self._recorded_s, self._grew_s = recorded_s, now_s
        # what still comes in makes up for a silence, or for a source slower than it says
        since_s = now_s - max(self._grew_s, self._began_s + (seconds or 0.0))
        if seconds is not None and since_s > _DURATION_GRACE_S:
            self._stop.ask()

    def _look(self) -> None:
        if self._stop.is_aborted():
            self._abort()
        self._tell()

    def _tell(self, at_once: bool = False) -> None:
        while True:
            try:
                self._on_warning(self._problems.fresh.get_nowait())
            except Empty:
                break
        now_s = self._now_s()
        if not at_once and now_s - self._told_progress_s < _PROGRESS_EVERY_S:
            return
        self._told_progress_s = now_s
        known = [n for n in (self._sensor.info.frames, self._limits.frames) if n is not None]
        note = f"{self.writer.dropped} dropped"
        self._on_progress(self.writer.stored[Stream.color], min(known, default=None), note)
        if self._on_status is not None and self._reporter is not None:
            self._on_status(self._reporter.status(self._clock.now_ns()))

    def _join(self, *threads: threading.Thread) -> None:
        """Wait for threads in slices: a signal is noticed between them."""
        for thread in threads:
            while thread.is_alive():
                self._clock.join(thread, _LOOK_UP_EVERY_S)
                self._look()

    def _abort(self) -> None:
        """Give the threads a moment to leave native code, then leave without them."""
        self._sensor.close()
        self._encoders.finish()
        self._queues.inbox.put(None)
        self._keeper.abandon()
        until = self._now_s() + _ABORT_MAY_TAKE_S
        threads = (self.source_thread.thread, *self._encoders.threads, self.writer.thread)
        for thread in (*threads, *self._keeper.threads):
            self._clock.join(thread, max(0.0, until - self._now_s()))
        raise KeyboardInterrupt

    def _begin_take(self, take: dict[str, int]) -> None:
        self.takes += 1
        self._keeper.add_take({**take, **self._origin})

    def _encoding_failed(self, kind: EventKind, text: str) -> None:
        """Note a frame that can't be stored; a file must not lose any, so that ends there."""
        if not self._sensor.info.live:
            self._problems.end(text)
            self._stop.ask()
            return
        told = self._teller.line(kind, text, self._clock.now_ns())
        if told is not None:
            self._problems.add(told, False)

    def _end_by(self, reason: str) -> None:
        self._problems.end(f"{reason}; what was recorded until then is kept")
        self._stop.ask()
