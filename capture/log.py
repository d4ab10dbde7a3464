"""The log files of the recorder and the daemon: what was asked, noticed and lost.

    with keep_log("record") as log:
        log.info("asked: session=%s", session)

They are in platformdirs' ``user_log_path``, outside the recordings: ``record.log`` of all that
this user records by ``kincap record``, ``daemon.log`` of the daemon. A file that is full is renamed
to ``NAME.log.1`` and so on; the oldest is deleted. No subject, consent or note is logged.
"""

import contextlib
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO, TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from .settings import RecordSettings

if TYPE_CHECKING:
    from .record_result import RecordResult

MOST_BYTES: Final = 1 << 20
"""Size of a log file at which the next one is begun, bytes."""
KEPT: Final = 5
"""Number of full files that are kept of each log."""
_FORM: Final = "%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s[%(process)d] %(message)s"


def log_folder() -> Path:
    """Return the folder of kincap's log files; it may not exist yet."""
    from platformdirs import user_log_path

    return user_log_path("kincap", appauthor=False)


def log_files() -> list[Path]:
    """Return the log files that exist, full ones included, sorted by name."""
    return sorted(path for path in log_folder().glob("*.log*") if path.is_file())


@contextmanager
def keep_log(name: str) -> Iterator[logging.Logger]:
    """Log into ``NAME.log`` for as long as the with statement lasts.

    A log that can't be written (a full disk, a folder without permission) changes nothing: the
    recording goes on without it.

    Args:
        name: Name of the log: ``record`` or ``daemon``.

    Yields:
        The logger. It prints nothing on the terminal.
    """
    logger = logging.getLogger(f"kincap.{name}")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    handler = _handler(name)
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


def log_asked(log: logging.Logger, settings: RecordSettings) -> None:
    """Log what a recording was asked for, without the person's name, consent and notes."""
    log.info(
        "asked: record %s from %s (frames=%s, duration=%s) into %s",
        settings.session,
        settings.source,
        settings.frames,
        settings.duration_s,
        settings.recordings,
    )


def log_recorded(log: logging.Logger, done: "RecordResult") -> None:
    """Log what a recording stored and lost."""
    log.info(
        "recorded: %s, %d colour frames, %d body rows in %s shards",
        done.session,
        done.color_frames,
        done.body_frames,
        done.shards,
    )
    if done.dropped:
        lost = ", ".join(f"{count} {reason}" for reason, count in done.dropped.items())
        log.warning("lost: %s: %s", done.session, lost)


@contextmanager
def record_log(settings: RecordSettings) -> Iterator[logging.Logger]:
    """Log a recording of ``kincap record``: what was asked, and an error by which it ends."""
    with keep_log("record") as log:
        log_asked(log, settings)
        try:
            yield log
        except BaseException as error:
            log.error("ended badly: %s: %s", settings.session, error or type(error).__name__)
            raise


def _handler(name: str) -> logging.Handler:
    """Return what writes the file, or ignores everything where that can't be written."""
    try:
        folder = log_folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return LogFile(folder / f"{name}.log")
    except OSError:
        return logging.NullHandler()


class LogFile(RotatingFileHandler):
    """A rotating log file of mode 0600 whose failures end nothing.

    Several processes may append to one file. Each keeps its own idea of when it is full, so a file
    may be renamed early; no line is lost by that.

    Args:
        path: The file that is appended to.
        most_bytes: Size at which it is renamed.
        kept: Number of renamed files that are kept.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES, kept: int = KEPT) -> None:
        super().__init__(path, maxBytes=most_bytes, backupCount=kept, encoding="utf-8")
        form = logging.Formatter(_FORM, "%Y-%m-%dT%H:%M:%S")
        form.converter = time.gmtime
        self.setFormatter(form)

    def _open(self) -> TextIOWrapper:
        """Open the file so that only its owner can read it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        fd = os.open(self.baseFilename, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
        # nothing waits in a buffer: what a full disk refused would grow there, and fail the closing
        raw = cast(BinaryIO, FileIO(fd, "ab"))
        return TextIOWrapper(raw, "utf-8", "backslashreplace", write_through=True)

    def close(self) -> None:
        """Close the file, whatever the disk says."""
        with contextlib.suppress(OSError):
            super().close()

    def format(self, record: logging.LogRecord) -> str:
        """Return a record as one line, whatever the texts of others in it hold."""
        text = super().format(record)
        return "".join(char if char.isprintable() else _escaped(char) for char in text)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Ignore a record that can't be written."""


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")
