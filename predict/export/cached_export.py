"""A checkpoint's ONNX file, made once and kept in this user's cache: the CPU runs it faster.

The file's name holds the SHA-256 of the checkpoint, so a checkpoint that changes gets another one.
"""

import contextlib
import hashlib
import importlib.metadata
import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ...core.errors import KincapError, MissingPartError
from ...engines.onnx_engine import OnnxPoseEngine
from ...train.checkpoint import Checkpoint
from ..deployed_net import torch_engine
from .export import MOST_DIFFERENCE, metadata
from .onnx_file import BATCH, quiet, set_meta
from .quick_norms import net_to_export

ENVIRONMENT: Final = "KINCAP_CACHE"
"""Environment variable that names the folder of the cache."""
MOST_KEPT: Final = 8
"""Files that are kept; those that were not used for the longest are removed."""
OPSET: Final = 17
"""The newest that torch's older exporter writes without a conversion."""
_FORMAT: Final = 2
_CROPS: Final = 12
"""More than the exporter traces: what it fixed at their number shows."""


def cache_folder() -> Path:
    """Return the folder of exported checkpoints; it may not exist yet."""
    if os.environ.get(ENVIRONMENT):
        return Path(os.environ[ENVIRONMENT])
    from platformdirs import user_cache_path

    return user_cache_path("kincap", appauthor=False) / "nets"


def cached_engine(weights: Path, checkpoint: Checkpoint) -> OnnxPoseEngine:
    """Return the onnxruntime engine of a checkpoint; its file is made where there is none yet.

    Args:
        weights: The checkpoint's file.
        checkpoint: What it holds.

    Raises:
        MissingPartError: onnx or onnxruntime is not installed.
        KincapError: The file can't be written, or differs from torch.
    """
    if find_spec("onnxruntime") is None or find_spec("onnx") is None:
        raise MissingPartError("pip install 'kincap[predict]' brings onnxruntime, which is faster")
    file = cache_folder() / f"{_key(weights)}.onnx"
    if file.is_file():
        with contextlib.suppress(KincapError):
            engine = OnnxPoseEngine(file)
            with contextlib.suppress(OSError):
                os.utime(file)
            return engine
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".making-") as folder:
            made = Path(folder) / "net.onnx"
            _write(made, checkpoint)
            engine = OnnxPoseEngine(made)
            _check(engine, checkpoint)
            made.replace(file)
        _remove_oldest(file.parent)
    except OSError as error:
        said = error.strerror or error
        raise KincapError(f"{file.parent} can't be written ({said})", exit_code=1) from None
    return engine


def _key(weights: Path) -> str:
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return f"{digest}-{_FORMAT}-torch{importlib.metadata.version('torch')}"


def _write(path: Path, checkpoint: Checkpoint) -> None:
    """Write the net with torch's older exporter: equal in speed, done in a tenth of the time."""
    net = net_to_export(checkpoint)
    pixels = torch.zeros(BATCH, 3, checkpoint.size, checkpoint.size)
    names = ["coords", "confidence"]
    axes: Any = {name: {0: "N"} for name in ("pixels", *names)}
    try:
        with quiet():
            torch.onnx.export(
                net, (pixels,), str(path), dynamo=False, opset_version=OPSET,
                input_names=["pixels"], output_names=names, dynamic_axes=axes,
            )  # fmt: skip
    except (RuntimeError, TypeError, ValueError) as error:
        said = str(error).strip().splitlines()[0][:120]
        raise KincapError(f"torch could not export it ({said})", exit_code=1) from None
    set_meta(path, metadata(checkpoint))


def _check(engine: OnnxPoseEngine, checkpoint: Checkpoint) -> None:
    coarse = np.random.default_rng(0).integers(0, 256, (_CROPS, 8, 8, 3), np.uint8)
    times = -(-checkpoint.size // 8)
    fine = coarse.repeat(times, axis=1).repeat(times, axis=2)
    crops = np.ascontiguousarray(fine[:, : checkpoint.size, : checkpoint.size])
    wanted, found = torch_engine(checkpoint, torch.device("cpu")).poses(crops), engine.poses(crops)
    for a, b in ((wanted.coords, found.coords), (wanted.confidence, found.confidence)):
        if a.shape != b.shape or not float(np.abs(a - b).max()) <= MOST_DIFFERENCE:
            raise KincapError("the exported net differs from torch", exit_code=1)


def _remove_oldest(folder: Path) -> None:
    """Keep the files that were used last."""
    with contextlib.suppress(OSError):
        files = sorted(folder.glob("*.onnx"), key=lambda file: -file.stat().st_mtime)
        for file in files[MOST_KEPT:]:
            file.unlink()
