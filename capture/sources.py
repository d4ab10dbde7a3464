"""Opens what ``--source`` names."""

from pathlib import Path

from ..core.errors import SensorError, SensorNotFoundError
from .sensor import Sensor

OTHER_SOURCES = (
    "ntu:FILE.avi (an NTU RGB+D clip), session:PATH (a stored session again), "
    "simulator[:key=value,...]"
)


def open_source(spec: str) -> Sensor:
    """Open a source and check it as far as that goes without recording.

    Args:
        spec: "kinect", "ntu:FILE.avi", "session:PATH" or "simulator[:key=value,...]".

    Returns:
        The opened source; the caller closes it.

    Raises:
        SensorNotFoundError: This machine has no such sensor (exit 3).
        SensorError: An unknown source, a bad option, a broken or missing file (exit 2).
    """
    kind, colon, rest = spec.partition(":")
    if kind == "kinect" and not colon:
        raise SensorNotFoundError(
            "no Kinect v2 on this machine: its driver comes with a later version of kincap; "
            f"--source can name {OTHER_SOURCES}"
        )
    if kind == "ntu" and rest:
        from .foreign import NtuSensor

        return NtuSensor(Path(rest), spec)
    if kind == "session" and rest:
        from .replay import ReplaySensor

        return ReplaySensor(Path(rest), spec)
    if kind == "simulator":
        options = _options(rest, spec)
        from .simulator import open_simulator

        return open_simulator(options)
    raise SensorError(f"--source {spec}: unknown source; it can be kinect, {OTHER_SOURCES}")


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
