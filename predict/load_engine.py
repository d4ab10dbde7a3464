"""Open what ``--weights`` names: a checkpoint, or a file of ``kincap export``."""

from pathlib import Path

from ..core.errors import KincapError
from ..core.skeleton import KEYPOINTS_13
from ..engines.engine import PoseEngine
from ..engines.onnx_engine import OnnxPoseEngine
from ..engines.openvino_engine import OPENVINO_SUFFIX, OpenVinoPoseEngine


def load_engine(weights: Path, device: str = "auto") -> PoseEngine:
    """Return the engine of some weights.

    Args:
        weights: ``.onnx`` runs in onnxruntime, ``.xml`` in OpenVINO; everything else is read as a
            checkpoint.
        device: Where torch computes a checkpoint.

    Raises:
        KincapError: The file is missing, damaged, or of another skeleton.
        MissingPartError: The device, onnxruntime or OpenVINO is missing.
    """
    if weights.suffix in (".onnx", OPENVINO_SUFFIX):
        engine = _open_exported(weights)
        if engine.keypoint_names != KEYPOINTS_13.points:
            raise KincapError(
                f"{weights}: exported for {len(engine.keypoint_names)} other keypoints than "
                f"{KEYPOINTS_13.name}; this command draws and tracks these"
            )
        return engine
    from ..train.checkpoint import load_checkpoint
    from ..train.loop import choose_device
    from .deployed_net import torch_engine

    return torch_engine(load_checkpoint(weights), choose_device(device))


def _open_exported(weights: Path) -> OnnxPoseEngine | OpenVinoPoseEngine:
    """Open a file of ``kincap export`` by its suffix."""
    return OpenVinoPoseEngine(weights) if weights.suffix != ".onnx" else OnnxPoseEngine(weights)
