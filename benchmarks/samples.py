"""What a process holds, taken down each second, and whether that grows."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

import numpy as np
import psutil

from benchmarks.worker import descriptors

EVERY_S = 1.0
MIB = 1 << 20
_MOST_POINTS = 400
"""The fit compares all pairs: longer series are thinned to medians."""


def steady_slope(seconds: list[float], values: list[float]) -> float:
    """Return the slope of a series, the median of the slopes between all its pairs of points.

    Up to 29 % of the points may be anything: a queue that was full for a while changes nothing.

    Args:
        seconds: When, rising.
        values: What was found then.

    Returns:
        Per minute; 0 for fewer than two points.
    """
    if len(seconds) < 2:
        return 0.0
    parts = min(len(seconds), _MOST_POINTS)
    at = np.array([np.median(part) for part in np.array_split(seconds, parts)])
    found = np.array([np.median(part) for part in np.array_split(values, parts)])
    first, second = np.triu_indices(parts, 1)
    slopes = (found[second] - found[first]) / (at[second] - at[first])
    return 60 * float(np.median(slopes))


@dataclass
class Series:
    """Samples of one process while it records.

    Attributes:
        seconds: Seconds of recording before each sample; pauses between sessions don't count.
        rss_mib: Resident memory, MiB.
        descriptors: Open descriptors or handles.
        threads: Its threads.
    """

    seconds: list[float] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)

    def after(self, warm_up_s: float) -> "Series":
        """Return the samples after a warm-up."""
        keep = [k for k, second in enumerate(self.seconds) if second >= warm_up_s]
        return Series(*([values[k] for k in keep] for values in vars(self).values()))

    def growth(self, name: str) -> float:
        """Return by how much one of the series grows from its first to its last sample."""
        if not self.seconds:
            return 0.0
        span_min = (self.seconds[-1] - self.seconds[0]) / 60
        return span_min * steady_slope(self.seconds, getattr(self, name))


class Sampler:
    """Takes samples of a process in a thread while it is told to."""

    def __init__(self, process: psutil.Process, on_sample: Callable[[Series], None]) -> None:
        """Prepare.

        Args:
            process: Whose.
            on_sample: Told of all samples so far, in the sampling thread.
        """
        self._process, self._on_sample = process, on_sample
        self.series = Series()
        self._before_s = 0.0

    def during(self, work: Callable[[], object]) -> None:
        """Take samples while ``work`` runs in this thread."""
        stop, began = Event(), time.monotonic()
        thread = Thread(target=self._run, args=(stop, began), daemon=True)
        thread.start()
        try:
            work()
        finally:
            stop.set()
            thread.join()
            self._before_s += time.monotonic() - began

    def _run(self, stop: Event, began: float) -> None:
        while not stop.wait(EVERY_S):
            with self._process.oneshot():
                sample = (
                    self._process.memory_info().rss / MIB,
                    descriptors(self._process),
                    self._process.num_threads(),
                )
            self.series.seconds.append(self._before_s + time.monotonic() - began)
            self.series.rss_mib.append(sample[0])
            self.series.descriptors.append(sample[1])
            self.series.threads.append(sample[2])
            self._on_sample(self.series)
