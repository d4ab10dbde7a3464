"""Checkpoints of the detector, written and read as those of nets for poses."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from ... import __version__
from ...core.errors import CheckpointError
from ..checkpoint import DETECTOR_FORMAT
from ..checkpoint_files import open_whole, write_pair
from .net import HEIGHT_PX, WIDTH_PX, DeployedPersonNet, PersonNet

DETECTOR_VERSION: Final = 1
_SIZE_PX: Final = [WIDTH_PX, HEIGHT_PX]


@dataclass(frozen=True)
class DetectorCheckpoint:
    """A trained detector as a file has it.

    Attributes:
        weights: Parameters and buffers by name, on the CPU.
        threshold: Least score of a person, chosen on the validation split.
        trained: Step, seed, data and scores of its training: for people, not for code.
    """

    weights: dict[str, Tensor]
    threshold: float
    trained: dict[str, Any] = field(default_factory=dict)

    def build(self) -> PersonNet:
        """Return the net with these weights, in evaluation mode."""
        net = PersonNet()
        net.load_state_dict(self.weights)
        return net.eval()

    def deploy(self) -> DeployedPersonNet:
        """Return the net as it is used: scores and boxes out."""
        return DeployedPersonNet(self.build()).eval()


def save_detector(path: Path, detector: DetectorCheckpoint) -> None:
    """Write a detector and its SHA-256, in place of older files of these names.

    Raises:
        OSError: It can't be written; what was there is as it was.
    """
    buffer = io.BytesIO()
    torch.save(
        {
            "format": DETECTOR_FORMAT,
            "format_version": DETECTOR_VERSION,
            "kincap_version": __version__,
            "size_px": _SIZE_PX,
            "threshold": detector.threshold,
            "weights": detector.weights,
            "trained": detector.trained,
        },
        buffer,
    )
    write_pair(path, buffer.getbuffer())


def is_detector(path: Path) -> bool:
    """Return True if a file is a detector's checkpoint.

    Raises:
        CheckpointError: It is missing, damaged or not a checkpoint at all.
    """
    return _content(path).get("format") == DETECTOR_FORMAT


def load_detector(path: Path) -> DetectorCheckpoint:
    """Read and check a detector's checkpoint.

    Raises:
        CheckpointError: It is missing, damaged, of another kind or version, or its weights don't
            fit.
    """
    content = _content(path)
    if content.get("format") != DETECTOR_FORMAT:
        raise CheckpointError(
            f"{path}: not a checkpoint of a detector; kincap finetune --task detect makes one"
        )
    if content.get("format_version") != DETECTOR_VERSION or content.get("size_px") != _SIZE_PX:
        raise CheckpointError(f"{path}: a detector of another version of kincap; train it again")
    threshold, weights = content.get("threshold"), content.get("weights")
    if not isinstance(threshold, float) or not 0 <= threshold <= 1:
        raise CheckpointError(f"{path}: its threshold is missing or not in 0 to 1")
    trained = content.get("trained")
    wanted = PersonNet().state_dict()
    if not isinstance(weights, dict) or not _fits(weights, wanted):
        raise CheckpointError(f"{path}: its weights don't fit the detector")
    return DetectorCheckpoint(weights, threshold, trained if isinstance(trained, dict) else {})


def _content(path: Path) -> dict[str, Any]:
    with open_whole(path) as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception:
            # torch raises almost anything on files that others made
            raise CheckpointError(f"{path}: not a checkpoint of kincap") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path}: not a checkpoint of kincap")
    return content


def _fits(weights: dict[str, Any], wanted: dict[str, Tensor]) -> bool:
    """Return True if weights have the names, shapes and types of a net, and are finite."""
    return weights.keys() == wanted.keys() and all(
        isinstance(found := weights[name], Tensor)
        and found.shape == value.shape
        and found.dtype == value.dtype
        and bool(torch.isfinite(found).all())
        for name, value in wanted.items()
    )
