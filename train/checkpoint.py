"""Checkpoints: weights with what is needed to use them, and nothing that can run.

A checkpoint is a file of ``torch.save`` with plain tensors, numbers, text and dicts, read with
``weights_only=True``. Beside it lies ``NAME.sha256`` (readable by ``sha256sum -c``), checked
wherever it is present; the file's own check sums are checked always, since torch loads most
flipped bits without a word.
"""

import hashlib
import io
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from .. import __version__
from ..core.errors import CheckpointError, KincapError
from ..core.files.file_io import write_atomic
from ..core.skeleton import KEYPOINT_NAMES, KEYPOINTS
from .nets import build_net

FORMAT: Final = "kincap-checkpoint"
FORMAT_VERSION: Final = 1
PIXELS: Final[dict[str, Any]] = {"order": "RGB", "subtract": 127, "divide": 128}
"""How stored bytes become the network's input."""

MOST_BYTES: Final = 4 << 30
"""Larger files are refused unread; the largest network here is a tenth of it."""

READABLE: Final = 0o644
"""Networks are made to be handed on, unlike recordings."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained network at rest.

    Attributes:
        model: Which network, see ``train.nets.MODELS``.
        width: Factor on its channels.
        size: Side of its square input, pixels.
        weights: Its parameters and buffers by name, on the CPU.
        mean_pose: (13, 2) float32, the mean of the targets it was trained on, crop units.
        mirror_training: Whether it has seen mirrored copies; averaging over a mirrored copy hurts
            a network that has not.
        trained: How it was made (kind, steps, seed, data, scores): for people, not for code.
    """

    model: str
    width: float
    size: int
    weights: dict[str, Tensor]
    mean_pose: Tensor
    mirror_training: bool
    trained: dict[str, Any] = field(default_factory=dict)

    def build(self) -> nn.Module:
        """Return the network with these weights, in evaluation mode."""
        net = build_net(self.model, self.width, self.size)
        net.load_state_dict(self.weights)
        return net.eval()


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint and its SHA-256; an older file of that name is replaced at once.

    Args:
        path: Where to; the folder exists.
        checkpoint: What to write.
    """
    buffer = io.BytesIO()
    torch.save(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "kincap_version": __version__,
            "skeleton": list(KEYPOINT_NAMES),
            "pixels": dict(PIXELS),
            "model": checkpoint.model,
            "width": checkpoint.width,
            "size": checkpoint.size,
            "mirror_training": checkpoint.mirror_training,
            "mean_pose": checkpoint.mean_pose,
            "weights": checkpoint.weights,
            "trained": checkpoint.trained,
        },
        buffer,
    )
    _write_pair(path, buffer.getbuffer())


def copy_checkpoint(source: Path, target: Path) -> None:
    """Copy a checkpoint and write its SHA-256 anew, under the target's name."""
    _write_pair(target, memoryview(source.read_bytes()))


def check_output(path: Path) -> None:
    """Refuse to write where something lies that kincap did not make.

    Args:
        path: The ``--out`` of a run.

    Raises:
        CheckpointError: It is a folder, lies in none, or is a file that is no checkpoint of kincap.
    """
    if not path.parent.is_dir():
        raise CheckpointError(f"--out: there is no folder {path.parent}; make it first")
    if not os.access(path.parent, os.W_OK):
        raise CheckpointError(f"--out: the folder of {path} can't be written to; take another")
    if path.is_dir():
        raise CheckpointError(f"--out: {path} is a folder; name a file")
    if path.exists():
        try:
            _read(path)
        except CheckpointError:
            raise CheckpointError(
                f"--out: {path} exists and is no whole checkpoint of kincap; "
                "choose another name or remove it"
            ) from None


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and check a checkpoint.

    Args:
        path: A file of ``save_checkpoint``.

    Returns:
        The checkpoint; its weights fit the network that it names.

    Raises:
        CheckpointError: It is missing, damaged, no checkpoint, of another version or skeleton, or
            its weights don't fit.
    """
    content = _read(path)
    version = content.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: checkpoint version {version}, this kincap reads {FORMAT_VERSION}; "
            "upgrade kincap"
        )
    if content.get("skeleton") != list(KEYPOINT_NAMES):
        raise CheckpointError(f"{path}: {_skeleton_difference(content.get('skeleton'))}")
    if content.get("pixels") != PIXELS:
        raise CheckpointError(
            f"{path}: pixels are {content.get('pixels')}, this kincap feeds {PIXELS}"
        )
    checkpoint = _checked(path, content)
    _check_weights(path, checkpoint)
    return checkpoint


def _write_pair(path: Path, data: memoryview) -> None:
    """Write a file and its SHA-256; at no moment is there a sum that isn't the file's."""
    digest_path = path.with_name(path.name + ".sha256")
    digest_path.unlink(missing_ok=True)
    write_atomic(path, data, READABLE)
    line = f"{hashlib.sha256(data).hexdigest()}  {path.name}\n"
    write_atomic(digest_path, line.encode(), READABLE)


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a file that kincap wrote, bytes checked, meaning not yet."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise CheckpointError(f"{path}: larger than any checkpoint of kincap")
        data = path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file; expected a checkpoint (.ckpt)") from None
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror}; expected a checkpoint") from None
    if not data:
        raise CheckpointError(f"{path}: empty; expected a checkpoint")
    _check_digest(path, data)
    _check_archive(path, data)
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception:
        # torch raises almost anything on files that others made; all mean the same to a person
        raise CheckpointError(f"{path}: not a checkpoint of kincap") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of kincap")
    return content


def _check_digest(path: Path, data: bytes) -> None:
    """Compare the file with the SHA-256 beside it, where there is one."""
    digest_path = path.with_name(path.name + ".sha256")
    try:
        words = digest_path.read_text(encoding="utf-8").split()
    except (FileNotFoundError, UnicodeDecodeError):
        words = [] if not digest_path.exists() else ["unreadable"]
    if words and words[0] != hashlib.sha256(data).hexdigest():
        raise CheckpointError(
            f"{path}: damaged: its SHA-256 is not the one in {digest_path.name}; "
            "copy both files again from where they were made"
        )


def _check_archive(path: Path, data: bytes) -> None:
    """Check the zip archive that torch writes: whole, stored plainly, every check sum right."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
                raise CheckpointError(f"{path}: not a checkpoint of kincap (compressed)")
            damaged = archive.testzip()
    except CheckpointError:
        raise
    except Exception:
        # zipfile raises a dozen kinds of error on damaged archives
        raise CheckpointError(f"{path}: truncated, damaged, or not a checkpoint") from None
    if damaged is not None:
        raise CheckpointError(f"{path}: damaged: {damaged} has a wrong check sum")


def _skeleton_difference(found: object) -> str:
    """Say in one line how a skeleton differs from the 13 keypoints."""
    if not isinstance(found, list):
        return "no skeleton in it; not a checkpoint of kincap"
    if len(found) != KEYPOINTS:
        return f"skeleton of {len(found)} keypoints, this kincap has {KEYPOINTS}"
    index = next(i for i, name in enumerate(KEYPOINT_NAMES) if found[i] != name)
    return f"skeleton differs: keypoint {index} is {found[index]!r}, not {KEYPOINT_NAMES[index]!r}"


def _checked(path: Path, content: dict[str, Any]) -> Checkpoint:
    """Return the content with every field's type checked."""
    kinds: dict[str, type | tuple[type, ...]] = {
        "model": str, "width": (int, float), "size": int, "mirror_training": bool,
        "mean_pose": Tensor, "weights": dict, "trained": dict,
    }  # fmt: skip
    for name, kind in kinds.items():
        if not isinstance(content.get(name), kind):
            raise CheckpointError(f"{path}: {name} is missing or of another type")
    mean_pose, weights = content["mean_pose"], content["weights"]
    if not all(isinstance(k, str) and isinstance(v, Tensor) for k, v in weights.items()):
        raise CheckpointError(f"{path}: weights are not tensors by name")
    if not all(_is_plain(tensor) for tensor in (mean_pose, *weights.values())):
        raise CheckpointError(f"{path}: weights are sparse, quantised or without values")
    wanted = (torch.float32, (KEYPOINTS, 2))
    if (mean_pose.dtype, mean_pose.shape) != wanted or not torch.isfinite(mean_pose).all():
        raise CheckpointError(f"{path}: mean_pose is not {KEYPOINTS} finite points")
    return Checkpoint(
        model=content["model"],
        width=float(content["width"]),
        size=content["size"],
        weights=weights,
        mean_pose=mean_pose,
        mirror_training=content["mirror_training"],
        trained=content["trained"],
    )


def _is_plain(tensor: Tensor) -> bool:
    """Say whether a tensor's values lie one after another in this machine's memory."""
    return (
        tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
    )


def _check_weights(path: Path, checkpoint: Checkpoint) -> None:
    """Compare names, shapes and types with the network's, without allocating it."""
    try:
        with torch.device("meta"):
            net = build_net(checkpoint.model, checkpoint.width, checkpoint.size)
    except KincapError as error:
        # the net speaks of the flag that a person would have set; here the file holds the value
        raise CheckpointError(f"{path}: {str(error).removeprefix('--')}") from None
    wanted = {name: _kind(tensor) for name, tensor in net.state_dict().items()}
    found = {name: _kind(tensor) for name, tensor in checkpoint.weights.items()}
    for name in wanted.keys() | found.keys():
        if wanted.get(name) != found.get(name):
            raise CheckpointError(
                f"{path}: {name} is {found.get(name, 'missing')}, "
                f"{checkpoint.model} needs {wanted.get(name, 'no such tensor')}"
            )
    for name, tensor in checkpoint.weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path}: {name} holds numbers that are not finite")


def _kind(tensor: Tensor) -> str:
    """Return a tensor's shape and type in words."""
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
