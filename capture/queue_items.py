"""What goes through the queues between a source and the disk: pictures, rows, events, losses."""

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from ..sessions.schema import ColorFlag, EventKind, Stream, pack_index_row
from .sources.sensor import ColorFrame, PlaneFrame


@dataclass(slots=True)
class Loss:
    """A run of lost items of one stream; becomes one event.

    ``count`` is ``seq_last - seq_first + 1``: seq is dense, so nothing else can lie between.
    """

    stream: Stream
    kind: EventKind
    seq_first: int
    seq_last: int
    take: int
    time_device: int
    time_host: int

    @property
    def count(self) -> int:
        """How many items were lost."""
        return self.seq_last - self.seq_first + 1


@dataclass(slots=True)
class PictureJob:
    """A picture on its way to an encoder.

    ``ticket`` counts the accepted pictures: the writer puts them back in that order. ``before`` is
    what was lost of the stream since its previous accepted picture: it is written first, so that a
    kill leaves no hole without its event.
    """

    ticket: int
    stream: Stream
    seq: int
    take: int
    frame: ColorFrame | PlaneFrame
    place: int
    handed_ns: int
    before: Loss | None


@dataclass(slots=True)
class EncodedPicture:
    """A picture ready to be stored; ``blob`` None: it can't be, for the reason ``drop``."""

    job: PictureJob
    blob: bytes | None
    crc32: int
    drop: EventKind = EventKind.drop_encoder


@dataclass(slots=True)
class BodyJob:
    """A body row ready to be stored."""

    row: npt.NDArray[Any]
    seq: int
    take: int
    time_device: int
    time_host: int
    handed_ns: int
    before: Loss | None


@dataclass(slots=True)
class EventJob:
    """An event row ready to be stored."""

    row: npt.NDArray[Any]


WriterItem = EncodedPicture | BodyJob | EventJob | Loss


def index_row(job: PictureJob) -> bytes:
    """Return the row of an index table that says of a picture what its source said."""
    source = job.frame
    if not isinstance(source, ColorFrame):
        return pack_index_row(job.seq, job.take, source.time_device, source.time_host)
    return pack_index_row(
        job.seq,
        job.take,
        source.time_device,
        source.time_host,
        exposure=source.exposure,
        frame_interval=source.frame_interval,
        gain=source.gain,
        flags=source.flags | (ColorFlag.stored_as_given if source.jpeg is not None else 0),
    )
