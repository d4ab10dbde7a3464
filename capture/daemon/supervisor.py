"""Holds the sensor open and records when asked; a recording that fails ends nothing else."""

import logging
import threading
import time
from collections import deque
from typing import Any, Final

import numpy.typing as npt

from ... import __version__
from ...core.closing import Closing
from ...core.errors import KincapError, SensorError
from ...report.text import report_lines
from ..live.control import RecordingControl
from ..live.observers import LatestPicture, Picture
from ..live.sensor_hold import HeldSensor
from ..log import log_asked, log_recorded
from ..operator.conductor import HandsFree
from ..record_result import RecordError, RecordResult
from ..settings import RecordSettings, check_settings
from .asked import ShownCue
from .job import Job
from .settings import DaemonSettings

KEPT_JOBS: Final = 20
"""Recordings whose outcome is kept for clients."""
KEPT_LINES: Final = 20
END_S: Final = 8.0
"""Time that a recording has to end when the daemon does."""
CLIENTS_S: Final = 1.0
"""Time in which clients take the outcome of the last recording."""
_LOOK_UP_EVERY_S: Final = 0.05
EXIT_INTERRUPTED: Final = 130


class Supervisor(Closing):
    """The daemon's sensor and its recordings, one at a time, in a thread of their own.

    Args:
        settings: What is held open.
        log: Where everything is noted.

    Raises:
        KincapError: The source can't be opened.
    """

    def __init__(self, settings: DaemonSettings, log: logging.Logger) -> None:
        self.settings, self._log = settings, log
        self._began_s = time.monotonic()
        self._wake = threading.Condition()
        self._jobs: dict[int, Job] = {}
        self._running: Job | None = None
        self._count = 0
        self._lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._cue: tuple[ShownCue, float] | None = None
        self._ends = False
        self._picture = LatestPicture()
        self._held = HeldSensor(
            settings.source,
            settings.streams,
            pre_roll_s=settings.pre_roll_s,
            picture=self._picture,
            on_notice=self._note,
        )
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._thread.start()

    @property
    def mirrored(self) -> bool:
        """True if the source gives mirrored images."""
        return self._held.info.mirrored

    def start(self, settings: RecordSettings, hands_free: HandsFree) -> Job:
        """Begin a recording.

        Args:
            settings: What to record.
            hands_free: What starts, guides and ends it.

        Raises:
            KincapError: A setting makes no sense, one runs already, or the sensor is lost.
        """
        check_settings(settings)
        with self._wake:
            if self._ends:
                raise KincapError("the daemon is about to end; start it again")
            if self._running is not None:
                raise KincapError(
                    f"the daemon is recording {self._running.settings.session}; end that first "
                    "(kincap daemon stop --recording), or record without it by --standalone"
                )
            if self._held.lost:
                raise SensorError(f"the daemon has no sensor: {self._held.lost}", exit_code=3)
            job = Job(self._count + 1, settings, hands_free)
            job.learn(self._held.info)
            self._count, self._running = job.number, job
            self._jobs[job.number] = job
            for number in list(self._jobs)[:-KEPT_JOBS]:
                del self._jobs[number]
            self._wake.notify_all()
        log_asked(self._log, settings)
        return job

    def job(self, number: int) -> Job:
        """Return a recording by its number.

        Raises:
            KincapError: It is not known (any more).
        """
        job = self._jobs.get(number)
        if job is None:
            raise KincapError(f"recording {number}: the daemon does not know it")
        return job

    def control(self) -> RecordingControl:
        """Return what steers the recording that runs.

        Raises:
            KincapError: None runs.
        """
        job = self._running
        if job is None:
            raise KincapError("the daemon is not recording: start one first")
        return job.control

    def asked(self, what: str) -> None:
        """Note what was asked of the recording that runs."""
        self._log.info("asked: %s", what)

    def show_cue(self, cue: ShownCue) -> None:
        """Store a cue, and show it on the page until it ends.

        Raises:
            KincapError: No recording runs.
        """
        self.control().cue(cue.name, cue.phase, text=cue.text, repetition=cue.repetition)
        self._cue = (cue, time.monotonic()) if cue.phase == "begin" else None

    def picture(self) -> Picture | None:
        """Return the newest picture; None: there is none."""
        return self._picture.get()

    def status(self) -> dict[str, Any]:
        """Return the state of the daemon, as ``kincap daemon status --json`` prints it."""
        job, held = self._running, self._held
        live = held.status() if job is None else job.status
        return {
            "schema": "kincap/daemon/1",
            "version": __version__,
            "up_s": round(time.monotonic() - self._began_s, 1),
            "source": self.settings.source,
            "streams": list(self.settings.streams),
            "recordings": str(self.settings.recordings),
            "sensor": {"state": "lost" if held.lost else "open", "text": held.lost},
            "skeleton": {
                "joints": held.info.shape.skeleton.points,
                "bones": held.info.shape.skeleton.bone_indices,
            },
            "recording": None if job is None else job.number,
            "live": live.to_json(),
            "card": live.card or self._shown_card(),
            "last": self._last(),
            "lines": list(self._lines),
        }

    def end(self, at_once: threading.Event) -> bool:
        """End the recording that runs, and wait for that; none may begin any more.

        Args:
            at_once: Set, also meanwhile: stop it at once, the disk stays as after a kill.

        Returns:
            True if nothing was cut off.
        """
        job = self._ask_to_end()
        until_s = time.monotonic() + END_S
        while self._thread.is_alive() and time.monotonic() < until_s:
            if at_once.is_set() and job is not None:
                job.control.abort()
            self._thread.join(_LOOK_UP_EVERY_S)
        if job is not None:
            job.wait_for_clients(CLIENTS_S)
        return not self._thread.is_alive() and not (job is not None and at_once.is_set())

    def close(self) -> None:
        """End the recording that runs cleanly, and close the sensor."""
        self._ask_to_end()
        self._thread.join(END_S)
        self._held.close()

    def _ask_to_end(self) -> Job | None:
        """Ask the recording that runs to end; return it."""
        with self._wake:
            self._ends = True
            job = self._running
            self._wake.notify_all()
        if job is not None:
            job.control.stop()
        return job

    def _run(self) -> None:
        """Record what is asked."""
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._ends or self._running is not None)
                job = self._running
            if job is None:
                return
            self._record(job)

    def _record(self, job: Job) -> None:
        """Make one recording; whatever goes wrong, its outcome says it."""
        try:
            outcome = self._outcome(job)
        except Exception as error:
            self._log.exception("lost: the recorder failed")
            outcome = _failed(f"the recorder failed: {type(error).__name__}: {error}", 1)
        if outcome["error"]:
            self._note(f"{job.settings.session}: {outcome['error']}")
        self._cue = None
        if job.first_stored_s is not None:
            self._log.info("first colour frame stored %.3f s after the request", job.first_stored_s)
        with self._wake:
            self._running = None
        job.finish(outcome)

    def _outcome(self, job: Job) -> dict[str, Any]:
        """Record; return the outcome for clients."""

        def warn(text: str) -> None:
            job.say(text)
            self._note(text)

        try:
            done = self._held.record(
                job.settings,
                control=job.control,
                observers=[_FirstStored(job), job.conductor, job.coach],
                on_status=job.set_status,
                on_progress=job.set_progress,
                on_warning=warn,
            )
        except RecordError as error:
            log_recorded(self._log, error.result)
            return {**_success(error.result), "error": str(error), "exit_code": error.exit_code}
        except KincapError as error:
            return _failed(str(error), error.exit_code)
        except KeyboardInterrupt:
            return _failed("interrupted", EXIT_INTERRUPTED)
        log_recorded(self._log, done)
        if job.conductor.ended_by:
            warn(f"ended: {job.conductor.ended_by}")
        return _success(done)

    def _note(self, text: str) -> None:
        """Note a line in the log and for the status."""
        self._log.warning("noticed: %s", text)
        self._lines.append(f"{time.strftime('%H:%M:%S')} {text}")

    def _shown_card(self) -> dict[str, Any] | None:
        """Return the cue of a client as ``LiveStatus.card`` has one; None: none is shown."""
        shown = self._cue
        if shown is None:
            return None
        cue, since_s = shown
        gone_s = time.monotonic() - since_s
        return {
            "name": cue.name,
            "text": cue.text,
            "repetition": cue.repetition,
            "repetitions": 0,
            "phase": "on",
            "left_s": round(max(0.0, cue.seconds - gone_s), 1) if cue.seconds else None,
            "next": "",
        }

    def _last(self) -> dict[str, Any] | None:
        """Return the newest recording that has ended, in short."""
        for job in reversed(list(self._jobs.values())):
            outcome = job.outcome
            if outcome is not None:
                result = outcome["result"] or {}
                return {
                    "recording": job.number,
                    "session": job.settings.session,
                    "exit_code": outcome["exit_code"],
                    "error": outcome["error"],
                    "color_frames": result.get("color_frames", 0),
                    "dropped": result.get("dropped", {}),
                    "first_stored_s": job.first_stored_s,
                }
        return None


class _FirstStored:
    """Notes the first stored colour frame of a recording."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def on_color(self, frame_seq: int, device_ns: int) -> None:
        """Note a colour frame."""
        if frame_seq >= 0:
            self._job.note_stored()

    def on_bodies(self, rows: npt.NDArray[Any]) -> None:
        """Ignore a body row."""


def _success(done: RecordResult) -> dict[str, Any]:
    lines = [] if done.report is None else report_lines(done.report)
    return {
        "result": done.to_json(),
        "lines": [(line.label, line.text, line.weight) for line in lines],
        "error": None,
        "exit_code": 0,
    }


def _failed(error: str, exit_code: int) -> dict[str, Any]:
    return {"result": None, "lines": [], "error": error, "exit_code": exit_code}
