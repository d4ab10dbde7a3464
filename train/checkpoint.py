"""Checkpoints: weights with what is needed to use them, and nothing that can run.

A checkpoint is a file of ``torch.save`` with plain tensors, numbers, text and dicts, read with
``weights_only=True``. Beside it is ``NAME.sha256`` (readable by ``sha256sum -c``), checked
wherever it is present; the file's own checksums are checked always, since torch loads most
flipped bits without an error.
"""

import contextlib
import io
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from .. import __version__
from ..core.errors import CheckpointError, KincapError
from ..core.files.output_folder import check_parent
from ..core.skeleton import KEYPOINTS_13, Skeleton
from .cascade.net import CascadeNet
from .cascade.stored import Cascade, cascade_of
from .checkpoint_files import check_replaceable_sum, open_whole, sum_path, write_pair
from .confidence import Calibration
from .nets.registry import LARGEST_PX, NETS, build_net

FORMAT: Final = "kincap-checkpoint"
DETECTOR_FORMAT: Final = "kincap-detector"
"""The format of another kind of checkpoint, see detect/checkpoint.py."""
FORMAT_VERSION: Final = 1
CASCADE_VERSION: Final = 2
"""Version of a file with a cascade: a kincap that knows none would run its first stage alone."""
PIXELS: Final[dict[str, Any]] = {"order": "RGB", "subtract": 127, "divide": 128}
"""The conversion of stored bytes into the network's input."""

_MOST_SHOWN: Final = 60
_LARGEST_SHOWN: Final = 1e9
"""Texts and numbers of a file that are longer or larger are not printed."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained net as a file has it.

    Attributes:
        model: Name of the net, see ``train.nets.registry.NETS``.
        width: Factor on its channels.
        size: Side of its square input, pixels; of a cascade that of the crops that it takes.
        weights: Its parameters and buffers by name, on the CPU; of a cascade those of stage 1.
        mean_pose: (K, 2) float32, the mean of the targets it was trained on, crop units.
        mirror_training: True if it has seen mirrored copies; averaging over a mirrored copy hurts
            a net that has not.
        trained: Kind, step, seed, data and scores of its training: for people, not for code.
        skeleton: Its K keypoints.
        calibration: Makes confidences of how wide its maps are; None: it has no maps, or was
            saved between validations.
        cascade: The stages after the first, or None.
    """

    model: str
    width: float
    size: int
    weights: dict[str, Tensor]
    mean_pose: Tensor
    mirror_training: bool
    trained: dict[str, Any] = field(default_factory=dict)
    skeleton: Skeleton = KEYPOINTS_13
    calibration: Calibration | None = None
    cascade: Cascade | None = None

    @property
    def stages(self) -> int:
        """Number of stages; 1 without a cascade."""
        return 1 if self.cascade is None else 1 + len(self.cascade.stages)

    def first_stages(self, count: int) -> "Checkpoint":
        """Return the checkpoint of the first stages alone; of one: a net without a cascade."""
        if self.cascade is None or count >= self.stages:
            return self
        if count == 1:
            return replace(self, size=self.cascade.first_size, cascade=None)
        kept = replace(self.cascade, stages=self.cascade.stages[: count - 1])
        return replace(self, cascade=kept)

    def build(self) -> nn.Module:
        """Return the net with these weights, in evaluation mode."""
        nets = self.build_fresh()
        for net, weights in zip(nets, self.stage_weights(), strict=True):
            net.load_state_dict(weights)
        if self.cascade is None:
            return nets[0].eval()
        later = [(net, one.size) for net, one in zip(nets[1:], self.cascade.stages, strict=True)]
        return CascadeNet(
            nets[0], self.cascade.first_size, later, self.size, self.cascade.sigma, self.skeleton
        ).eval()

    def build_as(self, model: str, size: int) -> nn.Module:
        """Return another net that starts from these weights; layers that they lack are fresh.

        Args:
            model: Name of this net, or of one that starts from it (``Net.starts_from``).
            size: Side of its input, pixels. A net without layers that depend on it can go on with
                larger or smaller crops than those that it learnt from.

        Raises:
            KincapError: A layer has another shape at this size.
        """
        if model == self.model and size == self.size:
            return self.build()
        net = build_net(model, self.width, size, len(self.skeleton))
        for name, own in net.state_dict().items():
            if name in self.weights and self.weights[name].shape != own.shape:
                raise KincapError(
                    f"--size {size}: the checkpoint of --init has size {self.size}, and layers of "
                    f"{model} depend on it; leave --size out, or start from --init none"
                )
        net.load_state_dict(self.weights, strict=False)
        return net.eval()

    def at_view(self, view: int) -> CascadeNet:
        """Return the net as one that takes crops of a cascade's size, also of one stage alone.

        Args:
            view: Side of the crops, pixels.
        """
        built = self.build()
        if isinstance(built, CascadeNet):
            return built
        return CascadeNet(built, self.size, [], view, 1.0, self.skeleton).eval()

    def build_fresh(self) -> list[nn.Module]:
        """Return the net of each stage with fresh weights."""
        keypoints, own = len(self.skeleton), self.first_stages(1)
        later = () if self.cascade is None else self.cascade.stages
        return [
            build_net(own.model, own.width, own.size, keypoints),
            *(build_net(one.model, one.width, one.size, keypoints) for one in later),
        ]

    def stage_weights(self) -> list[dict[str, Tensor]]:
        """Return the weights of the net of each stage."""
        later = () if self.cascade is None else self.cascade.stages
        return [self.weights, *(one.weights for one in later)]


def save_checkpoint(
    path: Path, checkpoint: Checkpoint, resume: dict[str, Any] | None = None
) -> None:
    """Write a checkpoint and its SHA-256, in place of older files of these names.

    Args:
        path: The file; its folder exists.
        checkpoint: Its content.
        resume: Plain tensors, numbers, text, lists and dicts that a resumed run needs; None: no
            run goes on from this file.

    Raises:
        OSError: It can't be written; what was there is as it was.
    """
    buffer = io.BytesIO()
    torch.save(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION if checkpoint.cascade is None else CASCADE_VERSION,
            "kincap_version": __version__,
            "skeleton": list(checkpoint.skeleton.points),
            "pixels": dict(PIXELS),
            "model": checkpoint.model,
            "width": checkpoint.width,
            "size": checkpoint.size,
            "mirror_training": checkpoint.mirror_training,
            "mean_pose": checkpoint.mean_pose,
            "weights": checkpoint.weights,
            "trained": checkpoint.trained,
            **_calibration_entry(checkpoint.calibration),
            **({} if checkpoint.cascade is None else {"cascade": checkpoint.cascade.to_plain()}),
            **({} if resume is None else {"resume": resume}),
        },
        buffer,
    )
    write_pair(path, buffer.getbuffer())


def _calibration_entry(calibration: Calibration | None) -> dict[str, Tensor]:
    """Return the entry of a calibration, (K, 2) offset and slope; nothing where there is none."""
    if calibration is None:
        return {}
    lines = np.column_stack([calibration.offset, calibration.slope])
    return {"calibration": torch.from_numpy(lines)}


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy a checkpoint and write its SHA-256 anew, under the target's name.

    Raises:
        CheckpointError: The source is not whole.
        OSError: The target can't be written; what was there is as it was.
    """
    with open_whole(source) as file:
        data = file.read()
    write_pair(target, data)


def check_output(path: Path, keep: Path | None = None) -> None:
    """Refuse to write in place of anything that kincap did not make, or of a run's own start.

    Args:
        path: The ``--out`` of a run.
        keep: A checkpoint that must stay, or None.

    Raises:
        CheckpointError: It is a folder or in none, a file that is not a checkpoint of kincap, or
            the checkpoint to keep, under whatever name.
    """
    check_parent("--out", path, CheckpointError)
    if path.is_dir():
        raise CheckpointError(f"--out: {path} is a folder; name a file")
    if keep is not None:
        refuse_same(path, keep)
    if os.path.lexists(path):
        try:
            _read(path)
        except CheckpointError:
            raise CheckpointError(
                f"--out: {path} exists and is not a whole checkpoint of kincap; "
                "choose another name or remove it"
            ) from None
    check_replaceable_sum(path)


def refuse_same(path: Path, keep: Path) -> None:
    """Refuse an output that would replace a checkpoint or its sum, also through links.

    Raises:
        CheckpointError: It would.
    """
    for made in (path, sum_path(path)):
        for kept in (keep, sum_path(keep)):
            with contextlib.suppress(OSError):
                if made.samefile(kept):
                    raise CheckpointError(
                        f"--out: {path} would replace {kept}, which the run starts from; "
                        "choose another name"
                    )


def load_checkpoint(path: Path, skeleton: Skeleton = KEYPOINTS_13) -> Checkpoint:
    """Read and check a checkpoint.

    Args:
        path: A file of ``save_checkpoint``.
        skeleton: The keypoints that it must have.

    Returns:
        The checkpoint; its weights fit the net that it names.

    Raises:
        CheckpointError: It is missing, damaged, no checkpoint, of another version or skeleton, or
            its weights don't fit.
    """
    return _load(path, _read(path), skeleton)


def load_resumable(
    path: Path, skeleton: Skeleton = KEYPOINTS_13
) -> tuple[Checkpoint, dict[str, Any]]:
    """Read and check a checkpoint together with what a resumed run needs.

    Args:
        path: The last.ckpt of a run.
        skeleton: The keypoints that it must have.

    Raises:
        CheckpointError: As ``load_checkpoint``, or nothing goes on from this file.
    """
    content = _read(path)
    checkpoint = _load(path, content, skeleton)
    resume = content.get("resume")
    if not isinstance(resume, dict):
        raise CheckpointError(
            f"{path}: has weights only, no state to resume from (an older kincap, or a best.ckpt); "
            f"start a new run with --init {path}"
        )
    return checkpoint, resume


def _load(path: Path, content: dict[str, Any], skeleton: Skeleton) -> Checkpoint:
    """Return the checkpoint of a file's content, checked."""
    version = content.get("format_version")
    wanted = CASCADE_VERSION if "cascade" in content else FORMAT_VERSION
    if not _equals(version, wanted):
        raise CheckpointError(
            f"{path}: checkpoint version {_short(version)}, this kincap reads {wanted}; "
            "upgrade kincap"
        )
    if not _equals(content.get("skeleton"), list(skeleton.points)):
        raise CheckpointError(f"{path}: {_skeleton_difference(content.get('skeleton'), skeleton)}")
    if not _equals(content.get("pixels"), PIXELS):
        raise CheckpointError(f"{path}: other pixels than this kincap feeds ({PIXELS})")
    checkpoint = _checked(path, content, skeleton)
    _check_weights(path, checkpoint)
    return checkpoint


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a file that kincap wrote, bytes checked, meaning not yet."""
    with open_whole(path) as file:
        try:
            content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception:
            # torch raises almost anything on files that others made; all mean the same to a person
            raise CheckpointError(f"{path}: not a checkpoint of kincap") from None
    if isinstance(content, dict) and _equals(content.get("format"), DETECTOR_FORMAT):
        raise CheckpointError(
            f"{path}: a detector of people, expected a net of poses; predict takes it as "
            f"--detector own:{path}"
        )
    if not isinstance(content, dict) or not _equals(content.get("format"), FORMAT):
        raise CheckpointError(f"{path}: not a checkpoint of kincap")
    return content


def _equals(found: object, wanted: object) -> bool:
    """Return True if a value of a file is of the wanted type and equal; tensors compare oddly."""
    if isinstance(wanted, dict):
        return (
            isinstance(found, dict)
            and found.keys() == wanted.keys()
            and all(_equals(found[key], value) for key, value in wanted.items())
        )
    if isinstance(wanted, list):
        return (
            isinstance(found, list)
            and len(found) == len(wanted)
            and all(map(_equals, found, wanted))
        )
    return type(found) is type(wanted) and found == wanted


def _short(found: object) -> str:
    """Return a value of a file in words: its text may be endless."""
    if isinstance(found, str):
        return repr(found[:_MOST_SHOWN])
    if isinstance(found, int | float) and abs(found) < _LARGEST_SHOWN:
        return str(found)
    return f"of type {type(found).__name__}"


def _skeleton_difference(found: object, wanted: Skeleton) -> str:
    """Return in one line how the keypoints of a file differ from those of a skeleton."""
    if not isinstance(found, list):
        return "no skeleton in it; not a checkpoint of kincap"
    if len(found) != len(wanted):
        return f"skeleton of {len(found)} keypoints, this kincap has {len(wanted)}"
    index = next(i for i, name in enumerate(wanted.points) if not _equals(found[i], name))
    return (
        f"skeleton differs: keypoint {index} is {_short(found[index])}, not "
        f"{wanted.points[index]!r}"
    )


def _checked(path: Path, content: dict[str, Any], skeleton: Skeleton) -> Checkpoint:
    """Return the content with every field's type checked."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "model": str, "width": (int, float), "size": int, "mirror_training": bool,
        "mean_pose": Tensor, "weights": dict, "trained": dict,
    }  # fmt: skip
    for name, kind in kinds.items():
        if not isinstance(content.get(name), kind):
            raise CheckpointError(f"{path}: {name} is missing or of another type")
    if content["model"] not in NETS:
        raise CheckpointError(
            f"{path}: model {_short(content['model'])} is not one of this kincap; "
            "`kincap nets` lists them"
        )
    for name in ("width", "size"):
        # a number of thousands of digits can be neither computed with nor printed
        if not abs(content[name]) < _LARGEST_SHOWN:
            raise CheckpointError(f"{path}: {name} is out of range")
    mean_pose, weights = content["mean_pose"], content["weights"]
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in weights.items()):
        raise CheckpointError(f"{path}: weights are not tensors by name")
    if not _is_plain(mean_pose) or not all(map(_is_weight, weights.items())):
        raise CheckpointError(f"{path}: weights are sparse, quantised or without values")
    wanted = (torch.float32, (len(skeleton), 2))
    if (mean_pose.dtype, mean_pose.shape) != wanted or not torch.isfinite(mean_pose).all():
        raise CheckpointError(f"{path}: mean_pose is not {len(skeleton)} finite points")
    cascade = None
    if "cascade" in content:
        try:
            cascade = cascade_of(content["cascade"], len(skeleton))
        except ValueError as error:
            raise CheckpointError(f"{path}: {error}") from None
        for stage in cascade.stages:
            if stage.model not in NETS or not all(map(_is_weight, stage.weights.items())):
                raise CheckpointError(f"{path}: cascade: the net of a stage can't be used")
        if not cascade.first_size <= content["size"] <= LARGEST_PX:
            raise CheckpointError(f"{path}: cascade: size is out of range")
    return Checkpoint(
        model=content["model"],
        width=float(content["width"]),
        size=content["size"],
        weights=weights,
        mean_pose=mean_pose,
        mirror_training=content["mirror_training"],
        trained=content["trained"],
        skeleton=skeleton,
        calibration=_calibration(path, content.get("calibration"), len(skeleton)),
        cascade=cascade,
    )


def _is_weight(entry: tuple[object, object]) -> bool:
    name, tensor = entry
    return isinstance(name, str) and isinstance(tensor, Tensor) and _is_plain(tensor)


def _calibration(path: Path, found: object, count: int) -> Calibration | None:
    """Return the calibration of a file, None where it has none (older files)."""
    if found is None:
        return None
    if (
        not isinstance(found, Tensor)
        or not _is_plain(found)
        or (found.dtype, tuple(found.shape)) != (torch.float64, (count, 2))
        or not torch.isfinite(found).all()
    ):
        raise CheckpointError(f"{path}: calibration is not {count} finite lines")
    offset, slope = found.numpy().T
    return Calibration(offset, slope)


def _is_plain(tensor: Tensor) -> bool:
    """Return True if a tensor's values are in this machine's memory, one after another."""
    return (
        tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    )


def _check_weights(path: Path, checkpoint: Checkpoint) -> None:
    """Compare names, shapes and types with the network's, without allocating it."""
    try:
        with torch.device("meta"):
            nets = checkpoint.build_fresh()
    except KincapError as error:
        # the net speaks of the flag that a person would have set; here the file holds the value
        raise CheckpointError(f"{path}: {str(error).removeprefix('--')}") from None
    models = [checkpoint.model, *(one.model for one in getattr(checkpoint.cascade, "stages", ()))]
    for net, weights, model in zip(nets, checkpoint.stage_weights(), models, strict=True):
        _check_net_weights(path, net, weights, model)


def _check_net_weights(path: Path, net: nn.Module, weights: dict[str, Tensor], model: str) -> None:
    """Compare the weights of one net with the net, which is on the meta device."""
    wanted = {name: _kind(tensor) for name, tensor in net.state_dict().items()}
    found = {name: _kind(tensor) for name, tensor in weights.items()}
    for name in wanted.keys() | found.keys():
        if wanted.get(name) != found.get(name):
            raise CheckpointError(
                f"{path}: {name[:_MOST_SHOWN]} is {found.get(name, 'missing')}, "
                f"{model} needs {wanted.get(name, 'no such tensor')}"
            )
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {name} has values that are not finite")
        if name.endswith("running_var") and (tensor < 0).any():
            # its root is not a number, so no pose would be one
            raise CheckpointError(f"{path}: {name} has negative variances")


def _kind(tensor: Tensor) -> str:
    """Return a tensor's shape and type in words."""
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
