"""Recovery after a killed recorder: every shard that it left is sealed, or named for repair."""

from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import ShardError
from ...core.files.acknowledgements import Phase, phase
from ...core.files.file_io import TEMPORARY, FileIO
from ..edits.journal import EDITS_FILE
from ..folders import shard_names
from ..info import SessionInfo
from ..manifest import MANIFEST, ManifestRecord, read_manifest
from ..repair.kept_files import bring_back
from ..session_file import load_session
from .layout import Layout, cut_layout
from .sealing import seal
from .shard_reader import ShardReader, read_layout
from .shard_writer import NEW


@dataclass(frozen=True)
class Recovered:
    """Result of ``recover``.

    Attributes:
        sealed: Shards that were left and are sealed now.
        removed: Leftovers of preparation, and prepared shards without a row.
        skipped: Shards whose header is damaged and that repair must see, with the reason.
    """

    sealed: list[ManifestRecord] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def settle(folder: Path, io: FileIO) -> list[str]:
    """Make safe what a killed process may have left in the system's memory alone.

    It may have been killed between a rename and the folder's sync, or between a line of the
    manifest and its sync. Whoever goes on must not build on what a power cut would undo.

    Args:
        folder: The session's folder, its lock held.
        io: File handling.

    Returns:
        Names of shards that a repair that was cut off had left without their name.
    """
    brought_back = bring_back(folder, io)
    if (folder / MANIFEST).exists():
        io.sync_file(folder / MANIFEST)
    io.sync_folder(folder)
    return brought_back


def recover(folder: Path, io: FileIO) -> Recovered:
    """Tidy up after a recorder that was killed: every shard is sealed afterwards, or named.

    Args:
        folder: The session's folder, its lock held.
        io: File handling.

    Raises:
        OSError: The disk failed; what was done so far holds.
    """
    phase(Phase.RECOVER_BEGIN)
    done = Recovered()
    settle(folder, io)
    for leftover in sorted(folder.glob(f"*.h5{NEW}")):
        io.remove(leftover)
        done.removed.append(leftover.name)
    for leftover in sorted(folder.glob(f"*.json{TEMPORARY}")):
        if leftover.name != EDITS_FILE + TEMPORARY:  # a reviewer may just be writing it
            io.discard(leftover)
    info = load_session(folder)
    sealed = read_manifest(folder)
    for name in shard_names(folder):
        path = folder / name
        if name in sealed:
            if path.stat().st_mode & 0o200:  # killed between its line and its mode
                io.protect(path)
            continue
        try:
            layout, own = left_layout(path, info)
        except ShardError as err:
            done.skipped.append(str(err))
            continue
        with ShardReader(path, layout, io) as shard:
            empty, size = shard.is_empty(), shard.size()
        if size > layout.size:
            done.skipped.append(
                f"{path}: {size} bytes, expected {layout.size}; kincap sessions repair "
                f"{folder.name} cuts it"
            )
            continue
        if empty:
            io.remove(path)
            done.removed.append(name)
        else:
            done.sealed.append(seal(folder, name, layout, io, recovered=True, own_layout=own))
    phase(Phase.RECOVER_END)
    return done


def left_layout(path: Path, info: SessionInfo) -> tuple[Layout, bool]:
    """Return the layout of a shard that has no line in the manifest, and whether it is its own.

    Raises:
        ShardError: Its header is damaged: it differs from the layout that it names.
    """
    found = read_layout(path)
    kept = info.layout(found.id)
    expected = kept or cut_layout(info.uuid, info.created_utc, found.rows, found.types)
    # a cut shard of another kincap version has another id: then there is nothing to compare with
    if expected.id == found.id and expected != found:
        raise ShardError(
            f"{path}: its header differs from the session's layout; kincap sessions repair mends it"
        )
    return found, kept is None
