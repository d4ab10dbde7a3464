"""Leave out the rows of a build whose pictures can't be decoded (``--skip-damaged``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...core.progress import OnProgress
from ..crop import BLOCK_ROWS, Pictures, find_damaged
from ..kinect13.format import FULL
from ..rows import SessionPlan, session_pictures
from ..scheduler.scheduler import Scheduler
from ..settings import BuildSettings


@dataclass(frozen=True)
class _Piece:
    """Some rows of one session whose pictures are checked together."""

    session: int
    rows: NDArray[np.intp]
    pictures: Pictures


def without_damaged(
    sessions: Sequence[SessionPlan],
    settings: BuildSettings,
    scheduler: Scheduler,
    on_progress: OnProgress,
) -> list[SessionPlan]:
    """Check the pictures of all rows and leave out those that can't be decoded."""
    pieces = list(_pieces(sessions, whole=settings.layout == FULL))
    total = sum(len(piece.rows) for piece in pieces)
    damaged = [np.zeros(len(one.goes_to), np.bool_) for one in sessions]
    done = 0
    for piece, found in scheduler.run(_find_damaged, pieces):
        damaged[piece.session][piece.rows] = found
        done += len(found)
        on_progress(done, total, "checking pictures")
    return [
        replace(
            one,
            failed={**one.failed, "damaged": bad},
            goes_to=np.where(bad, "damaged", one.goes_to),
        )
        for one, bad in zip(sessions, damaged, strict=True)
    ]


def _pieces(sessions: Sequence[SessionPlan], *, whole: bool) -> Iterator[_Piece]:
    """Cut the rows of all splits into pieces of work; of whole frames one row each."""
    for session, one in enumerate(sessions):
        rows = np.flatnonzero(one.kept)
        if whole:
            rows = np.unique(one.candidates.frame, return_index=True)[1]
        for begin in range(0, len(rows), BLOCK_ROWS):
            some = rows[begin : begin + BLOCK_ROWS]
            yield _Piece(
                session, some, session_pictures(one, some, columns_px=1 if whole else None)
            )


def _find_damaged(piece: _Piece) -> NDArray[np.bool_]:
    """Check one piece."""
    return find_damaged(piece.pictures)
