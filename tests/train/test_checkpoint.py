"""Checkpoints: what is read back, and what is refused, each in one line."""

import dataclasses
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from kincap.core.errors import CheckpointError
from kincap.train.checkpoint import (
    Checkpoint,
    check_output,
    copy_checkpoint,
    load_checkpoint,
    save_checkpoint,
)
from kincap.train.nets.registry import build_net


@pytest.fixture
def checkpoint() -> Checkpoint:
    torch.manual_seed(3)
    net = build_net("compact", 0.25, 32)
    return Checkpoint(
        model="compact",
        width=0.25,
        size=32,
        weights=dict(net.state_dict()),
        mean_pose=torch.rand(13, 2),
        mirror_training=True,
        trained={"kind": "finetune", "step": 7},
    )


@pytest.fixture
def saved(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    path = tmp_path / "net.ckpt"
    save_checkpoint(path, checkpoint)
    return path


def _side(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")


def _refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    assert caught.value.exit_code == 2
    return message


def _resave(path: Path, **changes: Any) -> None:
    """Write a checkpoint as another program might have, with some fields changed."""
    content = torch.load(path, weights_only=True)
    _side(path).unlink()
    torch.save({**content, **changes}, path)


def test_what_is_saved_is_read_back(saved: Path, checkpoint: Checkpoint) -> None:
    found = load_checkpoint(saved)
    for field in dataclasses.fields(Checkpoint):
        if field.name not in ("weights", "mean_pose"):
            assert getattr(found, field.name) == getattr(checkpoint, field.name)
    torch.testing.assert_close(found.mean_pose, checkpoint.mean_pose, rtol=0, atol=0)
    for name, tensor in found.build().state_dict().items():
        torch.testing.assert_close(tensor, checkpoint.weights[name], rtol=0, atol=0)


def test_the_sum_beside_is_one_that_sha256sum_checks(saved: Path) -> None:
    command = ["sha256sum", "-c", _side(saved).name]
    assert subprocess.run(command, cwd=saved.parent, capture_output=True).returncode == 0


def test_the_same_content_is_the_same_file(saved: Path, checkpoint: Checkpoint) -> None:
    other = saved.with_name("other.ckpt")
    save_checkpoint(other, checkpoint)
    assert other.read_bytes() == saved.read_bytes()


def test_a_copy_is_a_checkpoint_of_its_own(saved: Path, tmp_path: Path) -> None:
    copy_checkpoint(saved, tmp_path / "copy.ckpt")
    load_checkpoint(tmp_path / "copy.ckpt")
    assert (tmp_path / "copy.ckpt.sha256").read_text().endswith("  copy.ckpt\n")


@pytest.mark.parametrize("keep_sum", [True, False])
@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_a_cut_file_is_refused(saved: Path, keep: float, keep_sum: bool) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    if not keep_sum:
        _side(saved).unlink()
    _refused(saved)


@pytest.mark.parametrize("keep_sum", [True, False])
def test_flipped_bits_are_never_loaded_as_other_weights(saved: Path, keep_sum: bool) -> None:
    data = saved.read_bytes()
    whole = load_checkpoint(saved)
    if not keep_sum:
        _side(saved).unlink()
    generator = torch.Generator().manual_seed(0)
    refused = 0
    for place in torch.randint(len(data), (60,), generator=generator).tolist():
        flipped = bytearray(data)
        flipped[place] ^= 1 << (place % 8)
        saved.write_bytes(flipped)
        try:
            found = load_checkpoint(saved)
        except CheckpointError:
            refused += 1
        else:  # a bit of padding, which nothing reads
            assert all(torch.equal(found.weights[k], v) for k, v in whole.weights.items())
    assert refused == 60 if keep_sum else refused > 50


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.ckpt"
    assert "no such file" in _refused(path)
    path.write_text("just text")
    _refused(path)
    torch.save({"state_dict": {}}, path)
    assert "not a checkpoint of kincap" in _refused(path)
    torch.save([1, 2, 3], path)
    _refused(path)
    (tmp_path / "folder.ckpt").mkdir()
    _refused(tmp_path / "folder.ckpt")


class _Evil:
    """What a pickle may do when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("ran",))


def test_nothing_in_a_checkpoint_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "evil.ckpt"
    torch.save({"format": "kincap-checkpoint", "weights": _Evil()}, path)
    _refused(path)
    assert capsys.readouterr().out == ""


def test_what_differs_is_said(saved: Path, checkpoint: Checkpoint) -> None:
    names = ["nose", *(f"k{i}" for i in range(12))]
    _resave(saved, skeleton=names)
    assert "keypoint 0 is 'nose', not 'head'" in _refused(saved)
    save_checkpoint(saved, checkpoint)
    _resave(saved, skeleton=names * 2)
    assert "skeleton of 26 keypoints" in _refused(saved)
    save_checkpoint(saved, checkpoint)
    _resave(saved, format_version=9)
    assert "version 9, this kincap reads 1; upgrade" in _refused(saved)
    save_checkpoint(saved, checkpoint)
    _resave(saved, width=0.5)
    assert "needs" in _refused(saved)
    save_checkpoint(saved, checkpoint)
    _resave(saved, model="resnet")
    assert "resnet" in _refused(saved)
    save_checkpoint(saved, checkpoint)
    _resave(saved, size="32")
    assert "size" in _refused(saved)


def test_weights_that_are_no_numbers_are_refused(saved: Path, checkpoint: Checkpoint) -> None:
    weights = {name: tensor.clone() for name, tensor in checkpoint.weights.items()}
    weights["maps.bias"][4] = float("nan")
    save_checkpoint(saved, dataclasses.replace(checkpoint, weights=weights))
    assert "maps.bias" in _refused(saved)


@pytest.mark.parametrize(
    "change",
    [Tensor.double, Tensor.int, Tensor.to_sparse, lambda tensor: tensor.to("meta")],
    ids=["double", "int", "sparse", "meta"],
)
def test_weights_of_another_kind_are_refused(
    saved: Path, checkpoint: Checkpoint, change: Callable[[Tensor], Tensor]
) -> None:
    weights = dict(checkpoint.weights)
    weights["maps.bias"] = change(weights["maps.bias"])
    save_checkpoint(saved, dataclasses.replace(checkpoint, weights=weights))
    assert "maps.bias is" in _refused(saved) or "weights are sparse" in _refused(saved)


def test_output_may_replace_a_checkpoint_and_nothing_else(saved: Path, tmp_path: Path) -> None:
    check_output(saved)
    check_output(tmp_path / "new.ckpt")
    for name in ("notes.txt", "empty.ckpt"):
        path = tmp_path / name
        path.write_text("my notes" if name == "notes.txt" else "")
        with pytest.raises(CheckpointError, match=r"^--out: .* exists and is not a"):
            check_output(path)
    with pytest.raises(CheckpointError, match="folder"):
        check_output(tmp_path)
    with pytest.raises(CheckpointError, match="no folder"):
        check_output(tmp_path / "nowhere" / "new.ckpt")
