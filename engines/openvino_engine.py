"""Run an exported net with OpenVINO, in float32, without its telemetry."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core.errors import KincapError, MissingPartError
from .engine import Images, PoseResult
from .onnx_engine import META_KEY, read_meta, to_pixels

_TELEMETRY: Final = "openvino_telemetry"
OPENVINO_SUFFIX: Final = ".xml"


def import_openvino(what: str) -> Any:
    """Import OpenVINO; its telemetry package is hidden from it, so that nothing is sent.

    Args:
        what: The file or flag that needs it, for the message.

    Raises:
        MissingPartError: It is not installed.
    """
    with _without_telemetry():
        try:
            import openvino
        except ImportError:
            raise MissingPartError(
                f"{what} needs OpenVINO; pip install 'kincap[openvino]'"
            ) from None
    return openvino


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Make the import of the telemetry package fail: OpenVINO then uses an empty one of its own."""
    before = sys.modules.get(_TELEMETRY)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is None:
            del sys.modules[_TELEMETRY]
        else:
            sys.modules[_TELEMETRY] = before


class OpenVinoPoseEngine:
    """A net that ``kincap export --format openvino`` wrote.

    Args:
        path: The .xml file; the .bin with the weights is beside it.

    Attributes:
        meta: Its metadata, as the export wrote them.

    Raises:
        MissingPartError: OpenVINO is not installed.
        KincapError: The file can't be read, or kincap did not export it.
    """

    def __init__(self, path: Path) -> None:
        openvino = import_openvino(str(path))
        if not path.is_file():
            raise KincapError(f"{path}: no such file; name a file of kincap export")
        core = openvino.Core()
        try:
            model = core.read_model(str(path))
            # CPUs that have bfloat16 compute with it unless told otherwise
            hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
            self._net = core.compile_model(model, "CPU", hints)
        except RuntimeError as error:
            said = str(error).strip().splitlines()[-1][:120]
            raise KincapError(f"{path}: not a model that OpenVINO runs ({said})") from None
        self.meta = read_meta(path, _stored_meta(model))
        self.size = int(self.meta["size"])
        self.keypoint_names = tuple(map(str, self.meta["keypoints"]))

    def poses(self, crops: Images) -> PoseResult:
        """Return the poses of crops (N, size, size, 3) uint8, RGB."""
        count = len(self.keypoint_names)
        if not len(crops):
            return PoseResult(np.empty((0, count, 2), np.float32), np.empty((0, count), np.float32))
        found = self._net(to_pixels(crops))
        coords, confidence = (np.array(found[name]) for name in ("coords", "confidence"))
        return PoseResult(coords.astype(np.float32), confidence.astype(np.float32))


def save_openvino(model_onnx: Path, target: Path, meta: dict[str, Any], *, half: bool) -> None:
    """Write an ONNX file as OpenVINO's pair of files.

    Args:
        model_onnx: The float32 file.
        target: The .xml file; the weights are written beside it as .bin.
        meta: Metadata, stored as JSON.
        half: True for float16 weights; the arithmetic is that of the device.

    Raises:
        MissingPartError: OpenVINO is not installed.
    """
    openvino = import_openvino("--format openvino")
    model = openvino.Core().read_model(str(model_onnx))
    model.set_rt_info(json.dumps(meta), META_KEY)
    openvino.save_model(model, str(target), compress_to_fp16=half)


def _stored_meta(model: Any) -> dict[str, str]:
    """Return the metadata of a model as those of an ONNX file."""
    if not model.has_rt_info(META_KEY):
        return {}
    return {META_KEY: str(model.get_rt_info(META_KEY).astype(str))}
