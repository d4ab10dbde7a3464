"""Errors of the page: each is one line and a status."""

from typing import ClassVar

from ..core.errors import KincapError, SessionError


class ReviewError(SessionError):
    """A request that the page's server refuses.

    Attributes:
        status: Of the answer.
    """

    status: ClassVar[int] = 409


class BadRequestError(ReviewError):
    """A request that makes no sense: says what is expected."""

    status = 400


class NotHereError(ReviewError):
    """A session or frame that does not exist."""

    status = 404


class ReplacedError(ReviewError):
    """The session was deleted, and another one was recorded under its name.

    Args:
        name: The session.
    """

    status = 410

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: deleted and recorded again; reload the page")


class OutsideError(ReviewError):
    """A range that reaches past the frames of the session."""

    status = 422


class BusyError(ReviewError):
    """A session that is still being read."""

    status = 503


def status_of(error: Exception) -> int:
    """Return the status of the answer to a request that failed."""
    if isinstance(error, ReviewError):
        return error.status
    if isinstance(error, SessionError):
        return 409
    return 422 if isinstance(error, KincapError) else 500
