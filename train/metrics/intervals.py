"""Intervals of percentages by resampling blocks of frames (Kunsch 1989; Efron 1993).

Frames of a video resemble their neighbours, so single frames are not independent: blocks of some
seconds are drawn with replacement, and the interval is that of the drawn percentages.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

BLOCK_S: Final = 2.0
"""Length of a block, seconds of a session."""
DRAWS: Final = 2000
LEVEL: Final = 0.95


def blocks_of(
    session: npt.ArrayLike, take: npt.ArrayLike, time_s: npt.ArrayLike, block_s: float = BLOCK_S
) -> npt.NDArray[np.int64]:
    """Return the block (N,) that each frame is of, numbered from 0.

    Args:
        session: (N,) which session a frame is of.
        take: (N,) which take of it.
        time_s: (N,) seconds since the begin of the take.
        block_s: Length of a block, seconds.
    """
    keys = np.stack(
        [
            np.asarray(session, dtype=np.int64),
            np.asarray(take, dtype=np.int64),
            np.floor(np.asarray(time_s, dtype=np.float64) / block_s).astype(np.int64),
        ]
    )
    numbers = np.unique(keys, axis=1, return_inverse=True)[1]
    return numbers.reshape(-1).astype(np.int64)


def interval(
    right: npt.ArrayLike, total: npt.ArrayLike, block: npt.NDArray[np.int64], seed: int = 0
) -> tuple[float, float] | None:
    """Return the 95 % interval of a pooled percentage.

    Args:
        right: (N,) number of right keypoints of each frame.
        total: (N,) number of counted keypoints of each frame.
        block: (N,) the block of each frame.
        seed: Of the draws.

    Returns:
        Percentages; None where there are fewer than two blocks with something counted.
    """
    drawn = _draw(np.stack([_per_block(right, block), _per_block(total, block)]), seed)
    return _ends(100 * drawn[0] / drawn[1]) if drawn is not None else None


def paired_interval(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    total: npt.ArrayLike,
    block: npt.NDArray[np.int64],
    seed: int = 0,
) -> tuple[float, float] | None:
    """Return the 95 % interval of the first percentage minus the second, on the same frames.

    Args:
        first: (N,) number of keypoints of each frame that the first predictions have right.
        second: (N,) the same of the second predictions.
        total: (N,) number of counted keypoints of each frame.
        block: (N,) the block of each frame.
        seed: Of the draws.

    Returns:
        Points; None where there are fewer than two blocks with something counted.
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    drawn = _draw(np.stack([_per_block(difference, block), _per_block(total, block)]), seed)
    return _ends(100 * drawn[0] / drawn[1]) if drawn is not None else None


def _per_block(values: npt.ArrayLike, block: npt.NDArray[np.int64]) -> Array:
    return np.bincount(block, weights=np.asarray(values, dtype=np.float64)).astype(np.float64)


def _draw(sums: Array, seed: int) -> Array | None:
    """Return the sums (2, DRAWS) over drawn blocks of (2, M) sums of each block."""
    sums = sums[:, sums[1] > 0]
    blocks = sums.shape[1]
    if blocks <= 1:
        return None
    rng = np.random.default_rng(seed)
    times = rng.multinomial(blocks, np.full(blocks, 1 / blocks), DRAWS)
    drawn: Array = sums @ times.T
    return drawn


def _ends(percent: Array) -> tuple[float, float]:
    low, high = np.quantile(percent, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
