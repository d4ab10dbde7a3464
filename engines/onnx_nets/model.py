"""An ONNX file of another project: its input, its outputs, and how its layout is chosen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.errors import KincapError
from ..engine import Images
from ..onnx_engine import open_session

Array = npt.NDArray[Any]

_TYPES: Final = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
}
_FREE_SIDE: Final = 640
"""Side of an input whose size the file leaves open."""


@dataclass(frozen=True)
class Tensor:
    """An input or output of a file.

    Attributes:
        name: Its name.
        type: As onnxruntime writes it.
        shape: None where the file leaves it open.
    """

    name: str
    type: str
    shape: tuple[int | None, ...]


class OnnxModel:
    """An open file with one input.

    Args:
        path: The file.

    Attributes:
        path: The file.
        input: Its input.
        outputs: Its outputs, in order.
        is_hwc: True if the channels are last.
        size_px: Width and height of the input; 640 where the file leaves it open.

    Raises:
        MissingPartError: onnxruntime is not installed.
        KincapError: The file is missing, can't be run, or does not take one image.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._session = open_session(path)
        inputs = [_tensor(one) for one in self._session.get_inputs()]
        self.outputs = tuple(_tensor(one) for one in self._session.get_outputs())
        self.input = inputs[0]
        dims = self.input.shape[-3:]
        if len(inputs) != 1 or len(dims) != 3 or 3 not in (dims[0], dims[2]):
            found = ", ".join(f"{one.name} {_words(one.shape)}" for one in inputs)
            raise KincapError(f"{path}: takes {found}; expected one image of 3 channels")
        if self.input.type not in _TYPES:
            raise KincapError(f"{path}: its input is {self.input.type}, not numbers of a pixel")
        self.is_hwc = dims[0] != 3
        rows, columns = dims[:2] if self.is_hwc else dims[1:]
        self.size_px = (columns or _FREE_SIDE, rows or _FREE_SIDE)

    def run(self, pixels: Array) -> list[Array]:
        """Return the outputs for an image (H, W, 3) of numbers as the net wants them."""
        value = pixels.astype(_TYPES[self.input.type])
        if not self.is_hwc:
            value = value.transpose(2, 0, 1)
        if len(self.input.shape) == 4:
            value = value[None]
        found: list[Array] = self._session.run(None, {self.input.name: np.ascontiguousarray(value)})
        return found

    @property
    def output_words(self) -> str:
        """The outputs, for messages."""
        return ", ".join(f"{one.name} {_words(one.shape)}" for one in self.outputs)


@dataclass(frozen=True)
class Colours:
    """The numbers that a net takes for a pixel.

    Attributes:
        is_bgr: True if blue is first.
        mean: Subtracted, in the net's order of channels.
        divisor: Divided by after that.
    """

    is_bgr: bool
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    divisor: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def numbers(self, image: Images) -> Array:
        """Return an image (H, W, 3) uint8, RGB, as the net takes it."""
        ordered = image[..., ::-1] if self.is_bgr else image
        mean, divisor = np.array(self.mean, np.float32), np.array(self.divisor, np.float32)
        numbers: Array = (ordered.astype(np.float32) - mean) / divisor
        return numbers


RAW_RGB: Final = Colours(is_bgr=False)
RAW_BGR: Final = Colours(is_bgr=True)
UNIT_RGB: Final = Colours(is_bgr=False, divisor=(255.0, 255.0, 255.0))
IMAGENET_RGB: Final = Colours(
    is_bgr=False, mean=(123.675, 116.28, 103.53), divisor=(58.395, 57.12, 57.375)
)
IMAGENET_BGR: Final = Colours(
    is_bgr=True, mean=(103.53, 116.28, 123.675), divisor=(57.375, 57.12, 58.395)
)


def choose_layout(
    text: str, layouts: Mapping[str, Callable[[OnnxModel], bool]], flag: str
) -> tuple[str, OnnxModel]:
    """Open the file that ``onnx:`` names and return its layout, named or recognised.

    Args:
        text: ``FILE`` or ``LAYOUT:FILE``.
        layouts: For each layout whether the outputs of a file look like it.
        flag: For messages.

    Raises:
        MissingPartError: onnxruntime is not installed.
        KincapError: The file can't be used, or its layout is not known.
    """
    name, _, rest = text.partition(":")
    named = name if name in layouts and rest else None
    path = rest if named else text
    if not path:
        raise KincapError(f"{flag}: onnx without a file; write onnx:FILE or onnx:LAYOUT:FILE")
    model = OnnxModel(Path(path))
    fits = [one for one, looks_like in layouts.items() if looks_like(model)]
    if named is not None and named not in fits:
        raise KincapError(f"{flag}: {path} gives {model.output_words}; that is not {named}")
    if named is None and len(fits) != 1:
        raise KincapError(
            f"{flag}: {path} gives {model.output_words}; expected the outputs of one of "
            f"{', '.join(layouts)}, or name it: onnx:LAYOUT:FILE"
        )
    return named or fits[0], model


def _tensor(found: Any) -> Tensor:
    shape = tuple(one if isinstance(one, int) and one > 0 else None for one in found.shape)
    return Tensor(found.name, found.type, shape)


def _words(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("?" if one is None else str(one) for one in shape) + ")"
