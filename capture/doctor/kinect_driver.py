"""Checks of the driver, from this program down to the sensor."""

import platform
from collections.abc import Callable, Iterator
from typing import Final

from ...core.errors import KincapError
from ...sessions.schema import Stream
from ..kinect.driver import (
    PYKINECT2,
    check_comtypes,
    check_dll,
    check_pykinect2,
    has_windows,
    load_driver,
)
from ..kinect.import_rewriter import RUNTIME, V2, find_module, rewrite_module
from ..kinect.sensor import KinectSensor
from .checks import Check, Status, skipped
from .sensor_rates import Watched, watch

WINDOWS_ONLY: Final = "the Kinect's driver runs on Windows only"
USUAL_FPS: Final = 29.0
LOW_LIGHT_FPS: Final = 14.5
_OFFSET_MS: Final = 16.7
_RESIDUAL_PX: Final = 5.0


def check_driver() -> Iterator[Check]:
    """Look at the packages; where there is no Windows they are not needed, but may be there."""
    absent: Status = "missing" if has_windows() else "skipped"
    try:
        yield Check("comtypes", "ok", check_comtypes())
    except KincapError as error:
        yield Check("comtypes", absent, *_split(error))
    try:
        version = check_pykinect2()
        modules = [
            rewrite_module(name, path) for name in (V2, RUNTIME) if (path := find_module(name))
        ]
    except KincapError as error:
        yield Check("driver", absent, *_split(error))
    else:
        variants = " and ".join(dict.fromkeys(module.variant for module in modules))
        places = sum(count for module in modules for _, count in module.applied)
        kinds = sum(len(module.applied) for module in modules)
        found = f"pykinect2 {version} ({variants}); {kinds} rewrites at {places} places, in memory"
        unknown = "unknown" in variants
        remedy = f"pip install --force-reinstall pykinect2=={PYKINECT2}" if unknown else ""
        yield Check("driver", "warning" if unknown else "ok", found, remedy)
    if not has_windows():
        yield from skipped(["Kinect20.dll"], WINDOWS_ONLY)
        return
    try:
        check_dll()
        load_driver()
        yield Check("Kinect20.dll", "ok", "found, and the driver imports")
    except KincapError as error:
        yield Check("Kinect20.dll", "missing", *_split(error))


SENSOR_CHECKS: Final = ("sensor", "intrinsics", "streams")


def check_sensor(
    streams: tuple[str, ...], seconds: float, seen: Callable[[Watched], None]
) -> Iterator[Check]:
    """Open the sensor and watch its streams.

    Args:
        streams: Which.
        seconds: For how long.
        seen: Told what was measured.
    """
    try:
        sensor = KinectSensor(streams)
    except KincapError as error:
        yield Check("sensor", "missing", *_split(error))
        yield from skipped(SENSOR_CHECKS[1:], "no sensor")
        return
    info = sensor.info
    width, height = info.color_size_px
    yield Check("sensor", "ok", f"{info.device_id}, {width}x{height}")
    yield _intrinsics(sensor)
    watched = watch(sensor, seconds)
    seen(watched)
    yield from _streams(watched, seconds)


def _intrinsics(sensor: KinectSensor) -> Check:
    intrinsics, projection = sensor.info.depth_intrinsics, sensor.projection
    if intrinsics is None or projection is None:
        return Check(
            "intrinsics",
            "warning",
            "; ".join(sensor.info.warnings),
            "let the sensor warm up for a minute, then ask again",
        )
    found = (
        f"depth focal length {intrinsics['FocalLengthX']:.1f} px; camera space -> colour pixels "
        f"fitted to {projection.rms_px:.2f} px rms, {projection.max_px:.2f} px at most"
    )
    if projection.rms_px > _RESIDUAL_PX:
        return Check("intrinsics", "warning", found, "the stored projection is only approximate")
    return Check("intrinsics", "ok", found)


def _streams(watched: Watched, seconds: float) -> Iterator[Check]:
    """Judge what was measured: each stream, then what they have in common."""
    for stream, measure in watched.streams.items():
        name = f"stream {stream.name}"
        if measure.frames < 2:
            yield Check(
                name,
                "missing",
                f"{measure.frames} frames in {seconds:g} s",
                "another USB 3 port, best one of a controller of its own; `kincap doctor` again",
            )
            continue
        found = (
            f"{measure.fps:.1f} fps, {measure.gaps} gaps, "
            f"longest step {measure.longest_ms:.0f} ms, "
            f"95 % arrive within {measure.jitter_ms:.1f} ms of an even pace"
        )
        low = stream is Stream.color and watched.low_light > 0
        slow = measure.fps < (LOW_LIGHT_FPS if low else USUAL_FPS)
        remedy = "close other programs, take another USB 3 port" if slow or measure.gaps else ""
        yield Check(name, "warning" if remedy else "ok", found, remedy)
    offset = watched.offset_ms
    if offset == offset:
        far = offset > _OFFSET_MS
        yield Check(
            "offset",
            "warning" if far else "ok",
            f"a colour frame's nearest body is {offset:.1f} ms away (median)",
            "many frames will find no body: see the streams above" if far else "",
        )
    if Stream.color in watched.streams:
        dark = watched.low_light
        yield Check(
            "light",
            "warning" if dark else "ok",
            f"{dark:.0%} of the colour frames at half rate" if dark else "bright enough for 30 fps",
            "more light on the person: in low light the camera gives 15 frames/s" if dark else "",
        )
    if watched.lost or watched.notices:
        lost = ", ".join(f"{count} {reason}" for reason, count in sorted(watched.lost.items()))
        yield Check(
            "losses",
            "warning",
            "; ".join(filter(None, (f"lost: {lost}" if lost else "", *watched.notices))),
            "look at the USB cable and port if that goes on",
        )


def check_platform() -> Check:
    """Say what this system can do."""
    found = f"{platform.system()} {platform.release()}, {platform.machine()}"
    if has_windows():
        return Check("platform", "ok", found)
    return Check(
        "platform",
        "missing",
        f"{found}; {WINDOWS_ONLY}",
        "record from the sensor on Windows 10 or 11; all else works here: record --source ntu:, "
        "session: and simulator, sessions, review, build, pretrain, finetune, evaluate",
    )


def _split(error: KincapError) -> tuple[str, str]:
    """Return an error's line as what was found and what to do."""
    found, colon, remedy = str(error).rpartition(": ")
    return (found, remedy) if colon else (remedy, "")
