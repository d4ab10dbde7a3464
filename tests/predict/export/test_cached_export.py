"""A checkpoint that is used on the CPU: exported once, kept in the cache, run by onnxruntime."""

from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.core.errors import CheckpointError
from kincap.predict.deployed_net import torch_engine
from kincap.predict.export.cached_export import ENVIRONMENT, MOST_KEPT
from kincap.predict.load_engine import ONNXRUNTIME, TORCH, load_engine, runs_in
from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.nets.registry import build_net


def save_net(path: Path, seed: int, model: str = "compact", size: int = 32) -> Path:
    torch.manual_seed(seed)
    net = build_net(model, 0.25, size)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    save_checkpoint(path, Checkpoint(model, 0.25, size, weights, torch.full((13, 2), 0.5), True))
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "cache" / "nets"))
    return tmp_path / "cache" / "nets"


@pytest.mark.parametrize(("model", "size"), [("compact", 48), ("linna", 224)])
def test_a_checkpoint_runs_in_onnxruntime_and_gives_the_poses_of_torch(
    tmp_path: Path, cache: Path, model: str, size: int
) -> None:
    path = save_net(tmp_path / "net.ckpt", 1, model, size)
    notes: list[str] = []
    engine = load_engine(path, notes=notes)
    assert (runs_in(engine), notes) == (ONNXRUNTIME, [])
    crops = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), np.uint8)
    wanted = torch_engine(load_checkpoint(path), torch.device("cpu")).poses(crops)
    np.testing.assert_allclose(engine.poses(crops).coords, wanted.coords, atol=1e-4)
    assert len(list(cache.iterdir())) == 1


def test_the_file_is_made_once_for_each_content_and_the_oldest_go(
    tmp_path: Path, cache: Path
) -> None:
    path = save_net(tmp_path / "net.ckpt", 1)
    load_engine(path)
    (made,) = cache.iterdir()
    before = made.stat().st_ino
    load_engine(path)
    assert [file.stat().st_ino for file in cache.iterdir()] == [before]
    save_net(path, 2)  # another net in the same file
    crops = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    wanted = torch_engine(load_checkpoint(path), torch.device("cpu")).poses(crops)
    found = load_engine(path).poses(crops)
    np.testing.assert_allclose(found.coords, wanted.coords, atol=1e-4)
    made.write_bytes(b"damaged")
    for n in range(MOST_KEPT):
        (cache / f"{n}.onnx").write_bytes(b"")
    load_engine(save_net(path, 1))
    assert made.stat().st_size > 1000
    assert len(list(cache.iterdir())) == MOST_KEPT


def test_where_the_cache_can_not_be_written_the_net_runs_in_torch_and_says_why(
    tmp_path: Path, cache: Path
) -> None:
    cache.parent.parent.mkdir(exist_ok=True)
    cache.parent.write_text("a file")
    notes: list[str] = []
    assert runs_in(load_engine(save_net(tmp_path / "net.ckpt", 1), notes=notes)) == TORCH
    assert len(notes) == 1
    assert "cache" in notes[0]


def test_what_is_no_checkpoint_leaves_no_file(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "net.ckpt").write_bytes(b"nothing")
    with pytest.raises(CheckpointError):
        load_engine(tmp_path / "net.ckpt")
    assert not cache.exists()
