"""The use of a device: number format, compiled code, images kept in its memory."""

from collections.abc import Callable
from typing import Any, Final, Literal

import torch
from torch import Tensor

from ...core.errors import KincapError, MissingPartError
from ..batch_source import BatchSource

Precision = Literal["float32", "bf16", "fp16"]
"""Number format of the net's layers; weights, losses and the optimiser stay float32."""

TYPES: Final = {"bf16": torch.bfloat16, "fp16": torch.float16}
MOST_OF_FREE: Final = 0.5
"""Share of a GPU's free memory that images may take."""


def check_device_use(precision: Precision, compiled: bool, device: torch.device) -> None:
    """Refuse a number format or compiled code that a device has not.

    Raises:
        KincapError: The device does not compute in the number format.
        MissingPartError: torch can't compile here.
    """
    if precision == "fp16" and device.type != "cuda":
        raise KincapError(
            f"--set precision=fp16: needs a GPU of NVIDIA, not {device.type}; use bf16 or float32"
        )
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise KincapError("--set precision=bf16: this GPU does not compute in it; use fp16")
    if not compiled:
        return
    try:
        torch.compile(lambda x: (x + 1).sin())(torch.ones(2, device=device))
    except Exception as error:  # torch wraps whatever its compilers raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise MissingPartError(
            f"--set compile=true: torch can't compile here ({reason}); leave it out"
        ) from None


def in_precision(
    module: Callable[..., Any], precision: Precision, device: torch.device
) -> Callable[..., Any]:
    """Return what runs a net's layers in a number format and gives its output as float32."""
    if precision == "float32":
        return module

    def run(*inputs: Tensor) -> Any:
        with torch.autocast(device.type, TYPES[precision]):
            return _as_float32(module(*inputs))

    return run


def _as_float32(output: Any) -> Any:
    if isinstance(output, Tensor):
        return output.float()
    if isinstance(output, tuple) and hasattr(output, "_fields"):
        return type(output)(*(_as_float32(one) for one in output))
    if isinstance(output, list | tuple):
        return type(output)(_as_float32(one) for one in output)
    return output


def keep_on_gpu(source: BatchSource, device: torch.device) -> BatchSource:
    """Return a source that keeps its images on the GPU, where they fit; else the source itself."""
    if device.type != "cuda":
        return source
    free, _ = torch.cuda.mem_get_info(device)
    return source.on_device(device) if source.image_bytes <= MOST_OF_FREE * free else source
