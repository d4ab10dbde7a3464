"""The one thread that writes: puts frames back in order, stores items, rotates shards."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy.typing as npt

from ..core.files.acknowledgements import Phase, phase
from ..sessions.schema import BLOBS, STREAM_TABLE, EventKind, Stream, event_row
from ..sessions.shard.shard_writer import ShardWriter
from .clock import Clock
from .live.feed import LiveFeed
from .queues import BodyJob, EncodedFrame, Loss, Queues, WriterItem, index_row
from .shard_keeper import ShardKeeper
from .stats import Latencies
from .watches.frozen import FrozenPictures
from .watches.observations import Observation, Teller, items_of

PREPARE_AT = 0.6
"""Fill level of the present shard, 0 to 1, at which the next one is asked for."""
_WHY_LOST = {
    EventKind.drop_ring_full: "the processor is behind, frames wait to be encoded",
    EventKind.drop_queue_full: "the disk is behind",
    EventKind.drop_writer: "the disk is behind",
    EventKind.drop_source: "the source says so",
    EventKind.drop_stale: "their times can't be used",
}
"""Texts for the person; the other reasons are reported where they are found."""
_SPARE_EVENTS = 16
"""Event rows kept free for the end of a recording without a next shard."""


class Writer:
    """Stores all items until the end mark, whatever the disk does."""

    def __init__(
        self,
        queues: Queues,
        keeper: ShardKeeper,
        shard: ShardWriter,
        *,
        on_full: Callable[[str], None],
        on_problem: Callable[[str, bool], None],
        clock: Clock,
        feed: LiveFeed | None = None,
    ) -> None:
        """Prepare the thread.

        Args:
            queues: Where items come from.
            keeper: Gives the next shard and seals full ones.
            shard: The first shard.
            on_full: Called when nothing more can be stored: the source has to stop.
            on_problem: Called with one line about what went wrong, and whether stored items may
                be damaged.
            clock: Gives the time.
            feed: Gets every stored JPEG; None: no one follows.
        """
        self._now_ns, self._feed = clock.now_ns, feed
        self._queues, self._keeper, self.shard = queues, keeper, shard
        self._on_full, self._on_problem = on_full, on_problem
        self._closing = False
        self._ended: set[str] = set()
        self._take = 0
        self._next_ticket = 0
        self._early: dict[int, EncodedFrame] = {}
        self._losses: dict[Stream, Loss] = {}
        self._frozen, self._teller = FrozenPictures(), Teller()
        self._watched_take = 0
        self.stored = dict.fromkeys(Stream, 0)
        self.lost: Counter[str] = Counter()
        self.not_stored: Counter[str] = Counter()
        self.written_bytes = 0
        self._unwritten = 0
        self.color_bytes = 0
        self.crash: Exception | None = None
        self.append_times = Latencies()
        self.disk_times = Latencies()
        self.thread = threading.Thread(target=self._run, name="kincap-writer", daemon=True)

    @property
    def dropped(self) -> int:
        """Number of items lost, for any reason."""
        return self.lost.total()

    def _run(self) -> None:
        inbox = self._queues.inbox
        while (item := inbox.get()) is not None:
            try:
                self._handle(item)
            except Exception as error:
                # a fault of kincap's own: keep emptying the queues, or all threads would wait here
                self.crash = self.crash or error
                self._close(f"{self.shard.path}: {type(error).__name__}: {error}")
        for stream in tuple(self._losses):
            self._tell_loss(stream)
        self._note(self._frozen.end_take())
        if self._unwritten:
            where, count = self.shard.path.parent, self._unwritten
            self._on_problem(
                f"{where}: {count} lost items have no event, as the disk took none", False
            )

    def _handle(self, item: WriterItem) -> None:
        if isinstance(item, EncodedFrame):
            self._early[item.job.ticket] = item
            while (frame := self._early.pop(self._next_ticket, None)) is not None:
                self._next_ticket += 1
                self._queues.encoded_places.put(0)
                self._frame(frame)
        elif isinstance(item, BodyJob):
            self._queues.body_places.give_back(0)
            self._body(item)
        elif isinstance(item, Loss):
            self._lose(item)
        elif not self._append("events", item.row):
            self._on_problem("an event found no room", False)

    def _frame(self, frame: EncodedFrame) -> None:
        job, source = frame.job, frame.job.frame
        self._take = job.take
        if job.before is not None:
            self._lose(job.before)
        kind = frame.drop
        if frame.blob is not None:
            row = index_row(job)
            if self._store(job.stream, row, frame.blob, frame.crc32, job.handed_ns):
                if job.stream is Stream.color:
                    self.color_bytes += len(frame.blob)
                    self._watch_image(frame)
                    if self._feed is not None:
                        self._feed.stored(job.seq, source.time_device, frame.blob)
                return
            kind = EventKind.drop_writer
        self._lose(
            Loss(job.stream, kind, job.seq, job.seq, job.take, source.time_device, source.time_host)
        )

    def _watch_image(self, frame: EncodedFrame) -> None:
        """Notice an image that comes again and again, byte for byte."""
        job, size = frame.job, len(frame.blob or b"")
        if job.take != self._watched_take:
            self._note(self._frozen.end_take())
            self._watched_take = job.take
        text, stored = self._frozen.picture(job.seq, frame.crc32, size, job.frame.time_device)
        if text is not None:
            self._tell_now("frozen", text)
        self._note(stored)

    def _tell_now(self, key: object, text: str) -> None:
        """Tell the person, unless a similar line was shown a moment ago."""
        told = self._teller.line(key, text, self._now_ns())
        if told is not None:
            self._on_problem(told, False)

    def _note(self, findings: Iterable[Observation]) -> None:
        """Store the findings in the images of a take as events."""
        for finding in findings:
            row = event_row(
                finding.kind,
                take=self._watched_take,
                time_device=finding.time_device,
                time_host=self._now_ns(),
                stream=finding.stream,
                seq_first=finding.seq_first,
                seq_last=finding.seq_last,
                count=finding.count,
                text=finding.text,
            )
            self._append("events", row)

    def _body(self, job: BodyJob) -> None:
        self._take = job.take
        if job.before is not None:
            self._lose(job.before)
        if not self._store(Stream.bodies, job.row, None, None, job.handed_ns):
            kind = EventKind.drop_writer
            lost = Loss(
                Stream.bodies, kind, job.seq, job.seq, job.take, job.time_device, job.time_host
            )
            self._lose(lost)

    def _store(
        self,
        stream: Stream,
        row: bytes | npt.NDArray[Any],
        blob: bytes | None,
        crc: int | None,
        handed_ns: int,
    ) -> bool:
        """Store an item after the losses before it; return False if nothing more can be stored."""
        if STREAM_TABLE[stream] in self._ended:
            return False
        if self._losses:
            self._tell_loss(stream)
        began = self._now_ns()
        if not self._append(STREAM_TABLE[stream], row, blob, crc):
            return False
        done = self._now_ns()
        if stream is Stream.color:
            self.append_times.add(done - began)
            self.disk_times.add(done - handed_ns)
        self.stored[stream] += 1
        self.written_bytes += len(row) if isinstance(row, bytes) else row.nbytes
        self.written_bytes += 0 if blob is None else len(blob)
        return True

    def _append(
        self,
        table: str,
        row: bytes | npt.NDArray[Any],
        blob: bytes | None = None,
        crc: int | None = None,
    ) -> bool:
        """Write into the present shard, or into the next one if that is full or fails."""
        if self._closing:
            return self._append_last(table, row, blob, crc)
        size = 0 if blob is None else len(blob)
        if size and size > self.shard.layout.tables[BLOBS].rows:
            name = self.shard.path.name
            self._close(f"{name}: a frame of {size} bytes fits into no shard; raise --shard-mib")
            return False
        full = not self._fits(table, size) or self._keeper.is_broken(self.shard)
        if full and not self._rotate():
            return self._append_last(table, row, blob, crc)
        try:
            self.shard.append(table, row, blob, blob_crc=crc)
        except OSError as error:
            self._on_problem(f"{self.shard.path}: a write failed ({error.strerror})", False)
            return self._append_elsewhere(table, row, blob, crc)
        if self.shard.used(table) >= PREPARE_AT:
            self._keeper.prepare_next()
        return True

    def _append_elsewhere(
        self, table: str, row: bytes | npt.NDArray[Any], blob: bytes | None, crc: int | None
    ) -> bool:
        """Try once more in the next shard: a bad place on a disk need not end a recording."""
        failed = self.shard.path.name
        if not self._rotate():
            return False
        try:
            text = f"a write to {failed} failed"
            note = event_row(EventKind.write_failed, take=self._take, text=text)
            self.shard.append("events", note)
            self.shard.append(table, row, blob, blob_crc=crc)
        except OSError as error:
            self._close(f"{self.shard.path}: a write failed again ({error.strerror})")
            self._ended.add(table)
            return False
        return True

    def _append_last(
        self, table: str, row: bytes | npt.NDArray[Any], blob: bytes | None, crc: int | None
    ) -> bool:
        """Write into the room that is left if no shard follows; a stream once ended stays so."""
        size = 0 if blob is None else len(blob)
        if table in self._ended or not self.shard.fits(table, size):
            self._ended.add(table)
            return False
        try:
            self.shard.append(table, row, blob, blob_crc=crc)
        except OSError:
            self._ended.add(table)
            return False
        return True

    def _fits(self, table: str, size: int) -> bool:
        shard = self.shard
        if table == "events":
            rows = shard.layout.tables["events"].rows
            return shard.rows["events"] < rows - _SPARE_EVENTS
        return shard.fits(table, size)

    def _rotate(self) -> bool:
        """Go on in the next shard; all streams rotate together."""
        phase(Phase.ROTATE_BEGIN)
        following = self._keeper.next_shard()
        if following is None:
            why = self._keeper.why_no_shard
            self._close(f"{self.shard.path.parent}: no further shard can be made ({why})")
        else:
            full, self.shard = self.shard, following
            self._keeper.retire(full)
        phase(Phase.ROTATE_END)
        return following is not None

    def _close(self, reason: str) -> None:
        """End the recording: items that are queued are stored as far as there is room."""
        self._closing = True
        self._on_full(reason)

    def _lose(self, loss: Loss) -> None:
        """Keep a loss until an item of its stream is stored or it can't be joined with more.

        After the end of the disk all losses in a row become one event, under the first reason: few
        rows are left.
        """
        kept = self._losses.get(loss.stream)
        if kept is not None:
            joins = kept.seq_last + 1 == loss.seq_first and kept.take == loss.take
            both_lost = kept.kind.is_drop and loss.kind.is_drop
            if joins and (kept.kind == loss.kind or (self._closing and both_lost)):
                kept.seq_last = loss.seq_last
                return
            self._tell_loss(loss.stream)
        self._losses[loss.stream] = loss

    def _tell_loss(self, stream: Stream) -> None:
        loss = self._losses.pop(stream, None)
        if loss is None:
            return
        if loss.kind is EventKind.not_stored:
            self.not_stored[stream.name] += loss.count
        else:
            self.lost[loss.kind.name.removeprefix("drop_")] += loss.count
        why = _WHY_LOST.get(loss.kind)
        if why is not None and not self._closing:
            text = f"{loss.count} {items_of(loss.stream, loss.count)} lost: {why}"
            self._tell_now((loss.kind, stream), text)
        row = event_row(
            loss.kind,
            take=loss.take,
            time_device=loss.time_device,
            time_host=loss.time_host,
            stream=stream,
            seq_first=loss.seq_first,
            seq_last=loss.seq_last,
            count=loss.count,
        )
        if not self._append("events", row):
            self._unwritten += loss.count
