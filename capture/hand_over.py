"""The hand-over from source to queues, which never waits for a live source.

source thread -> rings of 16 raw pictures -> encoders -> 64 encoded pictures -> writer
-> 256 body rows -------------------------------------------> writer
"""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..sessions.schema import ROW_HEAD, EventKind, Stream, event_row
from .clock import Clock
from .queues import BodyJob, EventJob, FrameJob, Loss, Places, Queues
from .sources.sensor import BodyFrame, ColorFrame, Lost, PlaneFrame, TakeStart
from .stats import Latencies

_BEHIND = {EventKind.drop_ring_full, EventKind.drop_writer}
"""The recorder itself was too slow: one run of losses, whichever part was behind at first."""
_LOOK_UP_EVERY_S = 0.1
MOST_COUNTED = 0xFFFFFFFF


class HandOver:
    """The source thread's side: numbers every item, then queues it or counts it as lost."""

    def __init__(
        self,
        queues: Queues,
        *,
        live: bool,
        next_seq: dict[Stream, int],
        next_take: int,
        on_take: Callable[[dict[str, int]], None],
        is_aborted: Callable[[], bool],
        clock: Clock,
    ) -> None:
        """Prepare the hand-over of one recording.

        Args:
            queues: Receive the items.
            live: Drop an item that finds no place; otherwise wait for one.
            next_seq: The first seq of each stream.
            next_take: The number of the first take.
            on_take: Called with each new take: take, wall_utc_ns, host_ns, device_100ns.
            is_aborted: Returns True once waiting is pointless.
            clock: Gives the time.
        """
        self._now_ns = clock.now_ns
        self._queues, self._live = queues, live
        self._next_seq = dict(next_seq)
        self._take, self._on_take = next_take - 1, on_take
        self._first_take = next_take
        self._is_aborted = is_aborted
        self._open_loss: dict[Stream, Loss] = {}
        self._tickets = 0
        self._buffers: dict[tuple[Stream, int], npt.NDArray[Any]] = {}
        self.handed = dict.fromkeys(next_seq, 0)
        self.not_stored = dict.fromkeys(next_seq, 0)
        self.waits = Latencies()
        self.whole = Latencies()

    @property
    def take(self) -> int:
        """Number of the present take; that of the one before the first if none has begun."""
        return self._take

    def next_seq(self, stream: Stream) -> int:
        """Return the number that the next item of a stream will have."""
        return self._next_seq[stream]

    def start_take(self, start: TakeStart, first_time: int) -> None:
        """Begin a take; a source's first item must come after one."""
        self.close_losses()
        self._take += 1
        anchor = {
            "wall_utc_ns": time.time_ns() if start.wall_utc_ns is None else start.wall_utc_ns,
            "host_ns": self._now_ns() if start.host_ns is None else start.host_ns,
            "device_100ns": first_time if start.device_100ns is None else start.device_100ns,
        }
        self.event(
            EventKind.take_start,
            time_device=anchor["device_100ns"],
            time_host=anchor["host_ns"],
            text=json.dumps(anchor),
        )
        self._on_take({"take": self._take, **anchor})

    def event(
        self,
        kind: EventKind,
        *,
        time_device: int,
        time_host: int,
        stream: Stream = Stream.none,
        seqs: tuple[int, int] = (0, 0),
        count: int = 0,
        text: str = "",
    ) -> None:
        """Queue an event other than a loss, of the present take or, before it, of the first one.

        Args:
            kind: Kind of the event.
            time_device: 100 ns.
            time_host: ns.
            stream: The stream concerned.
            seqs: Its first and last item concerned.
            count: Number of items.
            text: For a person.
        """
        row = event_row(
            kind,
            take=max(self._take, self._first_take),
            time_device=time_device,
            time_host=time_host,
            stream=stream,
            seq_first=seqs[0],
            seq_last=seqs[1],
            count=min(count, MOST_COUNTED),
            text=text,
        )
        self._queues.inbox.put(EventJob(row))

    def frame(self, frame: ColorFrame | PlaneFrame) -> None:
        """Hand over a colour frame, a mask or a depth frame."""
        began = self._now_ns()
        stream = Stream.color if isinstance(frame, ColorFrame) else frame.stream
        seq = self._number(stream)
        place = self._place(self._queues.raw_places[stream], frame.may_wait)
        self.waits.add(self._now_ns() - began)
        if place is None:
            behind = self._queues.encoded_places.empty()
            kind = EventKind.drop_writer if behind else EventKind.drop_ring_full
            self._lose(stream, kind, seq, frame.time_device, frame.time_host)
            if frame.release is not None:
                frame.release()
            return
        if frame.release is None and frame.image is not None:
            frame.image = self._copy((stream, place), frame.image)
        job = FrameJob(
            self._tickets, stream, seq, self._take, frame, place, began, self._found(stream)
        )
        self._tickets += 1
        self._queues.raw.put(job)
        self.whole.add(self._now_ns() - began)

    def bodies(self, frame: BodyFrame) -> None:
        """Hand over a body row."""
        began = self._now_ns()
        seq = self._number(Stream.bodies)
        place = self._place(self._queues.body_places, frame.may_wait)
        self.waits.add(self._now_ns() - began)
        _, _, time_device, time_host = ROW_HEAD.unpack_from(frame.row.data)
        if place is None:
            self._lose(Stream.bodies, EventKind.drop_queue_full, seq, time_device, time_host)
            return
        ROW_HEAD.pack_into(frame.row.data, 0, seq, self._take, time_device, time_host)
        before = self._found(Stream.bodies)
        self._queues.inbox.put(
            BodyJob(frame.row, seq, self._take, time_device, time_host, began, before)
        )
        self.whole.add(self._now_ns() - began)

    def lost(self, item: Lost) -> None:
        """Count an item that the source itself lost."""
        seq = self._number(item.stream)
        self._lose(item.stream, item.kind, seq, item.time_device, item.time_host)

    def leave_out(self, stream: Stream, time_device: int, time_host: int) -> None:
        """Count an item that came while recording was paused."""
        seq = self._number(stream)
        self.not_stored[stream] += 1
        self._lose(stream, EventKind.not_stored, seq, time_device, time_host)

    def close_losses(self) -> None:
        """Queue the losses and what was left out that no accepted item has followed."""
        for loss in self._open_loss.values():
            self._queues.inbox.put(loss)
        self._open_loss.clear()

    def _number(self, stream: Stream) -> int:
        seq = self._next_seq[stream]
        self._next_seq[stream] = seq + 1
        self.handed[stream] += 1
        return seq

    def _place(self, places: Places, may_wait: bool) -> int | None:
        """Take a place; return None if there is none and the item can't wait."""
        place = places.take()
        if self._live and not may_wait:
            return place
        while place is None and not self._is_aborted():
            place = places.wait(_LOOK_UP_EVERY_S)
        return place

    def _copy(self, place: tuple[Stream, int], image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Copy an image into the ring's own memory, made at first use."""
        buffer = self._buffers.get(place)
        if buffer is None or buffer.shape != image.shape or buffer.dtype != image.dtype:
            buffer = self._buffers[place] = np.empty_like(image, order="C")
        np.copyto(buffer, image)
        return buffer

    def _lose(
        self, stream: Stream, kind: EventKind, seq: int, time_device: int, time_host: int
    ) -> None:
        """Count a lost item, together with those before it if the reason is the same."""
        loss = self._open_loss.get(stream)
        if loss is not None and loss.kind != kind and not {loss.kind, kind} <= _BEHIND:
            self._queues.inbox.put(loss)
            loss = None
        if loss is None:
            self._open_loss[stream] = Loss(
                stream, kind, seq, seq, self._take, time_device, time_host
            )
        else:
            loss.seq_last = seq

    def _found(self, stream: Stream) -> Loss | None:
        """Return the run of losses that ends with the item accepted now."""
        return self._open_loss.pop(stream, None)
