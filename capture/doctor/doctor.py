"""Looks at everything that a recording from a Kinect needs, and says what to do about it."""

import importlib.metadata
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...core.errors import KincapError
from ..kinect.driver import has_windows
from ..sources.streams import checked_streams
from .checks import Check, Report, skipped
from .disk import check_disk
from .kinect_driver import (
    SENSOR_CHECKS,
    WINDOWS_ONLY,
    check_driver,
    check_platform,
    check_sensor,
)
from .selftest import Ask, selftest
from .sensor_rates import Watched

PYTHON_AT_LEAST: Final = (3, 11)
_OPENCV: Final = re.compile(r"opencv[-_](contrib[-_])?python([-_]headless)?", re.IGNORECASE)


@dataclass(frozen=True)
class DoctorSettings:
    """The recording that is checked for.

    Attributes:
        recordings: Where to.
        streams: Of a Kinect.
        shard_mib: Size of a shard, MiB.
        watch_s: How long to watch the streams.
        selftest_s: How long the self-test watches them; None: no self-test.
    """

    recordings: Path = Path("recordings")
    streams: tuple[str, ...] = ()
    shard_mib: int = 512
    watch_s: float = 5.0
    selftest_s: float | None = None


def doctor(
    settings: DoctorSettings,
    *,
    ask: Ask | None = None,
    say: Callable[[str], None] | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> Report:
    """Check this machine.

    Args:
        settings: What would be recorded.
        ask: Asks the person in the self-test; None: no one can answer.
        say: Tells the person what to do in the self-test.
        on_check: Told each check when it is done.

    Returns:
        All checks.

    Raises:
        SensorError: A stream is asked for that there is none of.
    """
    checks = []
    person = ask or (lambda _question: None), say or (lambda _text: None)
    for check in _checks(settings, *person):
        checks.append(check)
        if on_check is not None:
            on_check(check)
    return Report(tuple(checks))


def _checks(settings: DoctorSettings, ask: Ask, say: Callable[[str], None]) -> Iterator[Check]:
    streams = checked_streams(settings.streams)
    measured: list[Watched] = []
    yield check_platform()
    yield _python()
    usable = True
    for check in check_driver():
        usable = usable and check.status in ("ok", "warning")
        yield check
    if usable:
        yield from check_sensor(streams, settings.watch_s, measured.append)
    else:
        yield from skipped(
            SENSOR_CHECKS, "the driver is missing" if has_windows() else WINDOWS_ONLY
        )
    jpeg_bytes = measured[0].jpeg_bytes if measured else None
    yield from check_disk(settings.recordings, streams, settings.shard_mib, jpeg_bytes)
    yield _opencv()
    yield _torch()
    if settings.selftest_s is None:
        return
    if not measured:
        yield from skipped(["selftest"], "no sensor")
        return
    try:
        yield from selftest(settings.selftest_s, ask, say, Path())
    except KincapError as error:
        yield Check("selftest", "missing", str(error), "plug the sensor in again, then once more")


def _python() -> Check:
    version, bits = sys.version.split()[0], 64 if sys.maxsize > 2**32 else 32
    found = f"{version}, {bits} bit"
    if sys.version_info < PYTHON_AT_LEAST or bits != 64:
        return Check("Python", "missing", found, "install Python 3.11 or newer, 64 bit")
    return Check("Python", "ok", found)


def _opencv() -> Check:
    """Look for distributions of OpenCV that overwrite each other's files."""
    found = sorted(
        {
            f"{name} {package.version}"
            for package in importlib.metadata.distributions()
            if _OPENCV.fullmatch(name := package.metadata["Name"] or "")
        }
    )
    if len(found) > 1:
        names = " ".join(text.split()[0] for text in found)
        return Check(
            "OpenCV",
            "warning",
            f"{len(found)} distributions share one folder: {', '.join(found)}",
            f"pip uninstall -y {names}; pip install opencv-python",
        )
    if not found:
        return Check("OpenCV", "missing", "not installed", "pip install opencv-python")
    return Check("OpenCV", "ok", found[0])


def _torch() -> Check:
    """Say what nets would be trained on; recording does without."""
    try:
        import torch
    except ImportError:
        return Check("torch", "warning", "not installed", "pip install torch; recording works")
    if torch.cuda.is_available():
        return Check("torch", "ok", f"{torch.__version__}, {torch.cuda.get_device_name(0)}")
    return Check("torch", "ok", f"{torch.__version__}, CPU only: training is slow, but works")
