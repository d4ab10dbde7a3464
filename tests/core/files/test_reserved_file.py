"""A file whose space is reserved first: a full disk shows before anything is written."""

from pathlib import Path

import pytest

from kincap.core.files.fault_injection import FaultyFileIO, parse_faults
from kincap.core.files.file_io import FileIO
from kincap.core.files.reserved_file import ReservedFile


def test_it_is_a_file_of_the_size_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with ReservedFile(path, 1 << 16, FileIO()) as file:
        assert path.stat().st_size == 1 << 16
        assert file.seek(0, 2) == 0
        file.seek(10)
        assert file.write(b"abc") == 3
        assert file.seek(0, 2) == 13
        file.seek(9)
        assert file.read(4) == b"\0abc"
        file.truncate(13)
        file.sync()
    assert path.read_bytes() == bytes(10) + b"abc"


def test_a_file_that_exists_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        ReservedFile(path, 10, FileIO())
    assert path.read_bytes() == b"mine"


def test_a_full_disk_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        ReservedFile(tmp_path / "file", 10, FaultyFileIO(parse_faults("reserve:enospc:1")))
    assert not list(tmp_path.iterdir())


def test_after_an_error_the_library_can_close_and_the_error_comes(tmp_path: Path) -> None:
    io = FaultyFileIO(parse_faults("write:eio:2"))
    file = ReservedFile(tmp_path / "file", 100, io)
    file.write(b"first")
    with pytest.raises(OSError, match="Input/output"):
        file.write(b"second")
    assert file.write(b"third") == 5
    with pytest.raises(OSError, match="Input/output"):
        file.__exit__(None, None, None)
    assert file.closed
