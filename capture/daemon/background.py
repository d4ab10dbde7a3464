"""Start the daemon in the background, and end it."""

import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Final

from ...core.errors import KincapError, MissingPartError
from ..log import log_folder
from .connection import DaemonConnection, DaemonGoneError
from .discovery import DaemonFile, find_daemon
from .settings import DaemonSettings

START_S: Final = 60.0
"""A Kinect takes seconds to open, and leftovers of a killed daemon are sealed first."""
END_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.05


def daemon_words(settings: DaemonSettings) -> list[str]:
    """Return the command line that runs a daemon in the foreground."""
    words = [sys.executable, "-m", "kincap", "daemon", "--source", settings.source]
    words += ["--recordings", str(settings.recordings.absolute())]
    if settings.streams:
        words += ["--streams", ",".join(settings.streams)]
    if settings.port is not None:
        words += ["--port", str(settings.port)]
    if settings.pre_roll_s:
        words += ["--pre-roll", f"{settings.pre_roll_s:g}"]
    return words


def start_daemon(settings: DaemonSettings) -> DaemonFile:
    """Start a daemon in the background; return it once it serves.

    Raises:
        KincapError: One runs already, or it ended at once; its last line and exit code.
    """
    running = find_daemon()
    if running is not None:
        raise _runs_already(running)
    said = _said_file()
    # a daemon that was started at the same moment writes into it too: at the end, without a hole
    with said.open("ab") as stderr:
        stderr.truncate(0)
        process = _detached(daemon_words(settings), stderr)
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s:
        code = process.poll()
        if code is not None:
            running = find_daemon()
            if running is not None:
                raise _runs_already(running)
            raise KincapError(_last_line(said, code), exit_code=code if code in (1, 2, 3) else 1)
        found = find_daemon()
        if found is not None and found.pid == process.pid:
            return found
        time.sleep(_LOOK_EVERY_S)
    process.terminate()
    raise KincapError(f"the daemon did not begin within {START_S:.0f} s; see {said}", exit_code=1)


def _runs_already(running: DaemonFile) -> KincapError:
    """Return the error of a start while a daemon runs."""
    return KincapError(
        f"a daemon runs already (process {running.pid}, {running.source}); use it, or end it by "
        "kincap daemon stop"
    )


def stop_daemon(at_once: bool = False) -> DaemonFile | None:
    """End the daemon, its recording cleanly; return it once it has ended; None: there was none.

    Args:
        at_once: Stop a recording at once; the disk stays as after a kill.

    Raises:
        KincapError: It does not end.
    """
    running = find_daemon()
    if running is None:
        return None
    try:
        DaemonConnection(running).post("/api/shutdown", {"at_once": at_once})
    except DaemonGoneError:
        if find_daemon() is not None:
            raise
    until_s = time.monotonic() + END_S
    while time.monotonic() < until_s:
        found = find_daemon()
        if found is None or found.pid != running.pid:
            return running
        time.sleep(_LOOK_EVERY_S)
    raise KincapError(
        f"the daemon (process {running.pid}) has not ended after {END_S:.0f} s; end that process",
        exit_code=1,
    )


def stop_recording(at_once: bool = False) -> str:
    """End the daemon's recording; return its session.

    Raises:
        KincapError: No daemon runs, or it is not recording.
    """
    running = find_daemon()
    if running is None:
        raise MissingPartError("no daemon is running; kincap daemon start starts one")
    connection = DaemonConnection(running)
    session = str(connection.get("/api/status")["live"]["session"])
    connection.post("/api/stop", {"at_once": at_once})
    return session


def _said_file() -> Path:
    """Return the file for what a daemon in the background prints."""
    folder = log_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KincapError(f"{folder}: {error.strerror}; the daemon keeps its log there") from error
    path = folder / "daemon-output.log"
    path.touch(0o600)
    return path


def _detached(words: list[str], stderr: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start a process that outlives this one and its terminal."""
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, creationflags=flags
        )
    return subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True
    )


def _last_line(said: Path, code: int) -> str:
    """Return the last line that a daemon printed before it ended."""
    lines = said.read_text(encoding="utf-8", errors="replace").split("\n")
    found = [line.removeprefix("kincap: ") for line in lines if line.strip()]
    return found[-1] if found else f"the daemon ended at once, exit code {code}"
