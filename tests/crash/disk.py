"""A disk that remembers: each call that changes it is logged, any moment can be made again.

``LoggingIO`` does what the real file handling does and logs each change. ``Disk`` replays such a
log up to any call. From it come two kinds of images: what a killed process leaves (everything that
was written, synced or not), and what a power cut leaves (what was synced for certain; of the rest
any page, old or new or torn, any file size, and any rename, in any order).

The model promises no more than POSIX does: syncing a file says nothing about its name, a name is
safe when its folder was synced, and a mode is safe with neither.
"""

import itertools
import os
import random
import shutil
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from kincap.core.files.file_io import PRIVATE_FILE, Data, FileIO

_SYNCS = itertools.count()
PAGE = 4096
SECTOR = 512


class Call(NamedTuple):
    """One change of the disk.

    ``synced`` is the end of the ``sync`` of the same ``size``, a number of its own: what was
    written between the two may or may not be safe.
    """

    kind: str
    path: str = ""
    inode: int = -1
    offset: int = 0
    data: bytes = b""
    size: int = 0

    def __str__(self) -> str:
        amount = f" {len(self.data)} at {self.offset}" if self.kind == "write" else ""
        return f"{self.kind} {self.path}{amount}"


Image = dict[str, tuple[bytes, int]]
"""Files of a folder by path: content and mode."""


@dataclass
class _File:
    """A file's content: as any process sees it, and as far as it is safe."""

    now: bytearray = field(default_factory=bytearray)
    mode: int = PRIVATE_FILE
    safe: bytearray = field(default_factory=bytearray)
    modes: list[int] = field(default_factory=lambda: [PRIVATE_FILE])
    pending: list[tuple[int, bytes, int]] = field(default_factory=list)
    """(offset, data, size) of each write; size -1, or the file's new size and no data."""
    made_safe: int = 0
    """How many changes are not pending any more."""


def _change(content: bytearray, offset: int, data: bytes, size: int) -> None:
    """Apply a write, or a change of size."""
    if size >= 0:
        del content[size:]
        content.extend(bytes(size - len(content)))
    elif data:
        content.extend(bytes(max(0, offset + len(data) - len(content))))
        content[offset : offset + len(data)] = data


class Disk:
    """The state of a folder, replayed from calls.

    Attributes:
        names: Inode of each path.
        folders: Folders below the root that are there.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.folders: set[str] = set()
        self._files: dict[int, _File] = {}
        self._safe_names: dict[str, int] = {}
        self._safe_folders: set[str] = set()
        self._name_changes: list[tuple[str, str, int]] = []
        self._syncs: dict[int, int] = {}

    @classmethod
    def of(cls, image: Image, folders: Iterable[str]) -> "Disk":
        """Return a disk on which an image is safe."""
        disk = cls()
        disk.folders, disk._safe_folders = set(folders), set(folders)
        for inode, (path, (content, mode)) in enumerate(image.items()):
            disk._files[inode] = _File(bytearray(content), mode, bytearray(content), [mode])
            disk.names[path] = disk._safe_names[path] = inode
        return disk

    def apply(self, calls: Iterable[Call]) -> "Disk":
        """Apply calls in their order; return the disk itself."""
        for call in calls:
            getattr(self, f"_{call.kind}")(call)
        return self

    def next_inode(self) -> int:
        """Return a number that no file has had."""
        return max(self._files, default=-1) + 1

    def _create(self, call: Call) -> None:
        self._files[call.inode] = _File()
        self.names[call.path] = call.inode
        self._name_changes.append(("link", call.path, call.inode))

    def _write(self, call: Call) -> None:
        file = self._files[call.inode]
        _change(file.now, call.offset, call.data, -1)
        file.pending.append((call.offset, call.data, -1))

    def _reserve(self, call: Call) -> None:
        file = self._files[call.inode]
        _change(file.now, 0, b"", max(call.size, len(file.now)))
        file.pending.append((0, b"", len(file.now)))

    def _cut(self, call: Call) -> None:
        file = self._files[call.inode]
        _change(file.now, 0, b"", call.size)
        file.pending.append((0, b"", call.size))

    def _sync(self, call: Call) -> None:
        file = self._files[call.inode]
        self._syncs[call.size] = file.made_safe + len(file.pending)

    def _synced(self, call: Call) -> None:
        file = self._files[call.inode]
        # two syncs of a file may overlap: the later one covers what the earlier one did
        covered = max(0, self._syncs.pop(call.size) - file.made_safe)
        for change in file.pending[:covered]:
            _change(file.safe, *change)
        del file.pending[:covered]
        file.made_safe += covered

    def _mode(self, call: Call) -> None:
        file = self._files[call.inode]
        file.mode = call.size
        file.modes.append(call.size)

    def _rename(self, call: Call) -> None:
        source, target = call.path, call.data.decode()
        inode = self.names.pop(source)
        self.names[target] = inode
        self._name_changes.append((f"rename {source}", target, inode))

    def _unlink(self, call: Call) -> None:
        self._name_changes.append(("unlink", call.path, self.names.pop(call.path)))

    def _mkdir(self, call: Call) -> None:
        self.folders.add(call.path)
        self._name_changes.append(("mkdir", call.path, -1))

    def _folder(self, call: Call) -> None:
        """A folder's sync: what was changed in it is safe, and nothing else is."""
        left = []
        for change in self._name_changes:
            if os.path.dirname(change[1]) == call.path:
                _rename_in(self._safe_names, self._safe_folders, change)
            else:
                left.append(change)
        self._name_changes = left

    def image(self) -> Image:
        """Return what every process sees, and what a killed one leaves."""
        return {p: (bytes(self._files[i].now), self._files[i].mode) for p, i in self.names.items()}

    def after_power_cut(self, rng: random.Random, style: str = "coin") -> tuple[Image, set[str]]:
        """Return what may be on the disk after a power cut: its files and its folders.

        Args:
            rng: Decides about all that is not safe.
            style: One of STYLES.
        """
        names, folders = dict(self._safe_names), set(self._safe_folders)
        for change in _kept(self._name_changes, rng, style):
            _rename_in(names, folders, change)
        image = {}
        for path, inode in names.items():
            if _is_in(path, folders):
                file = self._files[inode]
                mode = file.mode if style == "all kept" else rng.choice(file.modes)
                image[path] = (_content(file, rng, style), mode)
        return image, folders


STYLES = (
    "coin",
    "torn",
    "between",
    "all lost",
    "all kept",
    "late pages",
    "early pages",
    "names lost",
    "pages lost",
)
"""Of what is not safe: anything; torn pages; pages as they were in between; nothing; everything;
only pages behind or before a place of the file; the names or the contents not."""


def _is_in(path: str, folders: set[str]) -> bool:
    """Say whether all folders above a path are there."""
    above = os.path.dirname(path)
    return not above or (above in folders and _is_in(above, folders))


def _rename_in(names: dict[str, int], folders: set[str], change: tuple[str, str, int]) -> None:
    """Apply a change of names."""
    what, path, inode = change
    if what == "mkdir":
        folders.add(path)
    elif what == "unlink":
        if names.get(path) == inode:
            del names[path]
    else:
        source = what.removeprefix("rename ")
        if names.get(source) == inode:
            del names[source]
        names[path] = inode


def _kept(
    changes: Sequence[tuple[str, str, int]], rng: random.Random, style: str
) -> list[tuple[str, str, int]]:
    """Return the changes of names that a power cut leaves: the first ones, or any."""
    if style in ("all lost", "names lost"):
        return []
    if style in ("all kept", "pages lost"):
        return list(changes)
    if rng.random() < 0.5:  # a journal keeps their order
        return list(changes[: rng.randint(0, len(changes))])
    return [change for change in changes if rng.random() < 0.5]


def _content(file: _File, rng: random.Random, style: str) -> bytes:
    """Return a file's content after a power cut."""
    if style in ("all lost", "pages lost") or not file.pending:
        return bytes(file.safe)
    if style == "all kept":
        return bytes(file.now)
    sizes, grown = [len(file.safe)], bytearray(file.safe)
    pages: dict[int, list[tuple[int, bytes, int]]] = {}
    for change in file.pending:
        _change(grown, *change)
        sizes.append(len(grown))
        for page in range(change[0] // PAGE, -(-(change[0] + len(change[1])) // PAGE)):
            pages.setdefault(page, []).append(change)
    size = sizes[-1] if style in ("late pages", "early pages") else rng.choice(sizes)
    content = bytearray(file.safe.ljust(max(sizes), b"\0"))
    limit, share = rng.choice(sorted(pages) or [0]), rng.choice((0.2, 0.5, 0.8))
    for page, changes in pages.items():
        first = page * PAGE
        old = bytes(content[first : first + PAGE])
        if style == "between":
            many = rng.randint(0, len(changes))
        elif style in ("late pages", "early pages"):
            many = len(changes) if (page >= limit) == (style == "late pages") else 0
        else:
            many = len(changes) if rng.random() < share else 0
        new = bytearray(old)
        for offset, data, _ in changes[:many]:
            start, end = max(offset, first), min(offset + len(data), first + PAGE)
            new[start - first : end - first] = data[start - offset : end - offset]
        if style == "torn":
            for at in range(0, PAGE, SECTOR):
                if rng.random() < 0.5:
                    new[at : at + SECTOR] = old[at : at + SECTOR]
        content[first : first + PAGE] = new
    return bytes(content[:size])


def put(root: Path, image: Image, folders: Iterable[str]) -> None:
    """Make a folder hold an image and nothing else.

    Args:
        root: The folder; what is in it is deleted.
        image: Its files.
        folders: Its folders.
    """
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("", *sorted(folders)):
        (root / folder).mkdir(mode=0o700)
    for path, (content, mode) in image.items():
        fd = os.open(root / path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.write(fd, content)
            os.fchmod(fd, mode)
        finally:
            os.close(fd)


class LoggingIO(FileIO):
    """The real file handling, but that it syncs nothing: it logs instead.

    Args:
        root: Only what lies in this folder is looked at.
        disk: What is in the folder at the beginning; None: nothing.

    Attributes:
        log: What changed the disk, in order.
    """

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self.log: list[Call] = []
        self._root = str(root)
        self._names = dict(disk.names) if disk else {}
        self._next = disk.next_inode() if disk else 0
        self._open: dict[int, int] = {}
        self._turn = threading.RLock()

    def _log(self, kind: str, path: str, inode: int = -1, **more: Any) -> None:
        self.log.append(Call(kind, path, inode, **more))

    def _log_open(self, kind: str, fd: int, **more: Any) -> None:
        """Log what happens to an open file, under the name that it has now."""
        inode = self._open[fd]
        path = next((path for path, one in self._names.items() if one == inode), "")
        self._log(kind, path, inode, **more)

    def _name(self, path: Path) -> str:
        return os.path.relpath(path, self._root) if str(path) != self._root else ""

    def _made(self, path: Path, fd: int) -> None:
        name = self._name(path)
        self._names[name] = self._open[fd] = self._next
        self._next += 1
        self._log("create", name, self._names[name])

    def create(self, path: Path, mode: int = PRIVATE_FILE, folder_fd: int | None = None) -> int:
        """Make a new file."""
        with self._turn:
            fd = super().create(path, mode, folder_fd)
            self._made(path, fd)
            return fd

    def open_write(self, path: Path) -> int:
        """Open a file for writing, made where it is missing."""
        with self._turn:
            is_new = not path.exists()
            fd = super().open_write(path)
            if is_new:
                self._made(path, fd)
            else:
                self._open[fd] = self._names[self._name(path)]
            return fd

    def open_read(self, path: Path) -> int:
        """Open a file for reading; it may be synced through the descriptor."""
        with self._turn:
            fd = super().open_read(path)
            self._open[fd] = self._names[self._name(path)]
            return fd

    def close(self, fd: int) -> None:
        """Close a descriptor."""
        with self._turn:
            self._open.pop(fd, None)
            super().close(fd)

    def write_at(self, fd: int, data: Data, offset: int) -> None:
        """Write."""
        with self._turn:
            super().write_at(fd, data, offset)
            self._log_open("write", fd, offset=offset, data=bytes(data))

    def reserve(self, fd: int, size: int) -> None:
        """Give a new file its size."""
        with self._turn:
            os.ftruncate(fd, size)  # quicker than to reserve
            self._log_open("reserve", fd, size=size)

    def cut(self, fd: int, size: int) -> None:
        """Shorten a file."""
        with self._turn:
            super().cut(fd, size)
            self._log_open("cut", fd, size=size)

    def sync(self, fd: int) -> None:
        """Log a sync; others may write while it lasts."""
        number = next(_SYNCS)
        with self._turn:
            self._log_open("sync", fd, size=number)
        with self._turn:
            self._log_open("synced", fd, size=number)

    def sync_folder(self, folder: Path) -> None:
        """Log a folder's sync."""
        with self._turn:
            self._log("folder", self._name(folder))

    def rename(self, source: Path, target: Path, folder_fd: int | None = None) -> None:
        """Rename."""
        with self._turn:
            inode = self._names.pop(self._name(source))
            self._names[self._name(target)] = inode
            self._log("rename", self._name(source), inode, data=self._name(target).encode())
            super().rename(source, target, folder_fd)
            if folder_fd is not None:
                # by its descriptor the folder was synced without a call of sync_folder
                self._log("folder", self._name(target.parent))

    def remove(self, path: Path) -> None:
        """Delete a file."""
        with self._turn:
            self._log("unlink", self._name(path), self._names.pop(self._name(path)))
            super().remove(path)

    def discard(self, path: Path, folder_fd: int | None = None) -> None:
        """Delete a leftover."""
        with self._turn:
            if path.exists():
                self._log("unlink", self._name(path), self._names.pop(self._name(path)))
            super().discard(path, folder_fd)

    def protect(self, path: Path) -> None:
        """Make a file read-only."""
        with self._turn:
            super().protect(path)
            mode = path.stat().st_mode & 0o777
            self._log("mode", self._name(path), self._names[self._name(path)], size=mode)

    def make_folder(self, path: Path) -> None:
        """Make a folder."""
        with self._turn:
            if not path.is_dir():
                self._log("mkdir", self._name(path))
            super().make_folder(path)
