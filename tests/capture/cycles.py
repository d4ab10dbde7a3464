"""Starts and stops without end, and days of idling, by a held source on a clock of its own.

Nothing may grow: not memory, not threads, not descriptors. Every item is stored or counted.
"""

import gc
import random
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.worker import descriptors, malloc_mib
from kincap.capture.live.control import RecordingControl
from kincap.capture.live.observers import LatestPicture
from kincap.capture.live.sensor_hold import HeldSensor
from kincap.capture.record import RecordSettings
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, SensorInfo
from kincap.core.units import TICK_100NS
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import Stream, empty_body_row

from .virtual_clock import VirtualClock

SIZE_PX = (64, 48)
WARM_UP = 0.2
"""Share of the cycles after which growth counts."""
ALLOWED = {"threads": 0, "descriptors": 0, "malloc_mib": 0.3, "python_blocks": 3000}
"""Growth from the warm-up to the end; a picture kept in each of 1,000 cycles would be 9 MiB."""


class EndlessSensor:
    """Gives both streams at 30 Hz on a virtual clock until it is closed.

    Attributes:
        handed: Items handed over, by stream.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.handed: Counter[Stream] = Counter()
        self._clock, self._closed = clock, threading.Event()
        noise = np.random.default_rng(0).integers(0, 255, (SIZE_PX[1], SIZE_PX[0], 4), np.uint8)
        self._pictures = [np.roll(noise, k, axis=0) for k in range(8)]
        self.info = SensorInfo(
            kind="endless", uri="endless:", device_id="endless-1", color_size_px=SIZE_PX,
            mirrored=True,
        )  # fmt: skip

    def items(self) -> Iterator[BodyFrame | ColorFrame]:
        """Hand items over for ever."""
        began, k = self._clock.now_ns(), 0
        while not self._closed.is_set():
            now, time_device = began + 100 * k * TICK_100NS, k * TICK_100NS
            self._clock.sleep_until(now)
            self.handed[Stream.color] += 1
            yield ColorFrame(self._pictures[k % 8], time_device, now, release=_nothing)
            row = empty_body_row()
            row["time_device"], row["time_host"] = time_device, now
            row["tracked"][0, 0], row["joint_state"][0, 0] = 1, 2
            row["joint_xyz_m"][0, 0] = k
            self.handed[Stream.bodies] += 1
            yield BodyFrame(row)
            k += 1

    def close(self) -> None:
        """End the items."""
        self._closed.set()


def _nothing() -> None:
    """Take a picture back: it stays as it is."""


def held_now() -> dict[str, float]:
    """Return what this process holds."""
    gc.collect()
    me = psutil.Process()
    found: dict[str, float] = {
        "threads": threading.active_count(),
        "descriptors": descriptors(me),
        "python_blocks": sys.getallocatedblocks(),
    }
    given_out = malloc_mib()
    return found if given_out is None else {**found, "malloc_mib": given_out}


def growth(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return by how much what is held has grown."""
    return {name: round(after[name] - before[name], 3) for name in before}


class Cycles:
    """A held source that is started and stopped again and again.

    Args:
        folder: For the sessions.
        seed: Of what each cycle does.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._rng = folder, random.Random(seed)
        self.clock = VirtualClock()
        self.sensor = EndlessSensor(self.clock)
        self.used: Counter[Stream] = Counter()
        self.problems: list[str] = []

    def run(self, cycles: int, idle_s: float, tell: Callable[[str], None]) -> dict[str, Any]:
        """Do so many cycles, then idle; return the counts."""
        warm = max(2, int(cycles * WARM_UP))
        with HeldSensor(
            lambda: self.sensor, clock=self.clock, pre_roll_s=0.2, picture=LatestPicture()
        ) as held:
            for n in range(warm):
                self._cycle(held, n)
            self.clock.sleep(60.0)
            begun = held_now()
            for n in range(warm, cycles):
                self._cycle(held, n)
                if n % 100 == 99:
                    tell(f"{n + 1} cycles, {growth(begun, held_now())}")
            after_cycles = held_now()
            idle_from = self.sensor.handed.total()
            left_s = idle_s
            while left_s > 0:
                self.clock.sleep(min(left_s, 3600.0))
                left_s -= 3600.0
                tell(f"{idle_s - max(left_s, 0):.0f} s idle, {growth(after_cycles, held_now())}")
            after_idle = held_now()
            idle_items = self.sensor.handed.total() - idle_from
        unaccounted = {
            stream.name: self.sensor.handed[stream] - self.used[stream] - held.not_stored[stream]
            for stream in (Stream.color, Stream.bodies)
        }
        return {
            "cycles": cycles,
            "stored": self.used.total(),
            "not_stored": held.not_stored.total(),
            "idle_s": idle_s,
            "idle_items": idle_items,
            "growth_cycles": growth(begun, after_cycles),
            "growth_idle": growth(after_cycles, after_idle),
            "unaccounted": unaccounted,
        }

    def _cycle(self, held: HeldSensor, n: int) -> None:
        """Record some frames, steered at random, and look at the session."""
        self.clock.sleep(self._rng.uniform(0.0, 0.5))
        control, name = RecordingControl(), f"s{n}"
        if self._rng.random() < 0.3:
            control.retake()
        if self._rng.random() < 0.3:
            control.pause()
            control.resume()
        settings = RecordSettings(
            name, self._folder, frames=self._rng.randint(1, 5), shard_mib=8, report=False
        )
        done = held.record(settings, control=control)
        for stream in (Stream.color, Stream.bodies):
            self.used[stream] += done.handed_over[stream.name]
        if done.error or done.dropped:
            self.problems.append(f"{name}: {done.error}, {done.dropped}")
        if n % 20 == 0 and not verify_session(self._folder / name).ok:
            self.problems.append(f"{name}: does not verify")
        shutil.rmtree(self._folder / name)


def run(
    runs: int,
    seed: int = 0,
    jobs: int = 1,
    *,
    idle_s: float = 86_400.0,
    tell: Callable[[str, dict[str, Any]], None] = lambda _text, _counts: None,
) -> dict[str, Any]:
    """Start and stop, then idle.

    Args:
        runs: Cycles.
        seed: Of what each of them does.
        jobs: Not used: it is one process that must not grow.
        idle_s: Seconds of idling after them, on the virtual clock.
        tell: Told how far it is.
    """
    with tempfile.TemporaryDirectory(prefix="kincap-cycles-") as name:
        cycles = Cycles(Path(name), seed)
        counts = cycles.run(runs, idle_s, lambda text: tell(text, {}))
    failures = list(cycles.problems)
    for part in ("growth_cycles", "growth_idle"):
        for what, most in ALLOWED.items():
            if counts[part].get(what, 0) > most:
                failures.append(f"{part}: {counts[part][what]} {what} more, at most {most}")
    # two items may be on their way when the source is closed
    if any(not 0 <= count <= 2 for count in counts["unaccounted"].values()):
        failures.append(f"unaccounted: {counts['unaccounted']}")
    return {**counts, "failures": failures}
