"""Small files are read without waiting, without following links, and up to a limit."""

import os
import socket
import time
import tracemalloc
from pathlib import Path

import pytest

from kincap.core.files.file_io import FileIO, LockFile
from kincap.core.files.small_files import MIB, read_small


def _link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_text("secret")
    path.symlink_to(target)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


ODD = {
    "link": (_link, "is a link, which is not followed"),
    "dangling link": (_dangling, "is a link, which is not followed"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "is a link"),
    "FIFO": (os.mkfifo, "not a regular file"),
    "folder": (Path.mkdir, "not a regular file|Is a directory"),
    "socket": (_socket, "not a regular file"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_not_a_regular_file_is_refused_at_once(name: str, tmp_path: Path) -> None:
    make, message = ODD[name]
    path = tmp_path / "f"
    make(path)
    began = time.monotonic()
    for use in (lambda: read_small(path, MIB), lambda: FileIO().open_read(path),
                lambda: FileIO().open_write(path), lambda: FileIO().protect(path),
                lambda: LockFile(path).try_acquire(0)):  # fmt: skip
        with pytest.raises(OSError, match=message):
            use()
    assert time.monotonic() - began < 2
    assert not (tmp_path / "nowhere").exists(), "nothing is made through a link"


def test_a_larger_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    _hole(tmp_path / "hole")
    with pytest.raises(OSError, match=f"{1 << 40} bytes, expected at most {MIB}"):
        read_small(tmp_path / "hole", MIB)
    (tmp_path / "just").write_bytes(bytes(MIB))
    assert read_small(tmp_path / "just", MIB) == bytes(MIB)
    with pytest.raises(FileNotFoundError):
        read_small(tmp_path / "none", MIB)


def test_a_file_outside_keeps_its_mode(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("x")
    outside.chmod(0o640)
    (tmp_path / "000000.h5").symlink_to(outside)
    with pytest.raises(OSError, match="is a link"):
        FileIO().protect(tmp_path / "000000.h5")
    assert outside.stat().st_mode & 0o777 == 0o640


def test_a_small_file_takes_no_more_memory_because_a_large_one_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "small.json"
    file.write_bytes(b"{}\n")
    tracemalloc.start()
    try:
        assert read_small(file, 64 << 20) == b"{}\n"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
