"""The sensor's own clocks: when colour and body frames are taken, in 100 ns of device time."""

from typing import Final

import numpy as np

TICKS_100NS: Final = (340_700, 329_300, 330_000)
"""The three steps that a Kinect v2's body times go through at 30 Hz (seen in the Laban logs)."""

_CYCLE_100NS: Final = sum(TICKS_100NS)
_JITTER_100NS: Final = 300.0
_BLOCK: Final = 512


class DeviceClock:
    """Device times of both streams, a pure function of the index.

    Args:
        seed: What start, phase and jitter come from.
        fps: Frames a second; the steps of 30 Hz are scaled.
    """

    def __init__(self, seed: int, fps: float) -> None:
        rng = np.random.default_rng([seed, 101])
        self._seed = seed
        self._stretch = 30.0 / fps
        self._start = int(rng.integers(3_000_000_000, 90_000_000_000))
        # A guess: body frames follow their colour frame by 2 to 9 ms.
        self._phase = float(rng.uniform(20_000, 90_000))
        self._jitter: dict[int, np.ndarray] = {}

    def color(self, index: int) -> int:
        """Return the time of a colour frame, 100 ns."""
        return self._tick(index, 0, 0.0)

    def body(self, index: int) -> int:
        """Return the time of a body frame, 100 ns."""
        return self._tick(index, 1, self._phase)

    def seconds(self, time_device: int) -> float:
        """Return the seconds from the beginning of the take to a device time."""
        return (time_device - self._start) / 1e7

    def arrival_delay_s(self, index: int, stream: int) -> float:
        """Return by how much an item comes later than it could, seconds (a guess: 0 to 3 ms)."""
        return 1e-3 * float(self._noise(index)[2 + stream])

    def _tick(self, index: int, stream: int, phase: float) -> int:
        cycles, place = divmod(index, len(TICKS_100NS))
        steps = cycles * _CYCLE_100NS + sum(TICKS_100NS[:place])
        jitter = _JITTER_100NS * float(self._noise(index)[stream])
        return self._start + round(self._stretch * (steps + jitter) + phase) + 1000

    def _noise(self, index: int) -> np.ndarray:
        """Return (4,) noise of an index: two normal jitters, two delays from 0 to 3."""
        block, place = divmod(index, _BLOCK)
        if block not in self._jitter:
            rng = np.random.default_rng([self._seed, 102, block])
            normal = np.clip(rng.standard_normal((_BLOCK, 2)), -3, 3)
            delays = np.minimum(rng.exponential(0.7, (_BLOCK, 2)), 3.0)
            self._jitter = {block: np.hstack([normal, delays])}
        return np.asarray(self._jitter[block][place])
