"""Prepare the next shard, sync the present one and seal full ones, beside the writer."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, PriorityQueue, SimpleQueue

from ..core.errors import KincapError
from ..core.files.file_io import FileIO
from ..sessions.edits.retakes import reject_take
from ..sessions.folders import SESSION_FILE
from ..sessions.info import SessionInfo
from ..sessions.session_file import save_session
from ..sessions.shard.layout import Layout
from ..sessions.shard.sealing import finish, seal
from ..sessions.shard.shard_writer import ShardWriter
from .clock import Clock

SYNC_EVERY_S = 1.0
_NOT_SEALED = "can't be sealed, the next record or `kincap sessions repair` does it"

_NOW, _URGENT, _LATER, _LAST = range(4)


class ShardKeeper:
    """Two threads: one syncs each second, one prepares, seals and writes session.json.

    Sealing reads and hashes a whole shard; the sync of the present one must not wait for it.
    """

    def __init__(
        self,
        folder: Path,
        info: SessionInfo,
        layout: Layout,
        first_number: int,
        io: FileIO,
        on_problem: Callable[[str, bool], None],
        on_gone: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """Set up the threads; nothing is prepared yet.

        Args:
            folder: The session's folder, locked by this process.
            info: The session; only this object writes it from now on.
            layout: Of all shards of this recording.
            first_number: Number of the first shard.
            io: File handling.
            on_problem: Called with one line about what went wrong, and whether stored items may
                be damaged.
            on_gone: Called once if the session's folder is not there any more: the source has to
                stop.
            clock: Gives the time and makes what threads wait in.

        Attributes:
            is_gone: The folder was deleted, moved or replaced; nothing is done in it any more.
        """
        self._clock, self._on_gone = clock, on_gone
        self.is_gone = False
        self._folder, self._info, self._layout, self._io = folder, info, layout, io
        self._number = first_number
        self._on_problem = on_problem
        self._prepared: SimpleQueue[ShardWriter | None] = clock.queue()
        self._asked = False
        self.why_no_shard = ""
        self._jobs: PriorityQueue[tuple[int, int, Callable[[], None] | None]]
        self._jobs = clock.ordered_queue()
        self._job_count = 0
        self._jobs_lock = threading.Lock()
        self._current: ShardWriter | None = None
        # held around sync and close: a descriptor must not be closed under a running sync
        self._sync_lock = clock.lock()
        self._broken: set[ShardWriter] = set()
        self._unsaved = False
        self._stopping = threading.Event()
        self.names: list[str] = []
        self.crash: Exception | None = None
        self._threads = (
            threading.Thread(target=self._work, name="kincap-keeper", daemon=True),
            threading.Thread(target=self._sync_each_second, name="kincap-sync", daemon=True),
        )

    def first_shard(self) -> ShardWriter:
        """Prepare the first shard in the calling thread, and start.

        Raises:
            OSError: There is no room, or the folder can't be written.
        """
        shard = self._make()
        self._use(shard)
        for thread in self._threads:
            thread.start()
        return shard

    def prepare_next(self) -> None:
        """Have the next shard prepared; asked by the writer when the present one fills up."""
        if not self._asked:
            self._asked = True
            self._put(_URGENT, self._prepare)

    def next_shard(self) -> ShardWriter | None:
        """Return the next shard, prepared in time as a rule; None if it can't be made."""
        self.prepare_next()
        shard = self._prepared.get()
        self._asked = False
        if shard is not None:
            self._use(shard)
        return shard

    def retire(self, shard: ShardWriter) -> None:
        """Have a full shard sealed."""
        self._put(_LATER, lambda: self._seal(shard))

    def is_broken(self, shard: ShardWriter) -> bool:
        """Return True if a sync of the shard failed: nothing more may be written to it."""
        return shard in self._broken

    def add_take(self, take: dict[str, object]) -> None:
        """Have a take written into session.json; a failure is tried again at the end."""

        def save() -> None:
            self._info.takes.append(take)
            self._unsaved = True
            if not self._is_here(self._current):
                return
            try:
                save_session(self._folder, self._info, self._io)
                self._unsaved = False
            except OSError as error:
                text = f"can't be written ({error.strerror}); tried again at the end"
                self._on_problem(f"{self._folder / SESSION_FILE}: {text}", False)

        self._put(_URGENT, save)

    def reject_frames(self, seq_first: int, seq_last: int) -> None:
        """Have the frames of a take rejected in edits.json: another take replaces it."""

        def reject() -> None:
            if not self._is_here(self._current):
                return
            try:
                reject_take(self._folder, seq_first, seq_last, self._io)
            except (OSError, KincapError) as error:
                text = f"frames {seq_first} to {seq_last} of a retake can't be rejected ({error})"
                self._on_problem(f"{self._folder}: {text}; kincap review can do it", False)

        self._put(_URGENT, reject)

    def finish(self, last: ShardWriter) -> None:
        """End cleanly: seal what is left and cut the last shard to its content.

        Returns at once; the ``threads`` end when all is done. The writer has ended before.
        """
        self._put(_LAST, lambda: self._finish_last(last))
        self._put(_LAST, None)
        self._stopping.set()

    def abandon(self) -> None:
        """End the threads after their present job; jobs that wait are dropped."""
        self._put(_NOW, None)
        self._stopping.set()

    @property
    def threads(self) -> tuple[threading.Thread, ...]:
        """The threads, to be joined after ``finish``."""
        return self._threads

    def _put(self, priority: int, job: Callable[[], None] | None) -> None:
        with self._jobs_lock:
            self._job_count += 1
            self._jobs.put((priority, self._job_count, job))

    def _work(self) -> None:
        while (job := self._jobs.get()[2]) is not None:
            try:
                job()
            except Exception as error:
                # a fault of kincap's own: the thread lives on, or the writer would wait for ever
                self.crash = self.crash or error
                self._on_problem(f"{self._folder}: {type(error).__name__}: {error}", True)

    def _make(self) -> ShardWriter:
        shard = ShardWriter(self._folder / f"{self._number:06d}.h5", self._layout, self._io)
        shard.prepare()
        self._number += 1
        return shard

    def _use(self, shard: ShardWriter) -> None:
        self._current = shard
        self.names.append(shard.path.name)

    def _prepare(self) -> None:
        shard = None
        try:
            if self._is_here(self._current):
                shard = self._make()
            else:
                self.why_no_shard = "the folder is gone"
        except OSError as error:
            self.why_no_shard = error.strerror or str(error)
            self._on_problem(
                f"{self._folder}: the next shard can't be prepared ({error.strerror}); "
                "recording ends when the present one is full",
                False,
            )
        finally:
            self._prepared.put(shard)

    def _sync_each_second(self) -> None:
        while not self._clock.wait(self._stopping, SYNC_EVERY_S):
            with self._sync_lock:
                shard = self._current
                if not self._is_here(shard) or shard is None or shard in self._broken:
                    continue
                try:
                    shard.sync()
                except OSError as error:
                    self._broken.add(shard)
                    self._on_problem(
                        f"{shard.path}: can't be synced ({error.strerror}); "
                        "recording goes on in the next shard",
                        True,
                    )

    def _is_here(self, shard: ShardWriter | None) -> bool:
        """Return True if the session's folder still holds the shard that is written.

        Another folder of the same name belongs to someone else: nothing is written into it.
        """
        if self.is_gone or shard is None or shard.is_in_place():
            return not self.is_gone
        self.is_gone = True
        self._on_gone(
            f"{shard.path}: deleted, moved or replaced while it was recorded into; the recording "
            f"ends. If the folder was moved, kincap sessions repair {self._folder.name} completes "
            "it there"
        )
        return False

    def _close(self, shard: ShardWriter) -> None:
        with self._sync_lock:
            if self._current is shard:
                self._current = None
            self._try(f"{shard.path}: the disk says that it is not whole", shard.close)

    def _seal(self, shard: ShardWriter) -> None:
        is_here = self._is_here(shard)
        self._close(shard)
        if not is_here:
            return
        if shard in self._broken:
            # once a sync failed, the next may say yes to pages that never reached the disk; they
            # can still be read: a copy of them is written, synced and compared
            self._try(f"{shard.path}: {_NOT_SEALED}", lambda: self._cut_and_seal(shard))
            return
        self._try(
            f"{shard.path}: {_NOT_SEALED}",
            lambda: seal(self._folder, shard.path.name, self._layout, self._io),
        )

    def _cut_and_seal(self, shard: ShardWriter) -> None:
        _, note = finish(self._folder, shard.path.name, self._layout, self._io)
        if note:
            self._on_problem(note, False)

    def _finish_last(self, last: ShardWriter) -> None:
        is_here = self._is_here(last)
        self._close(last)
        if not is_here:
            self._close_unused()
            return
        for unused in self._close_unused():
            self._remove(unused)
        if self._unsaved or not (self._folder / SESSION_FILE).exists():
            self._try(
                f"{self._folder / SESSION_FILE}: can't be written, the clocks of the last take "
                "are in its shards alone",
                lambda: save_session(self._folder, self._info, self._io),
            )
        if not any(last.rows.values()):
            self.names.remove(last.path.name)
            self._remove(last)
            return
        self._try(f"{last.path}: {_NOT_SEALED}", lambda: self._cut_and_seal(last))

    def _close_unused(self) -> list[ShardWriter]:
        """Close shards that were prepared and are not needed any more; return them."""
        unused = []
        with contextlib.suppress(Empty):
            while True:
                shard = self._prepared.get_nowait()
                if shard is not None:
                    with contextlib.suppress(OSError):
                        shard.close()  # it holds no row
                    unused.append(shard)
        return unused

    def _remove(self, empty: ShardWriter) -> None:
        """Delete an empty shard."""
        self._try(
            f"{empty.path}: is empty and can't be deleted", lambda: self._io.remove(empty.path)
        )

    def _try(self, problem: str, work: Callable[[], object]) -> None:
        """Do something; report a disk that refuses. Stored items stay as they are."""
        try:
            work()
        except (OSError, KincapError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            self._on_problem(f"{problem} ({why})", True)
