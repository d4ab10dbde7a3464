"""The source thread: asks the source for items, begins takes, knows when it is enough."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..core.shard import EventKind, Stream
from .clock import Clock
from .ring import HandOver
from .sensor import (
    KINECT_TICK_100NS,
    BodyFrame,
    ColorFrame,
    Item,
    Lost,
    Notice,
    PlaneFrame,
    Sensor,
    TakeStart,
)
from .stop import Stop
from .watch import BodyWatch

Timed = ColorFrame | BodyFrame | PlaneFrame | Lost
"""Items that have a device time and a number."""


@dataclass(frozen=True)
class Limits:
    """When a recording ends by itself: frames handed over, seconds recorded; None: no limit."""

    frames: int | None = None
    duration_s: float | None = None


class Feed:
    """Carries items from a source into the hand-over until something ends it."""

    def __init__(
        self,
        sensor: Sensor,
        hand_over: HandOver,
        limits: Limits,
        stop: Stop,
        on_problem: Callable[[str, bool], None],
        clock: Clock,
    ) -> None:
        """Prepare the thread.

        Args:
            sensor: An opened source.
            hand_over: Where items go.
            limits: When it ends by itself.
            stop: How it is ended from outside.
            on_problem: Told what the person should know.
            clock: What time is taken from.

        Attributes:
            error: What the source threw; what came before it is kept.
            last_item_ns: Host time of the last item, or of the start.
            last_time: Device time of the last item, 100 ns.
        """
        self._sensor, self._hand_over = sensor, hand_over
        self._now_ns = clock.now_ns
        self._limits, self._stop, self._on_problem = limits, stop, on_problem
        streams = sensor.info.streams
        self._counted = Stream.color if "color" in streams else Stream.bodies
        self._body_watch = BodyWatch() if "bodies" in streams else None
        self._take_began: int | None = None
        self._last_body = -1
        self._recorded_before = 0
        self.error: Exception | None = None
        self.last_item_ns = self._now_ns()
        self.last_time = 0
        self.thread = threading.Thread(target=self._run, name="kincap-source", daemon=True)

    @property
    def recorded_s(self) -> float:
        """How much time the takes cover, by the source's clock."""
        here = 0 if self._take_began is None else self.last_time - self._take_began
        return (self._recorded_before + here) / 1e7

    @property
    def bodies_seen(self) -> int:
        """Body rows in which somebody was tracked."""
        return 0 if self._body_watch is None else self._body_watch.bodies_seen

    def _run(self) -> None:
        try:
            self._carry()
        except Exception as error:
            # whatever a device's code throws: what came before is stored and sealed
            self.error = error
        if self._take_began is None and self.error is None and not self._stop.is_asked():
            self._on_problem(f"{self._sensor.info.uri}: gave no item at all", False)
        elif self._body_watch is not None and self._body_watch.is_unseen():
            self._tell(EventKind.no_body, "no body was seen in the whole recording")
        self._hand_over.close_losses()

    def _carry(self) -> None:
        start: TakeStart | None = TakeStart()
        items = self._sensor.items()
        for item in items:
            if isinstance(item, TakeStart):
                start = item
                continue
            if isinstance(item, Notice):
                self._tell(item.kind, item.text)
                continue
            time_device = _time_of(item)
            if start is not None:
                self._start_take(start, time_device)
                start = None
            # an item that was given is always taken: the source counts it as handed over
            self._take(item, time_device)
            if self._stop.is_asked():
                return
            if self._is_enough():
                self._complete(items, time_device)
                return

    def _take(self, item: Timed, time_device: int) -> None:
        self.last_item_ns, self.last_time = self._now_ns(), time_device
        if isinstance(item, BodyFrame):
            self._last_body = time_device
            self._hand_over.bodies(item)
        elif isinstance(item, Lost):
            self._hand_over.lost(item)
        else:
            self._hand_over.picture(item)
        self._watch(item, time_device)

    def _complete(self, items: Iterator[Item], time_color: int) -> None:
        """Take the body row that belongs to the last picture, where it comes right after it."""
        wants_body = self._body_watch is not None and self._counted is Stream.color
        if not wants_body or self._last_body >= time_color - KINECT_TICK_100NS // 2:
            return
        item = next(items, None)
        if isinstance(item, BodyFrame):
            self._take(item, _time_of(item))
        elif isinstance(item, ColorFrame | PlaneFrame) and item.release is not None:
            item.release()

    def _watch(self, item: Timed, time_device: int) -> None:
        watch = self._body_watch
        if watch is None:
            return
        if isinstance(item, BodyFrame):
            watch.body(item.row)
        alone_s = watch.seconds_alone(time_device)
        if alone_s is not None:
            self._tell(
                EventKind.no_body,
                f"no body seen for {alone_s:.0f} s: is somebody in front of the sensor?",
            )

    def _tell(self, kind: EventKind, text: str) -> None:
        """Tell the person, and store that as an event."""
        self._on_problem(text, False)
        self._hand_over.event(
            kind, time_device=self.last_time, time_host=self.last_item_ns, text=text
        )

    def _start_take(self, start: TakeStart, time_device: int) -> None:
        is_first = self._take_began is None
        if self._take_began is not None:
            self._recorded_before += self.last_time - self._take_began
        self._take_began = self.last_time = time_device
        self._last_body = -1
        self._hand_over.start_take(start, time_device)
        if self._body_watch is not None:
            self._body_watch.restart()
        if is_first:
            for warning in self._sensor.info.warnings:
                self._tell(EventKind.warning, warning)

    def _is_enough(self) -> bool:
        frames, seconds = self._limits.frames, self._limits.duration_s
        if frames is not None and self._hand_over.handed[self._counted] >= frames:
            return True
        return seconds is not None and self.recorded_s >= seconds


def _time_of(item: Timed) -> int:
    """Return an item's device time, 100 ns."""
    if isinstance(item, BodyFrame):
        return int(item.row["time_device"][0])
    return item.time_device
