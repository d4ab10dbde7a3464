"""Sample memory, descriptors and threads of a process each second, and measure their growth."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

import numpy as np
import psutil

from benchmarks.worker import descriptors

EVERY_S = 1.0
MIB = 1 << 20


def steady_slope(
    seconds: Sequence[float], values: Sequence[float], groups: Sequence[int] | None = None
) -> float:
    """Return the slope of a series, the median of the slopes between all its pairs of points.

    Up to 29 % of the points may be anything: a queue that was full for a while changes nothing, nor
    does a single step when an allocator takes another piece of memory for good.

    Args:
        seconds: When, rising.
        values: What was found then.
        groups: Only points of the same group are compared; None: all are one group.

    Returns:
        Per minute; 0 where there are no two points to compare.
    """
    at, found = np.asarray(seconds, float), np.asarray(values, float)
    group = np.zeros(len(at), int) if groups is None else np.asarray(groups)
    slopes = [np.zeros(0)]
    for one in np.unique(group):
        here = np.flatnonzero(group == one)
        first, second = (here[part] for part in np.triu_indices(len(here), 1))
        slopes.append((found[second] - found[first]) / (at[second] - at[first]))
    pooled = np.concatenate(slopes)
    return 60 * float(np.median(pooled)) if len(pooled) else 0.0


@dataclass
class Series:
    """Samples of one process while it records.

    Attributes:
        session: Which session each sample was taken in, from 0.
        seconds: Since that session began.
        rss_mib: Resident memory, MiB.
        descriptors: Open descriptors or handles.
        threads: Its threads.
    """

    session: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rss_mib: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)

    def after(self, warm_up_s: float) -> "Series":
        """Return the samples after the first seconds of each session."""
        keep = [k for k, second in enumerate(self.seconds) if second >= warm_up_s]
        return Series(*([values[k] for k in keep] for values in vars(self).values()))

    def per_min(self, name: str) -> float:
        """Return by how much one of the series grows a minute inside sessions."""
        return steady_slope(self.seconds, getattr(self, name), self.session)


class Sampler:
    """Takes samples of a process in a thread while it is told to."""

    def __init__(self, process: psutil.Process, on_sample: Callable[[Series], None]) -> None:
        """Prepare.

        Args:
            process: Whose.
            on_sample: Given all samples so far, in the sampling thread.
        """
        self._process, self._on_sample = process, on_sample
        self.series = Series()
        self._session = -1

    def during(self, work: Callable[[], object]) -> None:
        """Take samples of one more session while ``work`` runs in this thread."""
        self._session += 1
        stop, began = Event(), time.monotonic()
        thread = Thread(target=self._run, args=(stop, began), daemon=True)
        thread.start()
        try:
            work()
        finally:
            stop.set()
            thread.join()

    def _run(self, stop: Event, began: float) -> None:
        series = self.series
        while not stop.wait(EVERY_S):
            with self._process.oneshot():
                rss = self._process.memory_info().rss / MIB
                held, threads = descriptors(self._process), self._process.num_threads()
            series.session.append(self._session)
            series.seconds.append(time.monotonic() - began)
            series.rss_mib.append(rss)
            series.descriptors.append(held)
            series.threads.append(threads)
            self._on_sample(series)
