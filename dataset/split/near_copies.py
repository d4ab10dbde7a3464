"""Near-copies across the border of splits: training rows that show what a held-out row shows.

Equal pictures and bodies are found by ``copies`` and ``guard``. What is left is nearly equal: a
recording that was encoded anew, or a person in the same clothes, pose and place. Candidates have
nearly the same pose in their crops; a hash of the pictures decides. Only those are decoded, and of
these no more than a share of all rows unless they are to be left out.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.progress import OnProgress
from ..crop import FAST, Pictures
from ..rows import SessionPlan, session_pictures
from ..scheduler.scheduler import Scheduler
from .picture_hash import BITS, CLOSE_BITS, hash_pictures, nearest_hashes
from .poses import crop_poses, nearest_poses

REPORT: Final = "report"
DROP: Final = "drop"
REFUSE: Final = "refuse"
NEAR_COPIES: Final = (REPORT, DROP, REFUSE)
"""Values of ``--near-copies``."""
REASON: Final = "near_copy"

MOST_SHARE: Final = 0.05
"""For a report at most this share of all rows is decoded, but always ``LEAST`` training rows."""
LEAST: Final = 200
MOST_ROWS: Final = 100_000
"""For a report at most this many rows of a side are compared."""
_NAMED: Final = 10
_PIECE: Final = 256


@dataclass(frozen=True)
class _SideRows:
    """Kept candidates of all sessions on one side.

    Attributes:
        session: (N,) index of the session.
        row: (N,) index of the candidate there.
    """

    session: NDArray[np.int64]
    row: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: NDArray[np.integer]) -> "_SideRows":
        """Return some of them."""
        return _SideRows(self.session[rows], self.row[rows])


def apart_from_near_copies(
    sessions: Sequence[SessionPlan],
    asked: str,
    dry_run: bool,
    scheduler: Scheduler,
    on_progress: OnProgress,
) -> tuple[list[SessionPlan], dict[str, Any]]:
    """Find training rows that nearly show what a validation or test row shows.

    Args:
        sessions: The sessions; every row has its split.
        asked: One of ``NEAR_COPIES``.
        dry_run: Decode no pictures for a report.
        scheduler: The processes that decode pictures.
        on_progress: Called with done, total and the present step.

    Returns:
        The sessions, without near-copies for ``drop``, and the report: ``compared`` training rows,
        ``alike`` in pose, ``hashed`` of these, ``found`` (None: not looked for), and ``pairs``:
        some of them by name.

    Raises:
        DatasetError: There are some, for ``refuse`` (exit 2).
    """
    train, held = (_rows_of(sessions, splits) for splits in (("train",), ("val", "test")))
    kept = len(train) + len(held)
    if asked == REPORT:
        train, held = _some(train, MOST_ROWS), _some(held, MOST_ROWS)
    poses, held_poses = _poses(sessions, train), _poses(sessions, held)
    nearest, _ = nearest_poses(poses, held_poses)
    alike = np.flatnonzero(nearest >= 0)
    most = 0 if dry_run else max(LEAST, int(MOST_SHARE * kept / 2))
    if asked == REPORT and len(alike) > most:
        chosen = alike[_evenly(len(alike), most)]
        opposite = np.unique(nearest[chosen])
    else:
        chosen = alike
        opposite = np.flatnonzero(nearest_poses(held_poses, poses)[0] >= 0)
    train, held = train.take(chosen), held.take(opposite)
    hashes, good = _hashes(sessions, (train, held), scheduler, on_progress)
    found, bits = _matched(hashes, good)
    copies = np.flatnonzero(found >= 0)
    pairs = train.take(copies), held.take(found[copies])
    report: dict[str, Any] = {
        "asked": asked,
        "compared": len(poses),
        "alike": len(alike),
        "hashed": len(train),
        # a dry run does not look for them where some may be: that is not the same as none
        "found": None if dry_run and asked == REPORT and len(alike) else len(copies),
        "sessions": _by_session(sessions, *pairs),
        "pairs": _described(sessions, *pairs, bits[copies]),
    }
    if asked == REFUSE and len(copies):
        raise DatasetError(
            f"--near-copies refuse: {len(copies)} training rows nearly show what a held-out row "
            f"shows: {pair_text(report['pairs'][0])}; leave one of the sessions out with "
            "--sessions, or the rows with --near-copies drop"
        )
    if asked == DROP:
        return _without(sessions, pairs[0]), report
    return list(sessions), report


def near_copy_lines(report: Mapping[str, Any]) -> list[str]:
    """Return a warning about near-copies that stay in training."""
    if report["asked"] != REPORT or not report["found"]:
        return []
    return [
        f"{report['found']} of {report['hashed']} compared training rows nearly show what a "
        f"held-out row shows: {pair_text(report['pairs'][0])}; --near-copies drop leaves all such "
        "rows out"
    ]


def pair_text(pair: dict[str, Any]) -> str:
    """Return one pair in words."""
    train, held = pair["train"], pair["held_out"]
    return (
        f"{train['session']} frame {train['color_seq']} and {held['session']} frame "
        f"{held['color_seq']} ({held['split']})"
    )


def _rows_of(sessions: Sequence[SessionPlan], splits: tuple[str, ...]) -> _SideRows:
    """Return the kept candidates of some splits."""
    rows = [np.flatnonzero(one.is_in(splits)) for one in sessions]
    session = np.repeat(np.arange(len(rows)), [len(some) for some in rows])
    return _SideRows(session, np.concatenate([np.empty(0, np.int64), *rows]))


def _some(rows: _SideRows, most: int) -> _SideRows:
    """Return at most ``most`` rows, evenly spread."""
    return rows.take(_evenly(len(rows), most))


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """Return at most ``most`` evenly spread places of ``count``."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).round().astype(np.int64) if most else np.arange(0)


def _poses(sessions: Sequence[SessionPlan], rows: _SideRows) -> NDArray[np.float32]:
    """Return the poses of rows in their crops."""
    parts = [np.empty((0, 26), np.float32)]
    for index, one in enumerate(sessions):
        own = rows.row[rows.session == index]
        parts.append(crop_poses(one.candidates.points[own], one.candidates.placed[own]))
    return np.concatenate(parts)


@dataclass(frozen=True)
class _HashPiece:
    """Pictures of one session that are hashed together: ``first`` of the list of them."""

    session: int
    first: int
    pictures: Pictures


def _hashes(
    sessions: Sequence[SessionPlan],
    sides: tuple[_SideRows, _SideRows],
    scheduler: Scheduler,
    on_progress: OnProgress,
) -> tuple[list[NDArray[np.uint8]], list[NDArray[np.bool_]]]:
    """Return the hashes of the rows of each side, and which pictures could be decoded."""
    needed = [
        np.unique(np.concatenate([side.row[side.session == index] for side in sides]))
        for index in range(len(sessions))
    ]
    hashes = [np.zeros((len(rows), BITS // 8), np.uint8) for rows in needed]
    good = [np.zeros(len(rows), np.bool_) for rows in needed]
    total, done = sum(len(rows) for rows in needed), 0
    for piece, (hashed, decoded) in scheduler.run(_hash_piece, list(_pieces(sessions, needed))):
        place = slice(piece.first, piece.first + len(hashed))
        hashes[piece.session][place], good[piece.session][place] = hashed, decoded
        done += len(hashed)
        on_progress(done, total, "comparing pictures across the splits")
    by_side = [np.zeros((len(side), BITS // 8), np.uint8) for side in sides]
    good_by_side = [np.zeros(len(side), np.bool_) for side in sides]
    for side, found, decoded in zip(sides, by_side, good_by_side, strict=True):
        for index in range(len(sessions)):
            own = np.flatnonzero(side.session == index)
            at = np.searchsorted(needed[index], side.row[own])
            found[own], decoded[own] = hashes[index][at], good[index][at]
    return by_side, good_by_side


def _matched(
    hashes: Sequence[NDArray[np.uint8]], good: Sequence[NDArray[np.bool_]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each training row its near-copy, -1 where there is none, and the bits between."""
    found = np.full(len(hashes[0]), -1, np.int64)
    bits = np.full(len(hashes[0]), BITS, np.int64)
    mine, theirs = (np.flatnonzero(side) for side in good)
    if len(mine) and len(theirs):
        index, differ = nearest_hashes(hashes[0][mine], hashes[1][theirs])
        bits[mine] = differ
        found[mine] = np.where(differ <= CLOSE_BITS, theirs[index], -1)
    return found, bits


def _pieces(
    sessions: Sequence[SessionPlan], needed: Sequence[NDArray[np.int64]]
) -> Iterator[_HashPiece]:
    """Cut the pictures of all sessions into pieces of work."""
    for index, rows in enumerate(needed):
        for first in range(0, len(rows), _PIECE):
            some = rows[first : first + _PIECE]
            yield _HashPiece(index, first, session_pictures(sessions[index], some, decoding=FAST))


def _hash_piece(piece: _HashPiece) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Hash one piece."""
    return hash_pictures(piece.pictures)


def _described(
    sessions: Sequence[SessionPlan], train: _SideRows, held: _SideRows, bits: NDArray[np.int64]
) -> list[dict[str, Any]]:
    """Return the pairs that differ least, by name."""
    order = np.argsort(bits, kind="stable")[:_NAMED].tolist()
    return [
        {
            "train": _place(sessions, train, at),
            "held_out": _place(sessions, held, at),
            "bits": int(bits[at]),
        }
        for at in order
    ]


def _place(sessions: Sequence[SessionPlan], rows: _SideRows, at: int) -> dict[str, Any]:
    """Return session, take and frame of a row."""
    one, row = sessions[int(rows.session[at])], int(rows.row[at])
    color = one.recording.color[one.candidates.frame[row]]
    return {
        "session": one.recording.name,
        "take": int(color["take"]),
        "color_seq": int(color["seq"]),
        "split": str(one.goes_to[row]),
    }


def _by_session(
    sessions: Sequence[SessionPlan], train: _SideRows, held: _SideRows
) -> list[dict[str, Any]]:
    """Count the pairs by training and held-out session, most first."""
    counts = Counter(zip(train.session.tolist(), held.session.tolist(), strict=True))
    return [
        {"train": sessions[a].recording.name, "held_out": sessions[b].recording.name, "found": n}
        for (a, b), n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]


def _without(sessions: Sequence[SessionPlan], copies: _SideRows) -> list[SessionPlan]:
    """Return the sessions without some rows."""
    apart = []
    for index, one in enumerate(sessions):
        named = np.zeros(len(one.goes_to), np.bool_)
        named[copies.row[copies.session == index]] = True
        apart.append(
            replace(
                one,
                failed={**one.failed, REASON: named},
                goes_to=np.where(named, REASON, one.goes_to),
            )
        )
    return apart
