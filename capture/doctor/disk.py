"""Checks of the folder for recordings: room, speed, guarantees of its file system, a trial."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.files.file_io import FileIO
from ...core.sensor_shape import KINECT_V2
from ...core.sizes import size_text
from ...core.units import TICK_100NS
from ...sessions.repair.verify import verify
from ...sessions.schema import BODIES_DTYPE, COLOR_DTYPE, Stream, empty_body_row
from ..record import RecordSettings, record
from ..sources.sensor import BodyFrame, ColorFrame, Item, SensorInfo
from .checks import Check

FPS: Final = 30
TYPICAL_BYTES: Final = {Stream.color: 370_000, Stream.mask: 2_500, Stream.depth: 205_000}
"""Mean size of a stored image."""
TRIAL_FRAMES: Final = 30

_MIB: Final = 1 << 20
_SPEED_TEST_MIB: Final = 64
_FEW_MINUTES: Final = 10
_FAST_ENOUGH: Final = 3.0
_KEEPS_PROMISE: Final = {"ext4", "ext3", "xfs", "ntfs"}
_BREAKS_PROMISE: Final = {"btrfs", "zfs", "apfs", "nfs", "nfs4", "cifs", "smbfs", "smb2", "9p"}


def bytes_per_second(streams: tuple[str, ...], jpeg_bytes: float | None) -> float:
    """Return what a recording writes.

    Args:
        streams: Their names.
        jpeg_bytes: Mean size of a colour frame, where it was measured.
    """
    total = 0.0
    for stream in (Stream[name] for name in streams):
        if stream is Stream.bodies:
            total += BODIES_DTYPE.itemsize
        else:
            size = jpeg_bytes if stream is Stream.color and jpeg_bytes else TYPICAL_BYTES[stream]
            total += size + COLOR_DTYPE.itemsize
    return FPS * total


def check_disk(
    recordings: Path, streams: tuple[str, ...], shard_mib: int, jpeg_bytes: float | None
) -> Iterator[Check]:
    """Look at the disk of the recordings; leaves nothing there.

    Args:
        recordings: The folder of all sessions; need not exist.
        streams: What would be recorded.
        shard_mib: Size of a shard, MiB.
        jpeg_bytes: Mean size of a colour frame, where it was measured.
    """
    need = bytes_per_second(streams, jpeg_bytes)
    there = _nearest_folder(recordings)
    yield _space(there, need, shard_mib)
    if not os.access(there, os.W_OK):
        yield Check("write speed", "missing", f"{there} can't be written", "take --recordings DIR")
        return
    with _scratch(there) as folder:
        try:
            yield _speed(folder, need)
            yield _reservation(there)
            yield _trial(folder)
        except OSError as error:
            yield Check("disk", "missing", f"{there}: {error.strerror}", "take --recordings DIR")


def _nearest_folder(path: Path) -> Path:
    """Return the folder itself, or the one above it that exists."""
    path = path.resolve()
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


@contextmanager
def _scratch(there: Path) -> Iterator[Path]:
    """Give a folder that is gone afterwards, sealed shards and all."""
    folder = Path(tempfile.mkdtemp(prefix=".kincap-doctor-", dir=there))
    try:
        yield folder
    finally:
        for path in folder.rglob("*.h5"):
            path.chmod(0o600)  # Windows deletes no read-only file
        shutil.rmtree(folder)


def _space(there: Path, need: float, shard_mib: int) -> Check:
    free = shutil.disk_usage(there).free
    minutes = free / need / 60
    found = (
        f"{size_text(free)} free at {there}: {minutes:.0f} minutes at these settings "
        f"({size_text(need)}/s)"
    )
    if free < 2 * shard_mib * _MIB:
        return Check("disk space", "missing", found, "free some space, or --recordings elsewhere")
    if minutes < _FEW_MINUTES:
        return Check("disk space", "warning", found, "free some space, or --recordings elsewhere")
    return Check("disk space", "ok", found)


def _speed(folder: Path, need: float) -> Check:
    """Write as the recorder does, and sync; the bytes can't be compressed."""
    io, path = FileIO(), folder / "speed"
    piece = np.random.default_rng(0).bytes(_MIB)
    fd = io.create(path)
    try:
        io.reserve(fd, _SPEED_TEST_MIB * _MIB)
        began = time.perf_counter()
        for k in range(_SPEED_TEST_MIB):
            io.write_at(fd, piece, k * _MIB)
        io.sync(fd)
        speed = _SPEED_TEST_MIB * _MIB / (time.perf_counter() - began)
    finally:
        io.close(fd)
        path.unlink()
    found = f"{size_text(speed)}/s written and synced, {size_text(need)}/s needed"
    if speed < need:
        return Check("write speed", "missing", found, "record to another disk: --recordings DIR")
    if speed < _FAST_ENOUGH * need:
        return Check("write speed", "warning", found, "a faster disk leaves room for other work")
    return Check("write speed", "ok", found)


def _reservation(there: Path) -> Check:
    """Return True if reserved space is guaranteed on this file system."""
    kind = _file_system(there)
    if kind.lower() in _KEEPS_PROMISE:
        return Check("reservation", "ok", f"{kind}: a shard's space is promised when it is made")
    known = kind.lower() in _BREAKS_PROMISE
    found = f"{kind or 'unknown file system'}: " + (
        "space that was reserved can still run out" if known else "not known to keep reserved space"
    )
    return Check("reservation", "warning", found, "keep GiBs free, or record to ext4, XFS, NTFS")


def _file_system(there: Path) -> str:
    """Return the type of a folder's file system; "" if it is unknown."""
    import psutil

    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    return next((mounts[folder] for folder in (there, *there.parents) if folder in mounts), "")


def _trial(folder: Path) -> Check:
    """Record some drawn frames through the whole recorder, and verify what it wrote."""
    settings = RecordSettings("trial", folder, frames=TRIAL_FRAMES, shard_mib=64)
    result = record(settings, sensor=_TrialSensor())
    (report,) = verify(folder)
    whole = report.ok and report.sealed and result.color_frames == TRIAL_FRAMES
    append = result.timing_ms["append"]
    found = (
        f"{result.color_frames} frames written, sealed and verified; "
        f"a frame's write took {append['p50']:.1f} ms, {append['max']:.1f} ms at most"
    )
    if whole:
        return Check("trial shard", "ok", found)
    damage = "; ".join(str(item.to_json()) for item in report.damage[:1])
    found = f"it did not verify: {damage or result.error}"
    return Check("trial shard", "missing", found, "record to another disk: --recordings DIR")


class _TrialSensor:
    """Gives images of noise and empty body rows, as a file would."""

    def __init__(self) -> None:
        width, height = KINECT_V2.color_size_px
        self._image = np.random.default_rng(0).integers(0, 60, (height, width, 4), np.uint8)
        self.info = SensorInfo(
            kind="trial",
            uri="trial",
            device_id="trial",
            color_size_px=KINECT_V2.color_size_px,
            mirrored=True,
            live=False,
            frames=TRIAL_FRAMES,
        )

    def items(self) -> Iterator[Item]:
        """Hand over a body row and an image in turn."""
        for k in range(TRIAL_FRAMES):
            row: Any = empty_body_row()
            row["time_device"], row["time_host"] = k * TICK_100NS, time.perf_counter_ns()
            yield BodyFrame(row)
            yield ColorFrame(self._image, k * TICK_100NS, time.perf_counter_ns())

    def close(self) -> None:
        """Do nothing: there is nothing to let go."""
