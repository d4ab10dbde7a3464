"""When the colour frames of a session were taken, on every clock that can say so.

Device times compare inside a take only. The host's clock and the wall clock run on over takes and
sessions, where the source is live: what comes from a file arrives as fast as it is read, so its
host times say nothing about when its pictures were taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.pairing import ByRowAndSlot
from ...core.units import SECOND_100NS, SECOND_NS
from ...sessions.schema import Rows

LIVE_SHARE: Final = 0.5
"""A take is live if its frames took at least this share of their device time to arrive."""
ASSUMED: Final = "assumed"
"""Begin of ``device.times`` for sources without times of their own: files of pictures."""
UNPACED: Final = "pace=fast"
"""In the source of a take: a simulation drawn as fast as possible, or slower on a busy machine."""
_BODIES_AT_ONCE: Final = 4096
_ANCHOR_WITHIN_NS: Final = 3600 * SECOND_NS
"""An anchor farther from its take's frames was read on another boot of the machine."""


@dataclass(frozen=True)
class FrameTimes:
    """The F colour frames of one session.

    Attributes:
        name: Of the session.
        take: (F,) int64 take of each frame.
        run: (F,) int64 number of the run: takes that follow each other within the guard.
        run_s: (F,) float64 seconds since the run began, by the device's clock inside a take.
        host_ns: (F,) int64 host time, meaningful where ``live``.
        wall_ns: (F,) int64 wall time (UTC), meaningful where ``walled``.
        live: (F,) bool, whether the host's times say when the pictures were taken.
        walled: (F,) bool, whether the wall time is known.
        pictures: (F,) uint64 content of each picture: its CRC-32 and length.
        poses: By take, distinct uint64 hashes of the tracked bodies' joints.
    """

    name: str
    take: NDArray[np.int64]
    run: NDArray[np.int64]
    run_s: NDArray[np.float64]
    host_ns: NDArray[np.int64]
    wall_ns: NDArray[np.int64]
    live: NDArray[np.bool_]
    walled: NDArray[np.bool_]
    pictures: NDArray[np.uint64]
    poses: Mapping[int, NDArray[np.uint64]]

    def __len__(self) -> int:
        return len(self.take)


def frame_times(
    name: str,
    color: Rows,
    anchors: Sequence[Mapping[str, Any]],
    guard_s: float,
    *,
    times: str = "",
    poses: Mapping[int, NDArray[np.uint64]] | None = None,
) -> FrameTimes:
    """Put the colour frames of a session on the clocks that are known of them.

    Args:
        name: The session.
        color: (F,) rows of color_index.
        anchors: ``takes`` of session.json.
        guard_s: Takes at most this far apart are one run, seconds.
        times: ``device.times`` of session.json.
        poses: By take, hashes of joints (``pose_hashes``).
    """
    take = color["take"].astype(np.int64)
    host = color["time_host"].astype(np.int64)
    device = color["time_device"].astype(np.int64)
    count = len(color)
    live, walled = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    wall, run, run_s = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count)
    clocks = {int(anchor["take"]): anchor for anchor in anchors if "take" in anchor}
    last = _End()
    for number in np.unique(take):
        own = np.flatnonzero(take == number)
        offset = _wall_offset(clocks.get(int(number), {}), host[own])
        live[own] = (
            _is_live(device[own], host[own])
            and not times.startswith(ASSUMED)
            and UNPACED not in str(clocks.get(int(number), {}).get("source", ""))
        )
        walled[own] = live[own] & (offset is not None)
        wall[own] = host[own] + (offset or 0)
        gap_s = last.gap_s(host[own], offset, guard_s)
        if gap_s is None:
            last = _End(last.run + 1)
            gap_s = 0.0
        run[own] = last.run
        run_s[own] = last.run_s + gap_s + (device[own] - device[own].min()) / SECOND_100NS
        last = _End(last.run, float(run_s[own].max()), int(host[own].max()), offset)
    content = color["crc32"].astype(np.uint64) | color["length"].astype(np.uint64) << np.uint64(32)
    known = dict(poses or {})
    return FrameTimes(name, take, run, run_s, host, wall, live, walled, content, known)


@dataclass(frozen=True)
class _End:
    """The end of a take: run -1 before the first one."""

    run: int = -1
    run_s: float = 0.0
    host_ns: int | None = None
    offset_ns: int | None = None

    def gap_s(self, host: NDArray[np.int64], offset: int | None, guard_s: float) -> float | None:
        """Return how long after this take the next one began; None if a new run begins.

        Each clock that shows a short gap is believed: another may have been set meanwhile.
        """
        if self.host_ns is None:
            return None
        gaps = [int(host.min()) - self.host_ns]
        if offset is not None and self.offset_ns is not None:
            gaps.append(gaps[0] + offset - self.offset_ns)
        near = [gap / SECOND_NS for gap in gaps if 0 <= gap <= guard_s * SECOND_NS]
        return min(near, default=None)


def _is_live(device: NDArray[np.int64], host: NDArray[np.int64]) -> bool:
    """Return True if frames arrived about as fast as they were taken."""
    taken_s = float(np.ptp(device)) / SECOND_100NS
    return float(np.ptp(host)) / SECOND_NS >= LIVE_SHARE * taken_s


def _wall_offset(anchor: Mapping[str, Any], host: NDArray[np.int64]) -> int | None:
    """Return wall time minus host time, ns; None if the take's anchor does not say."""
    wall, at = anchor.get("wall_utc_ns"), anchor.get("host_ns")
    if not isinstance(wall, int) or not isinstance(at, int):
        return None
    if abs(int(host.min()) - at) > _ANCHOR_WITHIN_NS or not -(2**62) < wall - at < 2**62:
        return None
    return wall - at


def pose_hashes(
    take: NDArray[np.integer], tracked: NDArray[np.bool_], points: ByRowAndSlot
) -> dict[int, NDArray[np.uint64]]:
    """Return the distinct hashes of tracked bodies, by take.

    Args:
        take: (M,) take of each row.
        tracked: (M, 6) bool.
        points: By row and slot (13, 2) float32 pixels; a sensor never measures the same ones twice.
    """
    row, slot = np.nonzero(tracked)
    hashes = np.zeros(len(row), np.uint64)
    for first in range(0, len(row), _BODIES_AT_ONCE):
        some = slice(first, first + _BODIES_AT_ONCE)
        hashes[some] = _hash_poses(points[row[some], slot[some]])
    return {int(number): np.unique(hashes[take[row] == number]) for number in np.unique(take)}


def _hash_poses(points: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return (N,) a hash of each of (N, 13, 2) poses."""
    words = np.ascontiguousarray(points.reshape(len(points), -1)).view(np.uint32)
    odd = np.random.default_rng(13).integers(1, 2**63, words.shape[1], dtype=np.uint64) * 2 + 1
    mixed = (words.astype(np.uint64) + 1) * odd
    hashes: NDArray[np.uint64] = (mixed ^ mixed >> np.uint64(29)).sum(axis=1, dtype=np.uint64)
    return hashes
