"""The later stages of a cascade as a checkpoint has them."""

import math
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

MOST_STAGES: Final = 9
_LARGEST: Final = 1e9


@dataclass(frozen=True)
class CascadeStage:
    """A stage after the first: a net that looks at the surroundings of one joint at a time.

    Attributes:
        model: Name of the net, see ``train.nets.registry.NETS``.
        width: Factor on its channels.
        size: Side of its square input, pixels.
        weights: Its parameters and buffers by name, on the CPU.
        mean: (K, 2) float64, mean displacement of the poses of the stage before from the truth, on
            the training split, in torso diameters.
        covariance: (K, 2, 2) float64, of the same displacements, torso diameters squared.
    """

    model: str
    width: float
    size: int
    weights: dict[str, Tensor]
    mean: Tensor
    covariance: Tensor

    def to_plain(self) -> dict[str, Any]:
        """Return the stage as plain tensors, numbers and text."""
        return dict(vars(self))


@dataclass(frozen=True)
class Cascade:
    """The stages after the first, and how they look at the person's crop.

    Attributes:
        first_size: Side of the input of the first stage's net, pixels.
        sigma: Side of the box round a joint, in torso diameters.
        stages: Stage 2 and later ones.
    """

    first_size: int
    sigma: float
    stages: tuple[CascadeStage, ...]

    def to_plain(self) -> dict[str, Any]:
        """Return the cascade as plain tensors, numbers, text, lists and dicts."""
        stages = [stage.to_plain() for stage in self.stages]
        return {"first_size": self.first_size, "sigma": self.sigma, "stages": stages}


def cascade_of(content: object, keypoints: int) -> Cascade:
    """Return the cascade of ``Cascade.to_plain``; weights are not compared with the nets yet.

    Args:
        content: What a file has.
        keypoints: Number K of keypoints.

    Raises:
        ValueError: It is something else; the text says what is wrong.
    """
    if not isinstance(content, dict) or set(content) != {"first_size", "sigma", "stages"}:
        raise ValueError("cascade has other fields")
    first_size, sigma, stages = content["first_size"], content["sigma"], content["stages"]
    if type(first_size) is not int or not 0 < first_size < _LARGEST:
        raise ValueError("cascade: first_size is not a number of pixels")
    if not isinstance(sigma, float) or not 0 < sigma < _LARGEST:
        raise ValueError("cascade: sigma is not a number above 0")
    if not isinstance(stages, list) or not 0 < len(stages) < MOST_STAGES:
        raise ValueError("cascade: stages are not a list of stages")
    return Cascade(first_size, sigma, tuple(_stage(one, keypoints) for one in stages))


def _stage(content: object, keypoints: int) -> CascadeStage:
    kinds: dict[str, type | tuple[type, ...]] = {
        "model": str, "width": (int, float), "size": int, "weights": dict,
        "mean": Tensor, "covariance": Tensor,
    }  # fmt: skip
    if not isinstance(content, dict) or set(content) != set(kinds):
        raise ValueError("cascade: a stage has other fields")
    for name, kind in kinds.items():
        if not isinstance(content[name], kind):
            raise ValueError(f"cascade: {name} of a stage is of another type")
    if not (0 < content["size"] < _LARGEST and math.isfinite(content["width"])):
        raise ValueError("cascade: size or width of a stage is out of range")
    for name, shape in (("mean", (keypoints, 2)), ("covariance", (keypoints, 2, 2))):
        found = content[name]
        if (found.dtype, tuple(found.shape)) != (torch.float64, shape):
            raise ValueError(f"cascade: {name} of a stage is not {shape} float64")
        if not torch.isfinite(found).all():
            raise ValueError(f"cascade: {name} of a stage has values that are not finite")
    return CascadeStage(**{**content, "width": float(content["width"])})
