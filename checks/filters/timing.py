"""Frames whose time is in doubt: after a gap, without a body near in time, with a certain lag."""

import numpy as np
from numpy.typing import NDArray

from ...core.units import SECOND_100NS
from .bodies import Bools, Floats
from .settings import FilterSettings


def after_gap(gap_s: Floats, settings: FilterSettings) -> Bools:
    """Return which frames come after a gap.

    Args:
        gap_s: (N,) time since the frame before, seconds; NaN for the first one.
        settings: ``gap_ms``.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.asarray(gap_s) * 1e3 > settings.gap_ms)


def unpaired(residual_s: Floats, settings: FilterSettings) -> Bools:
    """Return which bodies are too far in time from their colour frame.

    Args:
        residual_s: (N,) body time minus colour time, seconds; NaN for no body.
        settings: ``residual_ms``.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(~(np.abs(np.asarray(residual_s)) * 1e3 <= settings.residual_ms))


def may_correct(peak: float, gain: float, sure: float, settings: FilterSettings) -> bool:
    """Return True if a lag is certain enough to move joints by it.

    Args:
        peak: Correlation of wrists and images at the lag.
        gain: That minus the correlation without a shift.
        sure: The lag in multiples of its uncertainty; NaN unknown.
        settings: ``lag_sure``, ``lag_peak`` and ``lag_gain``.
    """
    if abs(sure) >= settings.lag_sure:
        return True
    return bool(peak >= settings.lag_peak and gain >= settings.lag_gain)


def is_late(ms: float, settings: FilterSettings) -> bool:
    """Return True if a lag, ms, is too long; NaN is not."""
    return bool(abs(ms) > settings.lag_ms)


def frame_gaps(take: NDArray[np.integer], time_100ns: NDArray[np.integer]) -> Floats:
    """Return (F,) the time since the frame before in the same take, seconds; NaN for the first.

    Args:
        take: (F,) takes, frames in any order.
        time_100ns: (F,) device times, 100 ns.
    """
    order = np.lexsort((time_100ns, take))
    gap = np.full(len(order), np.nan)
    same = np.diff(take[order].astype(np.int64)) == 0
    gap[order[1:]] = np.where(
        same, np.diff(time_100ns[order].astype(np.int64)) / SECOND_100NS, np.nan
    )
    return gap
