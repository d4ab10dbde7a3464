"""Every error that kincap raises on purpose.

    KincapError (exit 2)
      SensorError        SensorNotFoundError (exit 3)
      SessionError       SessionLockedError
      ShardError
      DatasetError
      CheckpointError
      MissingPartError (exit 3)

A message is one line: the file, flag or device, what was found, what was expected, what to do.
The command line prints it and exits with ``exit_code``; tracebacks appear only with ``--debug``.
"""


class KincapError(Exception):
    """Bad input found before work began; the base of the tree.

    Args:
        message: One line: what, found, expected, what to do.
        exit_code: 1 where work had begun, 2 bad input (default), 3 something is missing here.
    """

    exit_code: int = 2

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


class SensorError(KincapError):
    """A sensor or another source of frames can't be used as asked."""


class SensorNotFoundError(SensorError):
    """This machine has no such sensor."""

    exit_code = 3


class SessionError(KincapError):
    """A session can't be found, named, read or written."""


class SessionLockedError(SessionError):
    """Another process is recording into the session."""


class ShardError(KincapError):
    """A shard has the wrong version or layout, or is damaged."""


class DatasetError(KincapError):
    """A data set is not one, is damaged, empty or of another version."""


class CheckpointError(KincapError):
    """A checkpoint is not one, is damaged or does not fit."""


class MissingPartError(KincapError):
    """An optional package or device is not installed on this machine."""

    exit_code = 3
