"""Figures by session, outfit and cue, and the difference of two nets on the same frames."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...dataset.kinect13.format import Meta
from ...dataset.kinect13.reader import Split
from ..metrics.intervals import blocks_of, paired_interval
from .figures import Hits

COMPARED: Final = (0.2, 0.1, 0.05)
"""Thresholds of the differences, shares of the torso."""
NO_OUTFIT: Final = "(none)"
NO_CUE: Final = "(no cue)"


def blocks_of_rows(rows: Split) -> npt.NDArray[np.int64]:
    """Return the block (N,) of each row: two seconds of a take; each row of a public set alone."""
    if not np.isfinite(rows.time_s).all():
        return np.arange(len(rows), dtype=np.int64)
    return blocks_of(rows.session, rows.take, rows.time_s)


def groups_of_rows(
    rows: Split, meta: Meta
) -> Iterator[tuple[str, dict[str, npt.NDArray[np.bool_]]]]:
    """Yield "session", "outfit" and "cue", each with the rows (N,) of every name that occurs."""
    outfits = {source.get("session"): source.get("outfit") or NO_OUTFIT for source in meta.sources}
    session = np.array(meta.sessions, dtype=object)[rows.session]
    cues = np.array([name or NO_CUE for name in meta.cues] or [NO_CUE], dtype=object)
    for kind, names in (
        ("session", session),
        ("outfit", np.array([outfits.get(name, NO_OUTFIT) for name in session], dtype=object)),
        ("cue", cues[rows.cue]),
    ):
        yield kind, {str(name): names == name for name in sorted(set(names.tolist()))}


def shares(hits: Hits, rows: npt.NDArray[np.bool_], groups: dict[str, tuple[int, ...]]) -> Any:
    """Return PCK by threshold of some rows: of all keypoints and of the wrists, percent.

    Args:
        hits: Of all rows.
        rows: (N,) which.
        groups: Keypoint indices by group.
    """
    found: dict[str, dict[str, float | None]] = {}
    for threshold in COMPARED:
        right = hits.right(threshold)[rows]
        used = hits.used[rows]
        found[f"{threshold:g}"] = {
            name: _percent(right[:, list(k)], used[:, list(k)])
            for name, k in {**groups, "all": tuple(range(used.shape[1]))}.items()
        }
    return found


def difference(
    first: Hits, second: Hits, block: npt.NDArray[np.int64], groups: dict[str, tuple[int, ...]]
) -> dict[str, dict[str, dict[str, float | list[float] | None] | None]]:
    """Return PCK of the first minus the second, in points, with its 95 % interval.

    Args:
        first: Of the first net.
        second: Of the second net, on the same rows.
        block: (N,) the block of each row.
        groups: Keypoint indices by group.
    """
    found: dict[str, dict[str, dict[str, float | list[float] | None] | None]] = {}
    for threshold in COMPARED:
        a, b = first.right(threshold), second.right(threshold)
        of_one: dict[str, dict[str, float | list[float] | None] | None] = {}
        for name, k in {**groups, "all": tuple(range(a.shape[1]))}.items():
            right_a, right_b = a[:, list(k)].sum(axis=1), b[:, list(k)].sum(axis=1)
            total = first.used[:, list(k)].sum(axis=1)
            counted = int(total.sum())
            ends = paired_interval(right_a, right_b, total, block)
            of_one[name] = (
                counted
                and {
                    "points": 100.0 * int(right_a.sum() - right_b.sum()) / counted,
                    "interval": None if ends is None else list(ends),
                }
                or None
            )
        found[f"{threshold:g}"] = of_one
    return found


def _percent(right: npt.NDArray[np.bool_], used: npt.NDArray[np.bool_]) -> float | None:
    total = int(used.sum())
    return 100.0 * int(right.sum()) / total if total else None
