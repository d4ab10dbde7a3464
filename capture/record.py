"""Records from a source into a session: ``kincap record`` without the command line.

    result = record(RecordSettings(session="clothing3", source="simulator:frames=300"))

Everything that can be wrong with the settings is found before anything is written.
"""

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec

import numpy as np

from ..core.errors import KincapError, SensorError, SessionError
from ..core.files.fault_injection import default_io
from ..core.files.file_io import FileIO
from ..core.jpeg import encode_jpeg
from ..report.guard_rails import alarm_lines
from ..report.quality import poor_lines, report_of_recording
from ..sessions.edits.retakes import reject_retaken
from ..sessions.folders import SESSION_FILE, next_shard_number, session_folder
from ..sessions.info import SessionInfo
from ..sessions.lock import LOCK_FILE, SessionLock
from ..sessions.reader import SessionReader
from ..sessions.schema import Stream
from ..sessions.session_file import load_session, save_session
from ..sessions.shard.layout import Layout, make_layout
from ..sessions.shard.recovery import recover
from ..sessions.summary import summarise
from .clock import Clock, SystemClock
from .live.control import RecordingControl
from .live.feed import LiveFeed
from .live.meter import StreamMeter
from .live.observers import LatestPicture, Observer
from .pipeline import OnProgress, OnStatus, Pipeline, Problems
from .record_result import RecordError as RecordError
from .record_result import RecordResult as RecordResult
from .settings import RecordSettings as RecordSettings
from .settings import check_settings
from .shard_keeper import ShardKeeper
from .source_thread import Limits
from .sources.registry import open_source
from .sources.sensor import Sensor, SensorInfo, TruthKeeper
from .stop import stop_on_signals
from .target import LEFT_BY_A_LOCK, add_to, check_target, info_of_new, origin_of_takes

MAX_ENCODERS = 4
LayoutOf = Callable[[SessionInfo, RecordSettings, SensorInfo], Layout]
_Words = ParamSpec("_Words")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def record(
    settings: RecordSettings,
    *,
    sensor: Sensor | None = None,
    io: FileIO | None = None,
    layout_of: LayoutOf | None = None,
    on_progress: OnProgress | None = None,
    on_warning: Callable[[str], None] | None = None,
    on_status: OnStatus | None = None,
    control: RecordingControl | None = None,
    observers: Sequence[Observer] = (),
    picture: LatestPicture | None = None,
    on_source: Callable[[SensorInfo], None] | None = None,
    clock: Clock | None = None,
) -> RecordResult:
    """Record until a limit, the source's end, Ctrl-C or SIGTERM.

    Args:
        settings: What to record.
        sensor: A source that is open already, instead of ``settings.source``; closed here.
        io: File handling; None: the real one.
        layout_of: Makes the template of the shards; None: one of ``settings.shard_mib``.
        on_progress: Called with the progress, about twice a second.
        on_warning: Called with one line when something happens that the person should know.
        on_status: Called with the state of the recording, about twice a second.
        control: Steers and ends it from other threads; None: only its limits and signals do.
        observers: Follow its frames and bodies, in a thread of their own.
        picture: Gets the newest picture, for previews.
        on_source: Called with the source's description before anything is written; may refuse it.
        clock: Gives the time and makes what threads wait in; None: the system's.

    Returns:
        Counts, files and the report.

    Raises:
        KincapError: A setting or the source can't be used (exit 2 or 3); nothing was written.
        RecordError: It broke off (exit 1): disk full, source lost; what came before is kept.
        KeyboardInterrupt: Asked to stop a second time; the disk stays as after a kill.
    """
    check_settings(settings)
    folder = session_folder(settings.recordings, settings.session)
    source = sensor or open_source(settings.source, settings.streams)
    try:
        if settings.strict and source.info.warnings:
            raise SensorError(f"{'; '.join(source.info.warnings)}; --strict refuses that")
        check_target(folder, settings, source)
        if on_source is not None:
            on_source(source.info)
        io = io or default_io()
        clock = clock or SystemClock()
        feed = _feed(observers, picture, on_status)
        with _begin(
            folder, settings, source, io, layout_of or _layout, clock, control, feed
        ) as job:
            return job.run(on_progress, on_warning, on_status)
    finally:
        source.close()


def _feed(
    observers: Sequence[Observer], picture: LatestPicture | None, on_status: OnStatus | None
) -> LiveFeed | None:
    """Return what those that follow the recording get; None: no one does."""
    if not observers and picture is None and on_status is None:
        return None
    return LiveFeed(observers, picture, None if on_status is None else StreamMeter())


@contextmanager
def _begin(
    folder: Path,
    settings: RecordSettings,
    sensor: Sensor,
    io: FileIO,
    layout_of: LayoutOf,
    clock: Clock,
    control: RecordingControl | None,
    feed: LiveFeed | None,
) -> Iterator["_Job"]:
    """Lock the session and make its first shard; a new session that can't begin leaves nothing.

    Raises:
        SessionError: There is no room, or the folder can't be written.
        SessionLockedError: Another process holds it.
    """
    is_new = not folder.is_dir()
    try:
        io.make_folder(folder)
        lock = SessionLock(folder, io).acquire(_command())
    except OSError as error:
        if is_new:
            _remove_bare(folder)
        raise _cannot_begin(folder, settings, error) from error
    with lock:
        # another recorder may have come and gone since there was no folder
        is_new = is_new and set(os.listdir(folder)) <= LEFT_BY_A_LOCK
        try:
            check_target(folder, settings, sensor)
            job = _Job(
                folder, settings, sensor, io, layout_of, clock, control or RecordingControl(), feed
            )
        except BaseException as error:
            if is_new:
                # under the lock: no other recorder can have begun in it
                shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, OSError):
                raise _cannot_begin(folder, settings, error) from error
            raise
        yield job


def _remove_bare(folder: Path) -> None:
    """Delete a new folder that is still empty; without the lock nothing else may be deleted."""
    with contextlib.suppress(OSError):
        if set(os.listdir(folder)) <= LEFT_BY_A_LOCK:
            (folder / LOCK_FILE).unlink(missing_ok=True)
            folder.rmdir()


def _cannot_begin(folder: Path, settings: RecordSettings, error: OSError) -> SessionError:
    """Return the error of a disk on which the recording can't begin."""
    if error.errno in _NO_ROOM:
        return SessionError(
            f"{folder}: no shard of {settings.shard_mib} MiB can be made ({error.strerror}); "
            "free some space or take a smaller --shard-mib",
            exit_code=1,
        )
    where = error.filename or folder
    return SessionError(
        f"{where}: {error.strerror or error}; fix that or name another folder by --recordings",
        exit_code=1 if error.errno == errno.EIO else 2,
    )


def _command() -> str:
    """Return the command line of this process, for others that find the session locked."""
    return " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])[:500]


class _Job:
    """One recording into a folder that is locked."""

    def __init__(
        self,
        folder: Path,
        settings: RecordSettings,
        sensor: Sensor,
        io: FileIO,
        layout_of: LayoutOf,
        clock: Clock,
        control: RecordingControl,
        feed: LiveFeed | None,
    ) -> None:
        """Tidy up after an earlier recording, write session.json, make the first shard.

        Raises:
            OSError: There is no room.
            SessionError: A shard is damaged so that the seq to go on with isn't known.
        """
        self._folder, self._settings, self._sensor, self._io = folder, settings, sensor, io
        there = (folder / SESSION_FILE).is_file()
        info = load_session(folder) if there else info_of_new(settings, sensor.info)
        if there:
            add_to(info, settings)
        next_seq, next_take = dict.fromkeys(_numbered(sensor.info), 0), 0
        self.recovered: list[str] = []
        if there:
            next_seq, next_take = self._go_on(io)
        self._first_take = next_take
        layout = layout_of(info, settings, sensor.info)
        info.add_layout(layout)
        save_session(folder, info, io)
        self._problems, self._stop, self._feed = Problems(), control.stop_request, feed
        if isinstance(sensor, TruthKeeper) and not control.waits_for_start:
            # items that come while waiting have no numbers: the truth could not name them
            sensor.keep_truth(folder, next_seq, next_take)
        first = next_shard_number(folder)
        self._keeper = ShardKeeper(
            folder, info, layout, first, io, self._problems.add, self._folder_gone, clock
        )
        self._pipeline = Pipeline(
            sensor,
            self._keeper,
            self._keeper.first_shard(),
            self._problems,
            control,
            limits=Limits(settings.frames, settings.duration_s),
            encoder_threads=settings.encoders or min(MAX_ENCODERS, os.cpu_count() or 1),
            next_seq=next_seq,
            next_take=next_take,
            origin=origin_of_takes(settings, sensor.info, again=there),
            clock=clock,
            feed=feed,
        )

    def _folder_gone(self, text: str) -> None:
        self._problems.add(text, True)
        self._stop.ask()

    def _go_on(self, io: FileIO) -> tuple[dict[Stream, int], int]:
        """Seal what a killed recording left; return the next seq of each stream and the next take.

        After a kill the last items may have been lost: numbering goes on after the last that is
        there, acknowledged items are always there.
        """
        done = recover(self._folder, io)
        if done.skipped:
            raise SessionError(done.skipped[0])
        self.recovered = [shard.name for shard in done.sealed]
        with SessionReader(self._folder) as reader:
            if self.recovered:
                reject_retaken(self._folder, reader.events, io)
            next_seq = {s: reader.next_seq(s) for s in _numbered(self._sensor.info)}
            return next_seq, reader.next_take()

    def run(
        self,
        on_progress: OnProgress | None,
        on_warning: Callable[[str], None] | None,
        on_status: OnStatus | None,
    ) -> RecordResult:
        """Record; see ``record``."""
        import cv2

        told: list[str] = []

        def tell(text: str) -> None:
            told.append(text)
            if on_warning is not None:
                _heard(on_warning)(text)

        for name in self.recovered:
            tell(f"{self._folder / name}: left by an earlier recording, sealed now")
        if self._feed is not None:
            self._feed.start()
        threads = cv2.getNumThreads()
        # frames are encoded side by side; more threads inside each call only get in their way
        cv2.setNumThreads(1)
        try:
            with stop_on_signals(self._stop):
                status = None if on_status is None else _heard(on_status)
                self._pipeline.run(_heard(on_progress or _say_nothing), tell, status)
        except KeyboardInterrupt:
            tell(f"{self._folder}: stopped at once; the next record into it seals what is there")
            raise
        finally:
            cv2.setNumThreads(threads)
            if self._feed is not None:
                self._feed.close()
        result = self._result(told)
        crash = self._pipeline.writer.crash or self._keeper.crash
        if crash is not None:
            raise crash
        if self._settings.report and not self._keeper.is_gone:
            self._report(result, tell)
        about = summarise(self._folder)
        result.duration_s = round(about.duration_from(self._first_take), 6)
        result.bytes = about.bytes
        if result.error is not None:
            raise RecordError(result.error, result) from self._pipeline.source_thread.error
        return result

    def _report(self, result: RecordResult, tell: Callable[[str], None]) -> None:
        """Report on the quality of the session, from the files on the disk."""
        try:
            result.report, path, problem = report_of_recording(self._folder, self._io)
            alarms = alarm_lines(self._folder, result.report)
        except KeyboardInterrupt:
            # nothing of the recording is open any more: only the report is not made
            tell(f"{self._folder}: no report; kincap sessions report {result.session} makes it")
            return
        result.quality_file = None if path is None else str(path)
        lines = [problem] if problem else poor_lines(result.report)
        for text in [*lines, *alarms]:
            tell(text)

    def _result(self, told: list[str]) -> RecordResult:
        pipeline = self._pipeline
        writer, hand_over = pipeline.writer, pipeline.hand_over
        return RecordResult(
            session=self._settings.session,
            path=self._folder,
            color_frames=writer.stored[Stream.color],
            body_frames=writer.stored[Stream.bodies],
            mask_frames=writer.stored[Stream.mask],
            depth_frames=writer.stored[Stream.depth],
            dropped=dict(sorted(writer.lost.items())),
            not_stored=dict(sorted(writer.not_stored.items())),
            shards=len(self._keeper.names),
            duration_s=0.0,
            wall_s=round(pipeline.wall_s, 6),
            handed_over={stream.name: count for stream, count in hand_over.handed.items()},
            bodies_seen=pipeline.source_thread.bodies_seen,
            takes=pipeline.takes,
            color_bytes=writer.color_bytes,
            bytes=0,
            shard_names=list(self._keeper.names),
            recovered=self.recovered,
            warnings=told,
            timing_ms={
                "hand_over": hand_over.whole.report(),
                "hand_over_wait": hand_over.waits.report(),
                "append": writer.append_times.report(),
                "sensor_to_disk": writer.disk_times.report(),
            },
            stopped=self._stop.is_asked(),
            error=self._error(),
        )

    def _error(self) -> str | None:
        """Return why the recording ended badly, as one line."""
        error = self._pipeline.source_thread.error
        if error is None:
            return self._problems.fatal
        if isinstance(error, KincapError):
            return str(error)
        return f"{self._sensor.info.uri}: {type(error).__name__}: {error}"


def warm_up(source: SensorInfo) -> None:
    """Import and work out ahead what would hold up the start of a recording from a source."""
    settings = RecordSettings("warm-up")
    _layout(info_of_new(settings, source), settings, source)
    width, height = source.color_size_px
    if "color" in source.streams:
        encode_jpeg(np.zeros((height, width, 3), np.uint8))


def _heard(say: Callable[_Words, None]) -> Callable[_Words, None]:
    """Return a function that ignores a terminal or pipe that can't be written to any more.

    A terminal that was closed refuses every further line; a recording goes on without it.
    """

    def try_to_say(*words: _Words.args, **more: _Words.kwargs) -> None:
        with contextlib.suppress(OSError):
            say(*words, **more)

    return try_to_say


def _say_nothing(_done: int, _total: int | None, _note: str) -> None:
    """Ignore the progress."""


def _numbered(source: SensorInfo) -> list[Stream]:
    """Return the streams that are numbered and counted: the usual two, and what else there is."""
    return sorted({Stream.color, Stream.bodies} | {Stream[name] for name in source.streams})


def _layout(info: SessionInfo, settings: RecordSettings, source: SensorInfo) -> Layout:
    """Return the layout of this recording's shards."""
    return make_layout(
        info.uuid, info.created_utc, source.streams, settings.shard_mib, source.shape
    )
