"""Seal what a killed daemon, or any killed recorder, left in the folder of sessions."""

from collections.abc import Iterator
from pathlib import Path

from ...core.errors import KincapError
from ...core.files.file_io import FileIO
from ...sessions.folders import find_folders, may_read, shard_names
from ...sessions.lock import SessionLock, in_use
from ...sessions.manifest import read_manifest
from ...sessions.shard.recovery import recover


def seal_left(recordings: Path, io: FileIO) -> Iterator[str]:
    """Seal the shards that were left in sessions that no one records into; yield a line for each.

    Args:
        recordings: The folder of all sessions.
        io: File handling.
    """
    for folder in find_folders(recordings):
        if not may_read(folder) or in_use(folder):
            continue
        try:
            if not set(shard_names(folder)) - set(read_manifest(folder)):
                continue
            with SessionLock(folder, io).acquire("kincap daemon", must_say=False):
                done = recover(folder, io)
        except (KincapError, OSError) as error:
            yield f"{folder}: not recovered ({error}); kincap sessions verify says why"
            continue
        for shard in done.sealed:
            yield f"{folder / shard.name}: left by an earlier recording, sealed now"
        yield from done.skipped
