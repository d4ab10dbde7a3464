"""The source ``session``: a stored session is played again."""

from pathlib import Path
from typing import TYPE_CHECKING

from ....core.errors import SensorError
from ..source import Source, SourceSpec
from ..streams import STREAMS, checked_streams

if TYPE_CHECKING:
    from ..sensor import Sensor


def _open(spec: SourceSpec) -> "Sensor":
    from ..replay import ReplaySensor

    streams = checked_streams(spec.streams) if spec.streams else ()
    edits = spec.options.get("edits", "no")
    if edits not in ("yes", "no"):
        raise SensorError(f"--source {spec.text}: edits={edits}; expected yes or no")
    return ReplaySensor(spec.path, spec.text, streams, edits=edits == "yes")


def _is_session(path: Path) -> bool:
    return (path / "session.json").is_file()


SOURCE = Source(
    name="session",
    argument="FOLDER",
    gives="the streams of the session",
    help="a stored session again: the same bytes, rows and device times",
    open=_open,
    keys={"edits": "yes: without rejected frames, and with edited joints"},
    streams=STREAMS,
    is_of_kind=_is_session,
)
