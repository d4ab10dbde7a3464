"""Static int8: convolutions and linear layers as bytes; what reads the maps stays float32."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import KincapError, MissingPartError
from ...dataset.kinect13.reader import open_kinect13
from ...engines.engine import Images, PoseEngine
from ...engines.onnx_engine import to_pixels
from ...train.checkpoint import Checkpoint
from ...train.data import Samples, load_samples
from ...train.validate import score_poses
from .onnx_file import quiet

CALIBRATION_CROPS: Final = 256
MOST_LOSS_POINTS: Final = 0.5
"""Points of PCK@0.1 that an int8 file may lose."""
THRESHOLD: Final = "0.1"
_BATCH: Final = 32


def quantize(source: Path, target: Path, calibration: Images) -> None:
    """Write an int8 copy of an exported float32 net.

    Softmax and everything after it is left as it is: a mean over 256 values of 8 bits is far off.

    Args:
        source: The float32 file.
        target: The file to write.
        calibration: (N, S, S, 3) uint8 crops; the ranges of the layers come from them.

    Raises:
        MissingPartError: A library of the export is not installed.
    """
    try:
        import onnx
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    except ImportError:
        raise MissingPartError(
            "--int8 needs onnx and onnxruntime; pip install 'kincap[export]'"
        ) from None

    class Crops(CalibrationDataReader):  # type: ignore[misc]
        """Hands the crops over, one batch at a time."""

        def __init__(self) -> None:
            self._first = 0

        def get_next(self) -> dict[str, Any] | None:
            part = calibration[self._first : self._first + _BATCH]
            self._first += _BATCH
            return {"pixels": to_pixels(part)} if len(part) else None

    kept = after_softmax(onnx.load(str(source)))
    with quiet():
        quantize_static(
            str(source), str(target), Crops(), quant_format=QuantFormat.QDQ, per_channel=True,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"], nodes_to_exclude=kept,
        )  # fmt: skip


def after_softmax(model: Any) -> list[str]:
    """Return the names of the nodes that are a Softmax or compute from its result."""
    made: set[str] = set()
    names = []
    for node in model.graph.node:  # in the order of computation
        if node.op_type in ("Softmax", "LogSoftmax") or made & set(node.input):
            made |= set(node.output)
            names.append(node.name)
    return names


def calibration_crops(data: Path, checkpoint: Checkpoint) -> Images:
    """Return crops of the training split, evenly spread."""
    with open_kinect13(data, checkpoint.skeleton) as dataset:
        split = "train" if "train" in dataset.splits else dataset.splits[0]
        samples = load_samples(dataset, split, checkpoint.size, in_memory=False)
        chosen = np.unique(np.linspace(0, len(samples) - 1, CALIBRATION_CROPS).astype(np.int64))
        return samples.images(chosen)


def pck_of(engines: list[PoseEngine], data: Path, checkpoint: Checkpoint) -> list[float]:
    """Return PCK@0.1 of several engines on the validation split, in percent.

    Raises:
        KincapError: No keypoint of the split counts.
    """
    with open_kinect13(data, checkpoint.skeleton) as dataset:
        split = "val" if "val" in dataset.splits else dataset.splits[0]
        samples = load_samples(dataset, split, checkpoint.size, in_memory=False)
        found = [_pck(engine, samples) for engine in engines]
    if None in found:
        raise KincapError(f"--data: {data}: no labelled keypoints in {split} to measure PCK on")
    return [value for value in found if value is not None]


def _pck(engine: PoseEngine, samples: Samples) -> float | None:
    poses = []
    for first in range(0, len(samples), _BATCH):
        rows = np.arange(first, min(first + _BATCH, len(samples)))
        poses.append(engine.poses(samples.images(rows)).coords)
    return score_poses(np.concatenate(poses), samples).pck[THRESHOLD]["all"]
