"""Open what ``--weights`` names: a checkpoint, or a file of ``kincap export``."""

from pathlib import Path
from typing import Final

import numpy as np

from ..core.errors import KincapError
from ..core.skeleton import KEYPOINTS_13
from ..engines.engine import PoseEngine
from ..engines.onnx_engine import OnnxPoseEngine
from ..engines.openvino_engine import OPENVINO_SUFFIX, OpenVinoPoseEngine
from ..train.nets.registry import finds_people, takes_pose, whole_images
from .people.engine import FINDS, PEOPLE, PeopleEngine, exported_people_engine

ONNXRUNTIME: Final = "onnxruntime"
OPENVINO: Final = "openvino"
TORCH: Final = "torch"


def load_engine(
    weights: Path, device: str = "auto", notes: list[str] | None = None
) -> PoseEngine | PeopleEngine:
    """Return the engine of some weights: of crops, or of whole images with everyone in them.

    Args:
        weights: ``.onnx`` runs in onnxruntime, ``.xml`` in OpenVINO; everything else is read as a
            checkpoint, which runs in onnxruntime on a CPU, from a file in the cache, where the
            libraries are installed, and otherwise in torch.
        device: Where a checkpoint is computed.
        notes: Gets a line where a checkpoint runs in torch on a CPU.

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
        if isinstance(engine, OnnxPoseEngine) and engine.meta.get(FINDS) == PEOPLE:
            return exported_people_engine(engine)
        return engine
    from ..train.checkpoint import load_checkpoint
    from ..train.loop import choose_device
    from .deployed_net import torch_engine
    from .export.cached_export import cached_engine
    from .people.by_torch import people_engine

    checkpoint, where = load_checkpoint(weights), choose_device(device)
    if finds_people(checkpoint.model):
        return people_engine(checkpoint, where)
    if takes_pose(checkpoint.model):
        if notes is not None:
            notes.append(f"the net ran in torch: {checkpoint.model} takes the pose before")
    elif where.type == "cpu":
        try:
            return cached_engine(weights, checkpoint)
        except KincapError as error:
            if notes is not None:
                notes.append(f"the net ran in torch: {error}")
    return torch_engine(checkpoint, where)


def check_numbers(engine: PoseEngine, weights: Path) -> None:
    """Refuse a net that finds no place for keypoints, before a run shows no one in every frame.

    Raises:
        KincapError: Its poses in a crop of noise are not finite.
    """
    shape = (1, engine.size, engine.size, 3)
    found = engine.poses(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    if not (np.isfinite(found.coords).all() and np.isfinite(found.confidence).all()):
        raise KincapError(
            f"{weights}: the net gives no finite numbers, its weights are damaged; use another "
            "checkpoint, or export it again"
        )


def runs_in(engine: PoseEngine | PeopleEngine) -> str:
    """Return what computes an engine: ``ONNXRUNTIME``, ``OPENVINO``, ``TORCH``, or "" unknown."""
    from ..engines.torch_engine import TorchPoseEngine

    kinds = {OnnxPoseEngine: ONNXRUNTIME, OpenVinoPoseEngine: OPENVINO, TorchPoseEngine: TORCH}
    return next((name for kind, name in kinds.items() if isinstance(engine, kind)), "")


def load_pose_engine(weights: Path, device: str, what: str) -> PoseEngine:
    """Return the engine of some weights of a net that takes crops.

    Args:
        weights: See ``load_engine``.
        device: See ``load_engine``.
        what: What needs crops, for the message.

    Raises:
        KincapError: See ``load_engine``; or the net finds everyone in whole images.
        MissingPartError: See ``load_engine``.
    """
    engine = load_engine(weights, device)
    if isinstance(engine, PeopleEngine):
        raise KincapError(whole_images(weights, what))
    return engine


def _open_exported(weights: Path) -> OnnxPoseEngine | OpenVinoPoseEngine:
    """Open a file of ``kincap export`` by its suffix."""
    return OpenVinoPoseEngine(weights) if weights.suffix != ".onnx" else OnnxPoseEngine(weights)
