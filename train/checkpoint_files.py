"""A checkpoint's file and its SHA-256: written whole or not at all, read with limits.

Both files are complete at every moment, whoever writes and whatever fails. The new sum is first
announced under a name of its own, then the checkpoint is replaced, then the sum. A reader that
comes between accepts the announced sum.
"""

import contextlib
import hashlib
import os
import re
import secrets
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Final

from ..core.errors import CheckpointError
from ..core.files.file_io import FileIO
from ..core.sizes import size_text

MOST_BYTES: Final = 4 << 30
"""Larger files are refused unread; the largest net here is a tenth of it."""

MOST_PICKLE_BYTES: Final = 4 << 20
"""Limit on the part of the archive that is not values of tensors."""

MOST_SUM_BYTES: Final = 4096

READABLE: Final = 0o644
"""Nets are made to be handed on, unlike recordings."""

_SUM_SUFFIX: Final = ".sha256"
_SUM_LINE: Final = re.compile(r"([0-9a-fA-F]{64})\b")
_LONGEST_SUFFIX: Final = len(_SUM_SUFFIX) + 32
_LONGEST_NAME: Final = 255
_MOST_TRIES: Final = 20


def sum_path(path: Path) -> Path:
    """Return where the SHA-256 of a checkpoint is."""
    return path.with_name(path.name + _SUM_SUFFIX)


def write_pair(path: Path, data: bytes | memoryview) -> None:
    """Write a checkpoint and its SHA-256, in place of older ones.

    Args:
        path: The checkpoint; its folder exists.
        data: Its bytes.

    Raises:
        OSError: It can't be written, for example on a full disk; the older files are as they were.
    """
    io = FileIO()
    digest = hashlib.sha256(data).hexdigest()
    written = _write_new(io, path, data)
    try:
        _announce(io, path, digest)
        identity = _identity(written)
        io.rename(written, path)
    except OSError:
        _discard(io, written, _announced(path, digest))
        raise
    _settle_sum(io, path, digest, identity)


def _settle_sum(io: FileIO, path: Path, digest: str, identity: tuple[int, ...]) -> None:
    """Replace the sum; another writer may replace the checkpoint meanwhile."""
    for _ in range(_MOST_TRIES):
        # the other writer may have had the same bytes, and moved the announced sum already
        with contextlib.suppress(FileNotFoundError):
            io.rename(_announced(path, digest), sum_path(path))
        with path.open("rb") as file:
            now = _identity_of(os.fstat(file.fileno()))
            if now == identity:
                return
            digest, identity = hashlib.file_digest(file, "sha256").hexdigest(), now
        _announce(io, path, digest)


def _announce(io: FileIO, path: Path, digest: str) -> None:
    """Write the sum that a checkpoint is about to have, under a name of its own."""
    announced = _announced(path, digest)
    line = f"{digest}  {path.name}\n".encode()
    written = _write_new(io, announced, line)
    try:
        io.rename(written, announced)
    except OSError:
        _discard(io, written)
        raise


def _announced(path: Path, digest: str) -> Path:
    return path.with_name(f"{path.name}{_SUM_SUFFIX}.{digest[:16]}")


def _write_new(io: FileIO, path: Path, data: bytes | memoryview) -> Path:
    """Write and sync a new file beside a path, under a name that no other writer has."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        fd = io.create(temporary, READABLE)
        try:
            # the whole space first: a full disk is noticed before anything is written
            io.reserve(fd, len(data))
            io.write_at(fd, data, 0)
            io.sync(fd)
        finally:
            io.close(fd)
    except OSError as error:
        error.filename = str(path)  # the temporary name means nothing to a person
        _discard(io, temporary)
        raise
    return temporary


def _discard(io: FileIO, *paths: Path) -> None:
    """Delete leftovers of a failed write; the first error is the one to report."""
    for path in paths:
        with contextlib.suppress(OSError):
            io.discard(path)


def _identity(path: Path) -> tuple[int, ...]:
    return _identity_of(path.stat())


def _identity_of(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mtime_ns


@contextmanager
def open_whole(path: Path) -> Iterator[BufferedReader]:
    """Open a checkpoint after checking its kind, its size, its SHA-256 and its archive.

    Nothing is read into memory as a whole.

    Args:
        path: The checkpoint.

    Yields:
        The open file, at its beginning.

    Raises:
        CheckpointError: It is missing, damaged or not a checkpoint.
    """
    with _open_regular(path, MOST_BYTES, "a checkpoint (.ckpt)") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise CheckpointError(f"{path}: empty; expected a checkpoint")
        _check_archive(path, file, size)
        _check_sum(path, file)
        file.seek(0)
        yield file


@contextmanager
def _open_regular(path: Path, most: int, expected: str) -> Iterator[BufferedReader]:
    """Open a regular file of limited size, without waiting for the other end of a pipe.

    Raises:
        CheckpointError: It is missing, of another kind, larger or can't be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; expected {expected}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise CheckpointError(f"{path}: {why}; expected {expected}") from None
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size > most:
        os.close(fd)
        found = "not a regular file"
        if stat.S_ISREG(status.st_mode):
            found = f"{size_text(status.st_size)}, more than {size_text(most)}"
        raise CheckpointError(f"{path}: {found}; expected {expected}")
    with os.fdopen(fd, "rb") as file:
        try:
            yield file
        except OSError as error:
            raise CheckpointError(f"{path}: {error.strerror}; expected {expected}") from None


def _check_archive(path: Path, file: BufferedReader, size: int) -> None:
    """Check the zip archive that torch writes: whole, stored plainly, every checksum right."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise CheckpointError(f"{path}: not a checkpoint of kincap (compressed)")
            pickled = sum(m.file_size for m in members if m.filename.endswith(".pkl"))
            # members that share bytes would take longer to read than the file is long
            if pickled > MOST_PICKLE_BYTES or sum(m.file_size for m in members) > size:
                raise CheckpointError(f"{path}: not a checkpoint of kincap (odd sizes)")
            damaged = archive.testzip()
    except CheckpointError:
        raise
    except Exception:
        # zipfile raises a dozen kinds of error on damaged archives
        raise CheckpointError(f"{path}: truncated, damaged, or not a checkpoint") from None
    if damaged is not None:
        raise CheckpointError(f"{path}: damaged: {damaged[:80]} has a wrong checksum")


def _check_sum(path: Path, file: BufferedReader) -> None:
    """Compare the file with the SHA-256 beside it, where there is one."""
    beside = sum_path(path)
    if not os.path.lexists(beside):
        return
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    # a writer that was killed between the two renames leaves the announced sum
    if digest not in (_read_sum(beside), _read_sum(_announced(path, digest))):
        raise CheckpointError(
            f"{path}: damaged: its SHA-256 is not the one in {beside.name}; "
            "copy both files again from where they were made"
        )


def _read_sum(path: Path) -> str | None:
    """Return the first sum in a file of ``sha256sum``, in lower case; None where it has none."""
    try:
        with _open_regular(path, MOST_SUM_BYTES, "a SHA-256") as file:
            found = _SUM_LINE.match(file.read().decode("utf-8-sig", "replace").lstrip())
    except CheckpointError:
        return None
    return found[1].lower() if found else None


def check_replaceable_sum(path: Path) -> None:
    """Refuse to write a checkpoint where a file of another meaning has the name of its sum.

    Raises:
        CheckpointError: It has, or the names would be too long.
    """
    if len(os.fsencode(path.name)) + _LONGEST_SUFFIX > _LONGEST_NAME:
        raise CheckpointError(f"--out: the name of {path} is too long; choose a shorter one")
    beside = sum_path(path)
    if not os.path.lexists(beside):
        return
    try:
        with _open_regular(beside, MOST_SUM_BYTES, "a SHA-256") as file:
            content = file.read()
    except CheckpointError:
        content = b""
    own = rb"[0-9a-f]{64}  " + re.escape(os.fsencode(path.name)) + rb"\n"
    if beside.is_symlink() or not re.fullmatch(own, content):
        raise CheckpointError(
            f"--out: {beside} exists and is not the SHA-256 of {path.name}; "
            "choose another name or remove it"
        )
