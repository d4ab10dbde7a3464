"""A session along time, for a plot: rates, residuals and guessed joints, second by second."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..checks.session_tables import read_tables
from ..checks.session_takes import Take, split_takes
from ..core.files.file_io import FileIO
from ..core.skeleton import KEYPOINTS
from ..core.units import TICK_S

BIN_S: Final = 1.0


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TakeSeries:
    """One take in B bins of about ``BIN_S``.

    Attributes:
        take: Its number.
        end_s: Its length, seconds.
        edge_s: (B + 1,) edges of the bins, seconds since the take began.
        fps: By stream (B,) items a second.
        frame_s: (F,) times of the colour frames.
        residual_ms: (F,) distance in time to the body row, NaN without one.
        guessed: (B,) share of the keypoints of tracked bodies that are not tracked; NaN: no one.
        people: (B,) tracked bodies a row; NaN: no rows.
    """

    take: int
    end_s: float
    edge_s: Floats
    fps: dict[str, Floats]
    frame_s: Floats
    residual_ms: Floats
    guessed: Floats
    people: Floats


def session_series(folder: Path, io: FileIO | None = None) -> list[TakeSeries]:
    """Return every take of a session along time.

    Args:
        folder: The session's folder.
        io: File handling.

    Raises:
        SessionError: There is no session, or its session.json can't be read.
    """
    with np.errstate(all="ignore"):
        return [_series(take) for take in split_takes(read_tables(folder, io or FileIO()))]


def _series(take: Take) -> TakeSeries:
    """Cut one take into bins; a clock that was set within it is followed step by step."""
    seconds = {name: take.seconds(take.rows(name)["time_device"]) for name in take.steps}
    ends = [float(times.max()) for times in seconds.values() if len(times)]
    # a jump of an hour within a take of an old recording would draw nothing but emptiness
    end = min(max(ends, default=0.0), 2 * take.length_s() + 1.0)
    # a last bin of a few frames has no meaningful rate; it joins the one before it
    edges = np.append(np.arange(0.0, max(end - 0.4 * BIN_S, BIN_S / 2), BIN_S), end + TICK_S)
    people = take.seconds(take.people["time_device"])
    rows = np.histogram(seconds["bodies"], edges)[0].astype(np.float64)
    bodies = np.histogram(people, edges)[0].astype(np.float64)
    guessed = np.histogram(people, edges, weights=take.people["guessed"])[0]
    counts = {name: np.histogram(times, edges)[0] for name, times in seconds.items()}
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(bodies > 0, guessed / (bodies * KEYPOINTS), np.nan)
        there = np.where(rows > 0, bodies / rows, np.nan)
    return TakeSeries(
        take=take.number,
        end_s=float(edges[-1]),
        edge_s=edges,
        fps={name: count / np.diff(edges) for name, count in counts.items()},
        frame_s=seconds["color"],
        residual_ms=take.pairs.residual_ms,
        guessed=share,
        people=there,
    )
