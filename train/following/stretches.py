"""Rows of a data set that follow each other in time."""

from typing import Final

import numpy as np
import numpy.typing as npt

from ...dataset.kinect13.reader import Split

LONGEST_GAP_S: Final = 0.15
"""A person is followed over gaps of this length; after a longer one the label's box is taken."""


def stretches(rows: Split) -> list[npt.NDArray[np.int64]]:
    """Return the rows of each person that follow each other without a gap, in order of time.

    Args:
        rows: A split; rows of public sets have no times: each is a stretch of its own.
    """
    keys = np.stack([rows.session, rows.take, rows.tracking_id.astype(np.uint64)]).astype(np.uint64)
    order = np.lexsort((rows.time_s, *keys[::-1]))
    same = (keys[:, order[1:]] == keys[:, order[:-1]]).all(axis=0)
    gap = np.diff(rows.time_s[order])
    follows = same & (gap > 0) & (gap <= LONGEST_GAP_S)
    return np.split(order.astype(np.int64), np.flatnonzero(~follows) + 1)


def has_stretches(rows: Split) -> bool:
    """Return True if most rows of a split follow the one before, so that tracking has a meaning."""
    return len(rows) > 1 and len(stretches(rows)) <= len(rows) / 2
