"""Opens what ``--source`` names."""

from pathlib import Path

from ...core.errors import MissingPartError, SensorError, SensorNotFoundError
from .sensor import Sensor

OTHER_SOURCES = (
    "ntu:FILE.avi (an NTU RGB+D clip), laban:FILE.csv or irds:FILE.txt (skeleton logs, bodies "
    "alone), session:PATH (a stored session again), simulator[:key=value,...]"
)


STREAMS = ("color", "bodies", "mask", "depth")
_USUAL_STREAMS = ("color", "bodies")


def open_source(spec: str, streams: tuple[str, ...] = ()) -> Sensor:
    """Open a source and check it as far as that goes without recording.

    Args:
        spec: "kinect", "ntu:FILE.avi", "laban:FILE.csv" or "irds:FILE.txt" (each may go on with
            ",projection=FILE.json"), "session:PATH" or "simulator[:key=value,...]".
        streams: Of STREAMS, for a Kinect; (): what the source gives by itself.

    Returns:
        The opened source; the caller closes it.

    Raises:
        SensorNotFoundError: This machine has no such sensor (exit 3).
        MissingPartError: A part of the sensor's driver is missing (exit 3).
        SensorError: An unknown source, a bad option, a broken or missing file (exit 2).
    """
    kind, colon, rest = spec.partition(":")
    if kind == "kinect" and not colon:
        return _open_kinect(checked_streams(streams))
    if streams:
        raise SensorError(f"--streams: only --source kinect lets streams be chosen, not {spec}")
    if kind == "ntu" and rest:
        from .ntu import NtuSensor

        return NtuSensor(Path(rest), spec)
    if kind in ("laban", "irds") and rest:
        from .skeleton_logs import SkeletonLogSensor

        return SkeletonLogSensor(kind, rest, spec)
    if kind == "session" and rest:
        from .replay import ReplaySensor

        return ReplaySensor(Path(rest), spec)
    if kind == "simulator":
        options = _options(rest, spec)
        from ..simulator import open_simulator

        return open_simulator(options)
    raise SensorError(f"--source {spec}: unknown source; it can be kinect, {OTHER_SOURCES}")


def _open_kinect(streams: tuple[str, ...]) -> Sensor:
    """Open the sensor of this machine; where that can't be, name what else can be recorded."""
    from ..kinect.sensor import KinectSensor

    try:
        return KinectSensor(streams)
    except (SensorNotFoundError, MissingPartError) as error:
        raise type(error)(f"{error}; --source can name {OTHER_SOURCES}") from error


def checked_streams(streams: tuple[str, ...]) -> tuple[str, ...]:
    """Return the streams in the usual order, checked."""
    for name in streams:
        if name not in STREAMS or streams.count(name) > 1:
            raise SensorError(
                f"--streams {','.join(streams)}: {name!r} is none of {', '.join(STREAMS)}, "
                "or stands there twice"
            )
    return tuple(name for name in STREAMS if name in (streams or _USUAL_STREAMS))


def _options(text: str, spec: str) -> dict[str, str]:
    """Return ``key=value,key=value`` as a dict."""
    options: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key or not value:
            raise SensorError(f"--source {spec}: found {part!r}, expected key=value")
        if key in options:
            raise SensorError(f"--source {spec}: {key} stands there twice")
        options[key] = value
    return options
