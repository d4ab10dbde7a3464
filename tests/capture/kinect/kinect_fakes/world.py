"""What a test of the driver gets: the faked sensor, a way to open it, known pictures and people."""

import contextlib
import gc
import importlib.util
import io
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import com, dll, floor

T0 = 123_456_789
TICK = 333_333


@dataclass
class Done:
    """What a command did: its exit code, and what it printed."""

    code: int
    out: str
    err: str


class World:
    """One test's process.

    Attributes:
        acknowledgements: Descriptor on which the recorder says what it has stored (core.ack).
        events: The floor's events.
        sensor: The faked sensor, after ``plug_in``.
        is_stock: The test ran stock's runtime, which leaves its event handles behind.
    """

    def __init__(self, acknowledgements: int) -> None:
        self.acknowledgements = acknowledgements
        self.events = floor.install()
        self.sensor: Any = None
        self.is_stock = False
        self._opened: list[Any] = []
        self._threads = set(threading.enumerate())
        self.tmp = Path(os.environ["KINECT_CASE_TMP"])
        package = importlib.util.find_spec("pykinect2")
        self._pykinect2 = Path(package.origin).parent

    def plug_in(self) -> Any:
        """Import the driver as kincap does, and plug a sensor in."""
        from kincap.capture.kinect.driver import load_driver

        driver = load_driver()
        self.sensor = dll.plug_in(self.events)
        return driver

    def stock_runtime(self, driver: Any, *streams: str) -> Any:
        """Return pykinect2's own runtime, rewritten and nothing else."""
        self.is_stock = True
        types = sum(getattr(driver.v2, f"FrameSourceTypes_{name}") for name in streams)
        return driver.runtime.PyKinectRuntime(types)

    def package_file(self, name: str) -> Path:
        """Return a file of the installed pykinect2."""
        return self._pykinect2 / name

    def site_without(self, package: str) -> Path:
        """Let this process see everything installed but one package.

        Returns:
            The folder of what it sees, to put something else in.
        """
        installed, site = self._pykinect2.parent, self.tmp / "site"
        site.mkdir()
        for entry in installed.iterdir():
            if not entry.name.startswith(package):
                (site / entry.name).symlink_to(entry)
        sys.path[:] = [str(site) if Path(p) == installed else p for p in sys.path]
        importlib.invalidate_caches()
        return site

    def remove_dll(self) -> None:
        """Take Kinect20.dll away."""
        del floor.LIBRARIES["kinect20"]

    def run_kincap(self, *args: object) -> "Done":
        """Run the command line in this process."""
        from kincap.cli.main import main

        out, err, code = io.StringIO(), io.StringIO(), 0
        sys.argv = ["kincap", *map(str, args)]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else 0
        return Done(code, out.getvalue(), err.getvalue())

    def open(self, streams: Sequence[str] = ("color", "bodies"), **options: Any) -> Any:
        """Open the source that is under test."""
        from kincap.capture.kinect.sensor import KinectSensor, Patience

        options.setdefault("patience", Patience(available_s=0.05, calibration_s=0.05))
        source = KinectSensor(streams, **options)
        self._opened.append(source)
        return source

    def started(self, source: Any) -> Iterator[Any]:
        """Return the source's items once its thread serves: waits for the first body."""
        items = source.items()
        self.sensor.bodies.push(T0 - TICK, [])
        next(items)
        return items

    def finish(self) -> None:
        """Close what the test opened; nothing may be left, and the fake must not have failed."""
        for source in self._opened:
            source.close()
        self._opened.clear()
        until = time.monotonic() + dll.PATIENCE_S
        while self.is_stock and com.LIVE and time.monotonic() < until:
            # stock has no way to wait for its thread's end
            gc.collect()
            time.sleep(0.01)
        self.check_nothing_left()
        assert not com.FAULTS, "\n".join(com.FAULTS)

    def check_nothing_left(self) -> None:
        """Check that no COM object, no thread and no handle survived."""
        gc.collect()
        held = {f"{type(o).__name__}: {o.references}" for o in com.LIVE.values()}
        assert not held, f"COM objects leak: {sorted(held)}"
        left = set(threading.enumerate()) - self._threads
        assert not left, f"threads survive: {left}"
        if self.sensor is not None:
            assert not self.sensor.is_open
        assert self.is_stock or self.events.open_handles() == 0


def picture(k: int) -> np.ndarray:
    """Return the k-th colour picture, (1080, 1920, 4) BGRA; no two are alike."""
    image = np.zeros(dll.COLOR_SHAPE, np.uint8)
    image[..., 0] = (np.arange(1920) // 8 + k) % 256
    image[..., 1] = ((np.arange(1080) // 8)[:, None] * 3 + 7 * k) % 256
    image[..., 2] = (k * 31) % 256
    image[..., 3] = 255
    return image


def person(k: int, tracking_id: int = 72057594037930001) -> dll.Person:
    """Return a person whose joints are known and differ from frame to frame."""
    joint = np.arange(25)
    joints = np.stack(
        [0.05 * joint - 0.6 + 0.001 * k, 0.9 - 0.06 * joint, 2.0 + 0.01 * joint + 0.002 * k], axis=1
    )
    orientations = np.stack([joint / 25, -joint / 50, np.full(25, k / 1000), np.ones(25)], axis=1)
    return dll.Person(tracking_id, joints, np.where(joint % 5 == 0, 1, 2), orientations)
