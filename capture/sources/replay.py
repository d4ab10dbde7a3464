"""Plays a stored session again: the same JPEG bytes, the same body rows, the same device times."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...core.errors import SensorError
from ...sessions.reader import SessionReader
from .sensor import BodyFrame, ColorFrame, Item, SensorInfo, TakeStart


class ReplaySensor:
    """A session as a source; what was recorded before it was opened is played."""

    def __init__(self, folder: Path, spec: str) -> None:
        """Open a session.

        Args:
            folder: The session's folder.
            spec: The source as the user named it.

        Raises:
            SensorError: There is no session.
            SessionError: session.json can't be read, or does not say what the device was.
        """
        if not (folder / "session.json").is_file():
            raise SensorError(
                f"{folder}: no session there; session: needs a session's folder, "
                "such as recordings/clothing3"
            )
        self.folder = folder
        self._reader = SessionReader(folder)
        self._color, self._bodies = self._reader.color, self._reader.bodies
        self._closed = self._playing = False
        stored = self._reader.info
        if not len(self._color) and not len(self._bodies):
            raise SensorError(f"{folder}: holds no frames to play")
        # a session may have been recorded with and without a stream: what has rows counts
        streams = [
            name for name, rows in (("color", self._color), ("bodies", self._bodies)) if len(rows)
        ]
        self.info = SensorInfo(
            kind="session",
            uri=spec,
            device_id=stored.device.id or "",
            color_size_px=stored.size_px,
            mirrored=stored.mirrored,
            times=stored.device.times or "device",
            shape=stored.shape,
            streams=tuple(streams),
            live=False,
            frames=len(self._color),
            depth_intrinsics=stored.device.depth_intrinsics,
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
        for number in np.union1d(self._color["take"], self._bodies["take"]):
            clocks = takes.get(int(number), {})
            yield TakeStart(
                clocks.get("wall_utc_ns"), clocks.get("host_ns"), clocks.get("device_100ns")
            )
            if self._closed:
                return
            yield from self._take(
                self._color[self._color["take"] == number],
                self._bodies[self._bodies["take"] == number],
            )

    def _take(self, color: npt.NDArray[Any], bodies: npt.NDArray[Any]) -> Iterator[Item]:
        """Merge one take's streams by device time, each in its stored order."""
        body = 0
        for row in color:
            while body < len(bodies) and bodies["time_device"][body] <= row["time_device"]:
                yield BodyFrame(bodies[body : body + 1].copy())
                body += 1
                if self._closed:
                    return
            yield ColorFrame(
                None,
                int(row["time_device"]),
                int(row["time_host"]),
                exposure=int(row["exposure"]),
                frame_interval=int(row["frame_interval"]),
                gain=float(row["gain"]),
                flags=int(row["flags"]),
                jpeg=self._reader.color_blob(int(row["seq"])),
            )
            if self._closed:
                return
        for k in range(body, len(bodies)):
            yield BodyFrame(bodies[k : k + 1].copy())

    def close(self) -> None:
        """Make ``items`` end after the present one."""
        self._closed = True
        if not self._playing:
            self._reader.close()
