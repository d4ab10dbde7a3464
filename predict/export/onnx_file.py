"""Write a torch module as one ONNX file."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from ...core.errors import MissingPartError
from ...engines.onnx_engine import META_KEY

OPSET: Final = 18
"""Pooling of a newer one takes onnxruntime 1.31 five times as long over volumes."""
BATCH: Final = 2
"""Images that the exporters trace a net with: with one, they would fix the batch axis."""


def write_onnx(
    path: Path,
    net: nn.Module,
    pixels: Tensor,
    outputs: tuple[str, ...],
    meta: dict[str, Any],
    size_multiple: int | None = None,
) -> None:
    """Write a net.

    Args:
        path: The file.
        net: The outermost module, in evaluation mode: an exporter restores its mode on all
            modules inside.
        pixels: An input of ``BATCH`` images; the input is called ``pixels``, its first axis ``N``.
        outputs: Names of the outputs.
        meta: Metadata, stored as JSON.
        size_multiple: Height and width of the input may be any multiple of it; None: they are
            those of ``pixels``.

    Raises:
        MissingPartError: A library of the export is not installed.
    """
    # torch's exporter needs both, and says so only after its own start of some seconds
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise MissingPartError(
            "--format onnx needs onnx and onnxscript; pip install 'kincap[export]'"
        )
    axes: dict[int, Any] = {0: torch.export.Dim("N")}
    if size_multiple is not None:
        axes[2] = size_multiple * torch.export.Dim("H")
        axes[3] = size_multiple * torch.export.Dim("W")
    with quiet():
        program = torch.onnx.export(
            net.eval(), (pixels,), dynamo=True, external_data=False, opset_version=OPSET,
            input_names=["pixels"], output_names=list(outputs),
            dynamic_shapes=(axes,), verbose=False,
        )  # fmt: skip
    assert program is not None
    program.save(str(path), external_data=False)
    set_meta(path, meta)


def set_meta(path: Path, meta: dict[str, Any]) -> None:
    """Store metadata in an ONNX file, in place of earlier ones of kincap."""
    import onnx

    model = onnx.load(str(path))
    others = [entry for entry in model.metadata_props if entry.key != META_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(others)
    entry = model.metadata_props.add()
    entry.key, entry.value = META_KEY, json.dumps(meta)
    onnx.save(model, str(path))


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporters' messages for developers of torch off the terminal."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    before = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
