"""The sensor's own clocks: when colour and body frames are taken, in 100 ns of device time.

Two real clocks were looked at, in logs of Kinect v2 body frames. In the Laban logs (100 ns ticks)
the steps go through 34.08, 32.92 and 33.00 ms in turn, nearly without jitter, and about every 67th
frame is missing, so that two steps become one. In the IntelliRehabDS logs (whole milliseconds) the
steps scatter about 33.3 ms, some frames come late by up to 16 ms and the next one in time, and
about every 35th is missing. Colour times are in neither log: that they step alike is a guess.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.units import MS_100NS, SECOND_100NS, TICK_100NS

STREAMS: Final = ("color", "bodies")
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class ClockKind:
    """The steps of a clock at 30 Hz.

    Attributes:
        orders: The cycles of steps that it may go through, 100 ns; a seed draws one.
        jitter: Standard deviation of a time about its place in the cycle, 100 ns.
        late_share: Share of times that are late.
        late: Mean lateness of these, 100 ns.
        tick: Times are multiples of it, 100 ns.
        skip_share: Share of frames that are missing in the logs.
    """

    orders: tuple[tuple[int, ...], ...]
    jitter: float
    late_share: float
    late: float
    tick: int
    skip_share: float


CLOCKS: Final = {
    "laban": ClockKind(
        ((340_760, 329_243, 329_997), (340_760, 329_997, 329_243)), 75.0, 0.0, 0.0, 1, 0.015
    ),
    "irds": ClockKind(
        ((TICK_100NS, TICK_100NS, TICK_100NS + 1),), 8_500.0, 0.06, 45_000.0, MS_100NS, 0.0285
    ),
    "steady": ClockKind(((TICK_100NS, TICK_100NS, TICK_100NS + 1),), 0.0, 0.0, 0.0, 1, 0.0),
}
"""The clocks by name."""

_LATEST_100NS: Final = 16 * MS_100NS


class SimulatedClock:
    """Device times of both streams, a pure function of the index.

    Args:
        seed: What start, phase, order and jitter come from.
        fps: Frames a second; the steps of 30 Hz are scaled.
        kind: One of ``CLOCKS``.
        skips: Factor on the share of missing frames; 0: none is missing.
        reserve: Added to the start, 100 ns, so that a clock can be set back.

    Attributes:
        start: What the clock says when the take begins, 100 ns.
        interval: Mean time from a frame to the next one, 100 ns.
    """

    def __init__(
        self, seed: int, fps: float, kind: str = "laban", skips: float = 0.0, reserve: int = 0
    ) -> None:
        rng = np.random.default_rng([seed, 101])
        self._kind = CLOCKS[kind]
        self._seed = seed
        self.interval = round(SECOND_100NS / fps)
        self._stretch = 30.0 / fps
        self.start = int(rng.integers(3_000_000_000, 90_000_000_000)) + reserve
        # A guess: body frames follow their colour frame by 2 to 9 ms.
        self._phase = float(rng.uniform(20_000, 90_000))
        order = self._kind.orders[int(rng.integers(len(self._kind.orders)))]
        self._places = (0, *np.cumsum(order).tolist())
        self._skip_share = min(self._kind.skip_share * skips, 0.5)
        self._drawn: dict[int, NDArray[np.float64]] = {}

    def color(self, index: int) -> int:
        """Return the time of a colour frame, 100 ns."""
        return self._tick(index, 0, 0.0)

    def body(self, index: int) -> int:
        """Return the time of a body frame, 100 ns."""
        return self._tick(index, 1, self._phase)

    def is_skipped(self, index: int, stream: int) -> bool:
        """Return True if a frame is missing, as some are in real logs; the first one never is."""
        return index > 0 and bool(self._noise(index)[4 + stream] < self._skip_share)

    def seconds(self, time_device: int) -> float:
        """Return the seconds from the beginning of the take to a device time."""
        return (time_device - self.start) / SECOND_100NS

    def arrival_delay_s(self, index: int, stream: int) -> float:
        """Return by how much an item comes later than it could, seconds (a guess: 0 to 3 ms)."""
        return 1e-3 * float(self._noise(index)[2 + stream])

    def _tick(self, index: int, stream: int, phase: float) -> int:
        cycles, place = divmod(index, len(self._places) - 1)
        steps = cycles * self._places[-1] + self._places[place]
        jitter = float(self._noise(index)[stream])
        time = self.start + round(self._stretch * (steps + jitter) + phase) + 1000
        return int(time // self._kind.tick * self._kind.tick)

    def _noise(self, index: int) -> NDArray[np.float64]:
        """Return (6,) noise of an index: by stream, jitter (100 ns), delay (ms), chance to skip."""
        block, place = divmod(index, _BLOCK)
        if block not in self._drawn:
            kind, rng = self._kind, np.random.default_rng([self._seed, 102, block])
            jitter = kind.jitter * np.clip(rng.standard_normal((_BLOCK, 2)), -3, 3)
            delays = np.minimum(rng.exponential(0.7, (_BLOCK, 2)), 3.0)
            skips = rng.random((_BLOCK, 2))
            late = rng.random((_BLOCK, 2)) < kind.late_share
            jitter += late * np.minimum(rng.exponential(kind.late, (_BLOCK, 2)), _LATEST_100NS)
            if len(self._drawn) > 2:
                self._drawn.pop(next(iter(self._drawn)))
            self._drawn[block] = np.hstack([jitter, delays, skips])
        return np.asarray(self._drawn[block][place])
