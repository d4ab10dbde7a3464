"""Run a .tflite net with LiteRT, on one thread."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError, MissingPartError

Array = npt.NDArray[np.float32]


def check_litert(what: str) -> None:
    """Refuse what needs LiteRT where it is not installed.

    Args:
        what: The flag that needs it.

    Raises:
        MissingPartError: It is not installed.
    """
    if importlib.util.find_spec("ai_edge_litert") is None:
        raise MissingPartError(
            f"{what}: needs ai-edge-litert; pip install 'kincap[teacher]' (where it has no wheel, "
            "take a net as onnx:FILE)"
        )


class LitertNet:
    """A net of one input.

    Args:
        path: The .tflite file.

    Raises:
        MissingPartError: LiteRT is not installed.
        KincapError: The file is not a net that LiteRT runs.
    """

    def __init__(self, path: Path) -> None:
        check_litert(str(path))
        from ai_edge_litert.interpreter import Interpreter

        try:
            # the default delegate: the selfie segmentation net has a layer that only it knows
            self._net: Any = Interpreter(model_path=str(path), num_threads=1)
            self._net.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            said = str(error).strip().splitlines()[0][:120]
            raise KincapError(f"{path}: not a net that LiteRT runs ({said})") from None
        self._input = self._net.get_input_details()[0]["index"]
        self._outputs = [one["index"] for one in self._net.get_output_details()]

    def run(self, pixels: Array) -> list[Array]:
        """Return copies of all outputs, in the order of the file, for one input."""
        self._net.set_tensor(self._input, pixels)
        self._net.invoke()
        return [self._net.get_tensor(index) for index in self._outputs]
