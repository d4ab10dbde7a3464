"""A checkpoint and its SHA-256 as files: whole at every moment, and read with limits."""

import hashlib
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from kincap.core.errors import CheckpointError
from kincap.train.checkpoint import (
    Checkpoint,
    check_output,
    copy_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from kincap.train.checkpoint_files import sum_path, write_pair
from kincap.train.nets.registry import build_net

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes and limits of POSIX")


def _checkpoint(seed: int) -> Checkpoint:
    torch.manual_seed(seed)
    weights = dict(build_net("compact", 0.1, 32).state_dict())
    return Checkpoint("compact", 0.1, 32, weights, torch.rand(13, 2), True, {"step": seed})


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.ckpt"
    save_checkpoint(path, _checkpoint(1))
    return path


def _resave(path: Path, **changes: Any) -> None:
    content = torch.load(path, weights_only=True)
    sum_path(path).unlink(missing_ok=True)
    torch.save({**content, **changes}, path)


def _refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert len(message) < 400
    assert message.isprintable()
    return message


@contextmanager
def _largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("limit", [0, 1000])
def test_a_full_disk_costs_nothing_that_was_there(saved: Path, limit: int) -> None:
    before = {path.name: path.read_bytes() for path in saved.parent.iterdir()}
    with _largest_file(limit), pytest.raises(OSError, match=r"net\.ckpt'$"):
        save_checkpoint(saved, _checkpoint(2))
    assert {path.name: path.read_bytes() for path in saved.parent.iterdir()} == before
    assert load_checkpoint(saved).trained["step"] == 1


def test_no_space_for_the_sum_costs_nothing_that_was_there(saved: Path) -> None:
    # the sum is announced first: a folder of its name stands for a disk that has no room for it
    data = b"other bytes"
    digest = hashlib.sha256(data).hexdigest()
    (saved.parent / f"net.ckpt.sha256.{digest[:16]}").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_pair(saved, data)
    assert load_checkpoint(saved).trained["step"] == 1
    assert not list(saved.parent.glob("*.tmp"))


def test_a_writer_that_dies_between_both_files_leaves_a_checkpoint(
    saved: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "net.ckpt"
    other.parent.mkdir()
    save_checkpoint(other, _checkpoint(2))
    new = other.read_bytes()
    digest = hashlib.sha256(new).hexdigest()
    # the sum is announced and the checkpoint replaced; the sum still is that of the old one
    announced = saved.parent / f"net.ckpt.sha256.{digest[:16]}"
    announced.write_bytes(sum_path(other).read_bytes())
    saved.write_bytes(new)
    assert load_checkpoint(saved).trained["step"] == 2
    announced.unlink()
    assert "damaged" in _refused(saved)


def test_several_writers_end_with_a_file_and_its_own_sum(tmp_path: Path) -> None:
    path = tmp_path / "net.ckpt"
    errors: list[Exception] = []

    def write(seed: int) -> None:
        try:
            for turn in range(40):
                write_pair(path, f"{seed} {turn % 3}".encode() * 1000)
        except Exception as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=(seed // 2,)) for seed in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert errors == []
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert sum_path(path).read_text() == f"{found}  net.ckpt\n"
    assert {file.name for file in tmp_path.iterdir()} >= {"net.ckpt", "net.ckpt.sha256"}
    assert not list(tmp_path.glob("*.tmp"))


def test_a_pipe_or_device_is_refused_without_waiting(saved: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.ckpt"
    os.mkfifo(pipe)
    assert "not a regular file" in _refused(pipe)
    assert "not a regular file" in _refused(Path("/dev/zero"))
    link = tmp_path / "link.ckpt"
    link.symlink_to("/dev/zero")
    assert "not a regular file" in _refused(link)
    with pytest.raises(CheckpointError, match="not a whole checkpoint"):
        check_output(pipe)
    with pytest.raises(CheckpointError):
        copy_checkpoint(pipe, tmp_path / "copy.ckpt")
    sum_path(saved).unlink()
    os.mkfifo(sum_path(saved))
    assert "damaged" in _refused(saved)
    os.mkfifo(tmp_path / "new.ckpt.sha256")
    with pytest.raises(CheckpointError, match="is not the SHA-256"):
        check_output(tmp_path / "new.ckpt")


@pytest.mark.parametrize("size", [1 << 40, 3 << 30], ids=["a terabyte", "3 GiB"])
def test_a_hole_is_refused_unread(saved: Path, size: int) -> None:
    head = saved.read_bytes()
    with saved.open("wb") as file:
        file.write(head[:5000])
        file.truncate(size)
    _refused(saved)
    with sum_path(saved).open("wb") as file:
        file.truncate(size)
    saved.write_bytes(head)
    assert "damaged" in _refused(saved)


def _nested(depth: int) -> list[Any]:
    """Return lists in lists whose text is 2**depth long."""
    value: list[Any] = ["x"]
    for _ in range(depth):
        value = [value, value]
    return value


@pytest.mark.parametrize(
    "change",
    [
        {"format": torch.ones(2)},
        {"format_version": torch.ones(2)},
        {"format_version": [1]},
        {"format_version": 10**5000},
        {"format_version": "\x1b]0;x\x07" * 1000},
        {"format_version": True},
        {"skeleton": torch.ones(13)},
        {"skeleton": [torch.ones(2)] * 13},
        {"skeleton": ["\x1b[31m" * 500] * 13},
        {"pixels": torch.ones(3)},
        {"pixels": {"order": "RGB", "subtract": torch.ones(2), "divide": 128}},
        {"pixels": _nested(40)},
        {"model": "\x1b[2J" * 100_000},
        {"width": 10**400},
        {"width": float("nan")},
        {"size": 10**5000},
        {"size": True},
        {"trained": 7},
    ],
    ids=lambda change: next(iter(change)),
)
def test_odd_values_are_refused_in_one_short_line(saved: Path, change: dict[str, Any]) -> None:
    _resave(saved, **change)
    _refused(saved)


def test_an_output_replaces_no_sum_of_another_meaning(tmp_path: Path) -> None:
    path = tmp_path / "new.ckpt"
    check_output(path)
    for other in ("my notes", f"{'a' * 64}  other.ckpt\n", ""):
        sum_path(path).write_text(other)
        with pytest.raises(CheckpointError, match=r"new\.ckpt\.sha256 exists and is not"):
            check_output(path)
    sum_path(path).write_text(f"{'a' * 64}  new.ckpt\n")
    check_output(path)
    with pytest.raises(CheckpointError, match="too long"):
        check_output(tmp_path / ("n" * 240 + ".ckpt"))


def test_an_output_replaces_no_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "out.ckpt").symlink_to(tmp_path / "gone.ckpt")
    with pytest.raises(CheckpointError, match="not a whole checkpoint"):
        check_output(tmp_path / "out.ckpt")


def test_an_output_is_never_the_start_under_any_name(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "soft.ckpt").symlink_to(saved)
    (tmp_path / "hard.ckpt").hardlink_to(saved)
    (tmp_path / "folder").symlink_to(tmp_path)
    for name in ("net.ckpt", "./net.ckpt", "soft.ckpt", "hard.ckpt", "folder/net.ckpt"):
        with pytest.raises(CheckpointError, match="which the run starts from"):
            check_output(tmp_path / name, keep=saved)
    # the output's sum would replace it
    start = tmp_path / "out.ckpt.sha256"
    start.write_bytes(saved.read_bytes())
    with pytest.raises(CheckpointError, match="which the run starts from"):
        check_output(tmp_path / "out.ckpt", keep=start)
    check_output(saved, keep=start)
