"""Plays a stored session again: the same images byte for byte, body rows and device times."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.errors import SensorError
from ...sessions.reader import SessionReader
from ...sessions.schema import Stream
from .replay_edits import with_edits
from .sensor import BodyFrame, ColorFrame, Item, PlaneFrame, SensorInfo, TakeStart

_ORDER: Final = (Stream.bodies, Stream.mask, Stream.depth, Stream.color)
"""Order of items of one time."""


class ReplaySensor:
    """A session as a source; what was recorded before it was opened is played."""

    def __init__(
        self, folder: Path, spec: str, streams: tuple[str, ...] = (), *, edits: bool = False
    ) -> None:
        """Open a session.

        Args:
            folder: The session's folder.
            spec: The source as the user named it.
            streams: Streams to play; (): all that it has.
            edits: With what a reviewer decided, see ``replay_edits``.

        Raises:
            SensorError: There is no session, or it lacks a stream.
            SessionError: session.json can't be read, or does not say what the device was.
        """
        if not (folder / "session.json").is_file():
            raise SensorError(
                f"{folder}: no session there; session: needs a session's folder, "
                "such as recordings/clothing3"
            )
        self.folder = folder
        self._reader = SessionReader(folder)
        self._closed = self._playing = False
        stored = self._reader.info
        # a session may have been recorded with and without a stream: what has rows counts
        found = {stream: self._reader.rows(stream) for stream in _ORDER}
        found = {stream: rows for stream, rows in found.items() if len(rows)}
        if edits:
            edited = with_edits(folder, stored, found)
            found = {stream: rows for stream, rows in edited.items() if len(rows)}
        self._rows = {stream: found[stream] for stream in _chosen(folder, found, streams)}
        self.info = SensorInfo(
            kind="session",
            uri=spec,
            device_id=stored.device.id or "",
            color_size_px=stored.size_px,
            mirrored=stored.mirrored,
            times=stored.device.times or "device",
            shape=stored.shape,
            streams=tuple(stream.name for stream in sorted(self._rows)),
            live=False,
            frames=len(self._rows.get(Stream.color, ())),
            depth_intrinsics=stored.device.depth_intrinsics,
            depth_projection=stored.device.depth_projection,
            projection=stored.device.projection,
            subject=stored.subject,
            outfit=stored.outfit,
        )

    def items(self) -> Iterator[Item]:
        """Hand over each take: its clocks, then its items by device time.

        Raises:
            ShardError: A frame is damaged (exit 1).
        """
        self._playing = True
        try:
            yield from self._takes()
        finally:
            self._reader.close()

    def _takes(self) -> Iterator[Item]:
        takes = {int(take["take"]): take for take in self._reader.info.takes}
        for number in np.unique(np.concatenate([rows["take"] for rows in self._rows.values()])):
            clocks = takes.get(int(number), {})
            yield TakeStart(
                clocks.get("wall_utc_ns"), clocks.get("host_ns"), clocks.get("device_100ns")
            )
            if self._closed:
                return
            yield from self._take(
                {stream: rows[rows["take"] == number] for stream, rows in self._rows.items()}
            )

    def _take(self, rows: dict[Stream, npt.NDArray[Any]]) -> Iterator[Item]:
        """Merge one take's streams by device time, each in its stored order."""
        times = {stream: own["time_device"].tolist() for stream, own in rows.items()}
        place = dict.fromkeys(rows, 0)
        while left := [stream for stream in rows if place[stream] < len(times[stream])]:
            # of two at one time the first of _ORDER
            stream = min(left, key=lambda stream: times[stream][place[stream]])
            k = place[stream]
            place[stream] = k + 1
            yield self._item(stream, rows[stream][k : k + 1])
            if self._closed:
                return

    def _item(self, stream: Stream, rows: npt.NDArray[Any]) -> Item:
        """Return a stored item, given as an array of one row."""
        if stream is Stream.bodies:
            return BodyFrame(rows.copy())
        row = rows[0]
        time_device, time_host = int(row["time_device"]), int(row["time_host"])
        blob = self._reader.blob(stream, int(row["seq"]))
        if stream is not Stream.color:
            return PlaneFrame(stream, None, time_device, time_host, png=blob)
        return ColorFrame(
            None,
            time_device,
            time_host,
            exposure=int(row["exposure"]),
            frame_interval=int(row["frame_interval"]),
            gain=float(row["gain"]),
            flags=int(row["flags"]),
            jpeg=blob,
        )

    def close(self) -> None:
        """Make ``items`` end after the present one."""
        self._closed = True
        if not self._playing:
            self._reader.close()


def _chosen(folder: Path, found: Collection[Stream], streams: tuple[str, ...]) -> list[Stream]:
    """Return the streams to play.

    Raises:
        SensorError: There are none, or a wanted one is not there.
    """
    if not found:
        raise SensorError(f"{folder}: holds no frames to play")
    lacking = [name for name in streams if Stream[name] not in found]
    if lacking:
        there = ", ".join(stream.name for stream in sorted(found))
        raise SensorError(f"--streams: {folder} holds no {lacking[0]}; expected some of {there}")
    return [stream for stream in found if not streams or stream.name in streams]
