"""Checks of a real sensor together with its owner: ``kincap doctor --selftest 30``."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ...sessions.schema import Stream
from ..kinect.sensor import KinectSensor
from .checks import Check
from .sensor_rates import Watched, watch

_JITTER_MS: Final = 16.7
_UNPLUG_MAY_TAKE_S: Final = 60.0

Ask = Callable[[str], bool | None]
"""Asks the person a question; None: no one can answer."""


def selftest(seconds: float, ask: Ask, say: Callable[[str], None], folder: Path) -> Iterator[Check]:
    """Check what only a real sensor can show: USB, E_PENDING, jitter, mirroring, unplugging.

    Args:
        seconds: How long to watch.
        ask: Asks the person.
        say: Tells the person.
        folder: Where the image to look at is put.
    """
    say(f"Hold up a printed R or F to the camera for {seconds:g} s.")
    watched = watch(KinectSensor(), seconds)
    counts = watched.counts.values()
    failed = sum(count.failed for count in counts)
    pending, stale = sum(c.pending for c in counts), sum(c.stale for c in counts)
    arrived = sum(count.arrived for count in counts)
    yield Check(
        "selftest: calls",
        "warning" if failed or pending else "ok",
        f"{arrived} frames announced in {seconds:g} s: {failed} failed, {pending} gone before they "
        f"were fetched (E_PENDING), {stale} repeated",
        "report these figures, kincap has never seen them on hardware" if failed or pending else "",
    )
    for stream, measure in watched.streams.items():
        bad = measure.frames < 2 or measure.gaps > 0 or measure.jitter_ms > _JITTER_MS
        yield Check(
            f"selftest: {stream.name}",
            "warning" if bad else "ok",
            f"{measure.fps:.2f} fps, {measure.gaps} gaps, "
            f"longest step {measure.longest_ms:.1f} ms, "
            f"95 % arrive within {measure.jitter_ms:.1f} ms of an even pace",
            "another USB 3 port; close other programs" if bad else "",
        )
    yield _mirroring(watched, ask, folder)
    yield _unplugging(ask)


def _mirroring(watched: Watched, ask: Ask, folder: Path) -> Check:
    """Have the person read a printed letter in an image."""
    name = "selftest: mirroring"
    if watched.blob is None:
        return Check(name, "warning", "no image came", "see the streams above")
    path = folder / "kincap-selftest.jpg"
    path.write_bytes(watched.blob)
    answer = ask(f"Open {path}, the last image of the printed letter: does it look as in a mirror?")
    if answer is None:
        return Check(
            name,
            "warning",
            f"no one looked at {path}",
            "hold up a printed R or F, ask again on a terminal; it must look as in a mirror",
        )
    if not answer:
        return Check(
            name,
            "missing",
            f"{path} is not mirrored: kincap would swap left and right",
            "report it with your driver's version before recording anything",
        )
    return Check(name, "ok", f"{path} is as in a mirror, as kincap expects")


def _unplugging(ask: Ask) -> Check:
    """Have the person pull the cable and put it back, and see that frames come again."""
    name = "selftest: unplugging"
    if not ask("Ready to pull the sensor's USB cable, wait 5 s and put it back?"):
        return Check(name, "skipped", "not tried: the cable was not pulled")
    sensor = KinectSensor()
    timer = threading.Timer(_UNPLUG_MAY_TAKE_S, sensor.close)
    timer.start()
    began = time.monotonic()
    before: int | None = None
    came_back = False
    try:
        for _ in sensor.items():
            given = sensor.counts[Stream.color].given
            if before is None and sensor.reconnections:
                before = given
            came_back = before is not None and given > before
            if came_back:
                break
    finally:
        timer.cancel()
        sensor.close()
    if came_back:
        return Check(name, "ok", f"frames came again after {time.monotonic() - began:.0f} s")
    return Check(
        name,
        "warning",
        f"no reconnection within {_UNPLUG_MAY_TAKE_S:.0f} s",
        "start recordings anew after the cable was pulled, and report this",
    )
