"""Durations measured during a recording, in memory that does not grow with its length."""

import math

from ..core.units import MS_NS

_BINS_PER_OCTAVE = 16
_OCTAVES = 48


class Latencies:
    """A histogram of durations with bins 4.4 % wide, from 1 ns to days.

    One thread adds; any thread may read.
    """

    def __init__(self) -> None:
        self._counts = [0] * (_BINS_PER_OCTAVE * _OCTAVES)
        self.longest_ns = 0

    def add(self, ns: int) -> None:
        """Count one duration in nanoseconds."""
        if ns > self.longest_ns:
            self.longest_ns = ns
        bin_ = int(math.log2(ns) * _BINS_PER_OCTAVE) if ns > 1 else 0
        self._counts[min(bin_, len(self._counts) - 1)] += 1

    def percentile_ms(self, percent: float) -> float:
        """Return the duration that ``percent`` of all stay below, in ms; NaN if there are none."""
        wanted = sum(self._counts) * percent / 100
        if wanted == 0:
            return math.nan
        seen = 0
        for bin_, count in enumerate(self._counts):
            seen += count
            if seen >= wanted:
                upper = 2 ** ((bin_ + 1) / _BINS_PER_OCTAVE)
                return float(min(upper, self.longest_ns)) / MS_NS
        return self.longest_ns / MS_NS

    def report(self) -> dict[str, float]:
        """Return p50, p95, p99 and the longest, in ms."""
        return {
            "p50": self.percentile_ms(50),
            "p95": self.percentile_ms(95),
            "p99": self.percentile_ms(99),
            "max": self.longest_ns / MS_NS,
        }
