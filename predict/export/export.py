"""Export a trained net: one file, checked against torch on real crops before it is kept."""

import io
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ... import __version__
from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.files.output_folder import check_parent
from ...core.geometry import BOX_SCALE
from ...dataset.kinect13.reader import open_kinect13
from ...engines.engine import Images, PoseEngine, PoseResult
from ...engines.onnx_engine import META_KEY, SCHEMA, OnnxPoseEngine
from ...engines.openvino_engine import OpenVinoPoseEngine, save_openvino
from ...train.checkpoint import Checkpoint, load_checkpoint
from ...train.checkpoint_files import READABLE
from ...train.data import load_samples
from ...train.detect.checkpoint import is_detector, load_detector
from ...train.nets.registry import finds_people, takes_pose
from ...train.run.run_plan import check_space
from ..deployed_net import DeployedNet, torch_engine
from .detector_export import check_detector_file, write_detector
from .formats import NET_FORMATS, SUFFIX
from .int8 import MOST_LOSS_POINTS, calibration_crops, pck_of, quantize
from .onnx_file import BATCH, quiet, set_meta, write_onnx
from .people_export import check_people_file, write_people
from .quick_norms import net_to_export

MOST_DIFFERENCE: Final = 1e-4
"""Largest difference from torch of an exported float32 file, crop units."""
MOST_DIFFERENCE_HALF: Final = 2e-3
"""The same for float16."""
PARITY_CROPS: Final = 64
_GRAPH_BYTES: Final = 1 << 20
WEIGHTS: Final = ".bin"
"""Ending of the file of weights beside an OpenVINO file."""


@dataclass(frozen=True)
class ExportNetSettings:
    """Settings of an export.

    Attributes:
        weights: The checkpoint.
        format: A name in ``NET_FORMATS``.
        out: The file to make; None: beside the checkpoint, under its name.
        data: A data set whose validation crops the file is checked on; None: made-up crops.
        half: True for float16 weights and, in ONNX, float16 arithmetic.
        int8: True for 8-bit convolutions and linear layers; needs ``data``.
    """

    weights: Path
    format: str
    out: Path | None = None
    data: Path | None = None
    half: bool = False
    int8: bool = False


@dataclass(frozen=True)
class ExportNetResult:
    """An exported file and its check.

    Attributes:
        out: The file.
        format: Its format.
        bytes: Its size.
        crops: Number of crops that it was checked on.
        checked_on: ``"made-up crops"`` or the name of the data set.
        difference: Largest difference from torch, crop units.
        confidence_difference: Largest difference of a confidence.
        pck: PCK@0.1 in percent on the data set, before and after int8; None otherwise.
    """

    out: Path
    format: str
    bytes: int
    crops: int
    checked_on: str
    difference: float
    confidence_difference: float
    pck: tuple[float, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``."""
        return {
            "schema": "kincap/export-net/1",
            "out": str(self.out),
            "format": self.format,
            "bytes": self.bytes,
            "crops": self.crops,
            "checked_on": self.checked_on,
            "difference": self.difference,
            "confidence_difference": self.confidence_difference,
            "pck_before_int8": None if self.pck is None else self.pck[0],
            "pck": None if self.pck is None else self.pck[1],
        }


def export_net(settings: ExportNetSettings) -> ExportNetResult:
    """Export a checkpoint; the file appears only after it was found equal to torch.

    Raises:
        CheckpointError: The checkpoint can't be used.
        KincapError: The format does not exist, the file would replace one of another kind, or
            the exported net differs from torch, or the file can't be written (exit 1).
        MissingPartError: A library of the export is not installed.
    """
    try:
        return _export(settings)
    except OSError as error:
        out = settings.out or settings.weights.with_suffix(SUFFIX[settings.format])
        raise KincapError(
            f"--out: {out} can't be written ({error.strerror}); make room, or name a file in "
            "another folder",
            exit_code=1,
        ) from None


def _export(settings: ExportNetSettings) -> ExportNetResult:
    """Check, export and compare; see ``export_net``."""
    if settings.format not in NET_FORMATS:
        raise KincapError(
            f"--format: there is no {settings.format!r} for a checkpoint; choose one of "
            f"{', '.join(NET_FORMATS)}"
        )
    _check_precision(settings)
    suffix = SUFFIX[settings.format]
    out = settings.out or settings.weights.with_suffix(suffix)
    check_parent("--out", out, KincapError)
    if out.suffix != suffix:
        raise KincapError(f"--out: {out} must end in {suffix} for --format {settings.format}")
    if os.path.lexists(out) and (settings.out is None or not out.is_file()):
        raise KincapError(f"{out} exists; name another file with --out, or remove it")
    weights = out.with_suffix(WEIGHTS)
    if settings.format == "openvino" and os.path.lexists(weights) and not out.is_file():
        raise KincapError(f"{weights} exists; name another file with --out, or remove it")
    if is_detector(settings.weights):
        return _export_detector(settings, out)
    checkpoint = load_checkpoint(settings.weights)
    _check_room(out, *checkpoint.stage_weights())
    if finds_people(checkpoint.model):
        return _export_people(settings, checkpoint, out)
    if takes_pose(checkpoint.model):
        raise KincapError(
            f"{settings.weights}: {checkpoint.model} takes the pose of the frame before, which "
            "exported files have no input for; give the checkpoint to kincap predict, or export a "
            "compact net"
        )
    crops, checked_on = _crops(settings.data, checkpoint)
    pck = None
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".kincap-export-") as folder:
        made = Path(folder) / f"net{suffix}"
        engine = _make(made, checkpoint, settings)
        there = torch_engine(checkpoint, torch.device("cpu"))
        difference, of_confidence = _compare(there.poses(crops), engine.poses(crops))
        if settings.int8:
            assert settings.data is not None
            pck = _refuse_loss(settings, pck_of([there, engine], settings.data, checkpoint))
        else:
            _refuse_difference(settings, difference)
        data = made.read_bytes()
        if settings.format == "openvino":
            # the weights first: an .xml without them can't be read
            _write(out.with_suffix(WEIGHTS), made.with_suffix(WEIGHTS).read_bytes())
    _write(out, data)
    return ExportNetResult(
        out, settings.format, len(data), len(crops), checked_on, difference, of_confidence, pck
    )


def _check_room(out: Path, *nets: Mapping[str, torch.Tensor]) -> None:
    """Refuse an export that has no room: libraries that write to a full disk end the process.

    Raises:
        KincapError: There is less than the file, what it is made from and a copy of it take.
    """
    values = sum(one.numel() * one.element_size() for net in nets for one in net.values())
    check_space("--out", out.parent, 3 * values + _GRAPH_BYTES, "the file needs")


def _check_precision(settings: ExportNetSettings) -> None:
    """Refuse flags of precision that do not go together."""
    if settings.half and settings.format not in ("onnx", "openvino"):
        raise KincapError("--half: only for --format onnx and openvino")
    if settings.int8 and (settings.format != "onnx" or settings.half):
        raise KincapError("--int8: only for --format onnx, without --half")
    if settings.int8 and settings.data is None:
        raise KincapError(
            "--int8: needs --data, a data set to calibrate on and to measure PCK before and after"
        )


def _make(made: Path, checkpoint: Checkpoint, settings: ExportNetSettings) -> PoseEngine:
    """Write the file of a format and return the engine that runs it."""
    if settings.format == "torchscript":
        _write_torchscript(made, checkpoint)
        return _TorchScriptEngine(made, checkpoint)
    plain = made.with_name("plain.onnx")
    if settings.format == "openvino":
        _write_onnx(plain, checkpoint, half=False)
        save_openvino(plain, made, metadata(checkpoint, settings), half=settings.half)
        return OpenVinoPoseEngine(made)
    if settings.int8:
        _write_onnx(plain, checkpoint, half=False)
        assert settings.data is not None
        quantize(plain, made, calibration_crops(settings.data, checkpoint))
        set_meta(made, metadata(checkpoint, settings))
    else:
        _write_onnx(made, checkpoint, half=settings.half)
    return OnnxPoseEngine(made)


def _refuse_loss(settings: ExportNetSettings, found: list[float]) -> tuple[float, float]:
    """Refuse an int8 file that lost too much; return PCK before and after."""
    before, after = found
    if before - after > MOST_LOSS_POINTS:
        raise KincapError(
            f"{settings.weights}: PCK@0.1 falls from {before:.2f} to {after:.2f} % with int8, by "
            f"more than {MOST_LOSS_POINTS} points; nothing was written: export without --int8",
            exit_code=1,
        )
    return before, after


def _export_detector(settings: ExportNetSettings, out: Path) -> ExportNetResult:
    """Export a detector of people."""
    if settings.format != "onnx" or settings.half or settings.int8 or settings.data:
        raise KincapError(
            f"{settings.weights}: a detector; it is exported with --format onnx, without --half, "
            "--int8 and --data"
        )
    detector = load_detector(settings.weights)
    _check_room(out, detector.weights)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".kincap-export-") as folder:
        made = Path(folder) / "net.onnx"
        write_detector(made, detector)
        images, difference, of_scores = check_detector_file(made, detector)
        _refuse_difference(settings, difference)
        data = made.read_bytes()
    _write(out, data)
    return ExportNetResult(
        out, settings.format, len(data), images, "made-up crops", difference, of_scores
    )


def _export_people(
    settings: ExportNetSettings, checkpoint: Checkpoint, out: Path
) -> ExportNetResult:
    """Export a net that finds everyone in whole images."""
    if settings.format != "onnx" or settings.int8 or settings.data:
        raise KincapError(
            f"{settings.weights}: a net of several people; it is exported with --format onnx, "
            "without --int8 and --data"
        )
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".kincap-export-") as folder:
        made = Path(folder) / "net.onnx"
        write_people(made, checkpoint, metadata(checkpoint, settings), half=settings.half)
        images, of_joints, of_limbs = check_people_file(made, checkpoint)
        _refuse_difference(settings, max(of_joints, of_limbs))
        data = made.read_bytes()
    _write(out, data)
    return ExportNetResult(
        out, settings.format, len(data), images, "made-up images", of_joints, of_limbs
    )


def _refuse_difference(settings: ExportNetSettings, difference: float) -> None:
    """Refuse a file that is not equal to torch."""
    limit = MOST_DIFFERENCE_HALF if settings.half else MOST_DIFFERENCE
    if not difference <= limit:
        raise KincapError(
            f"{settings.weights}: the exported net differs from torch by {difference:.2g} crop "
            f"units, more than {limit:g}; nothing was written",
            exit_code=1,
        )


def _write(out: Path, data: bytes) -> None:
    try:
        write_atomic(out, data, READABLE)
    except OSError as error:
        raise KincapError(f"{out} can't be written ({error.strerror})", exit_code=1) from None


def metadata(checkpoint: Checkpoint, settings: ExportNetSettings | None = None) -> dict[str, Any]:
    """Return the metadata of an exported file."""
    half, int8 = (settings.half, settings.int8) if settings else (False, False)
    skeleton = checkpoint.skeleton
    return {
        "schema": SCHEMA,
        "kincap_version": __version__,
        "torch_version": torch.__version__,
        "model": checkpoint.model,
        "width": checkpoint.width,
        "size": checkpoint.size,
        "precision": "int8" if int8 else "float16" if half else "float32",
        "input": "pixels: (N, 3, S, S), RGB, (v - 127) / 128 of bytes v",
        "outputs": "coords: (N, K, 2), x and y, 0 and 1 are the crop's edges; confidence: (N, K)",
        "crop": f"the tight box of the keypoints x {BOX_SCALE}, squared; black outside the image",
        "skeleton": skeleton.name,
        "keypoints": list(skeleton.points),
        "bones": [list(pair) for pair in skeleton.bones],
        "flip": skeleton.flip.tolist(),
        "mirror_training": checkpoint.mirror_training,
        "calibrated": checkpoint.calibration is not None,
    }


def _crops(data: Path | None, checkpoint: Checkpoint) -> tuple[Images, str]:
    """Return the crops that an export is checked on, and where they are from."""
    if data is None:
        rng = np.random.default_rng(0)
        # smooth pictures: noise of single pixels looks like nothing that a net was trained on
        coarse = rng.integers(0, 256, (PARITY_CROPS, 8, 8, 3), np.uint8)
        times = -(-checkpoint.size // 8)
        fine = coarse.repeat(times, axis=1).repeat(times, axis=2)
        return np.ascontiguousarray(fine[:, : checkpoint.size, : checkpoint.size]), "made-up crops"
    with open_kinect13(data, checkpoint.skeleton) as dataset:
        split = "val" if "val" in dataset.splits else dataset.splits[0]
        samples = load_samples(dataset, split, checkpoint.size, in_memory=False)
        chosen = np.unique(np.linspace(0, len(samples) - 1, PARITY_CROPS).astype(np.int64))
        return samples.images(chosen), f"{data.name}, {split}"


def _compare(wanted: PoseResult, found: PoseResult) -> tuple[float, float]:
    """Return the largest difference of coordinates and of confidences; infinite for NaN."""
    pairs = (wanted.coords, found.coords), (wanted.confidence, found.confidence)
    most = [float(np.abs(a - b).max()) for a, b in pairs]
    coords, confidence = (value if np.isfinite(value) else float("inf") for value in most)
    return coords, confidence


def _write_onnx(path: Path, checkpoint: Checkpoint, *, half: bool) -> None:
    """Write one ONNX file with its metadata."""
    net = net_to_export(checkpoint)
    pixels = torch.zeros(BATCH, 3, checkpoint.size, checkpoint.size)
    if half:
        net, pixels = net.half(), pixels.half()
    precision = ExportNetSettings(path, "onnx", half=half)
    write_onnx(path, net, pixels, ("coords", "confidence"), metadata(checkpoint, precision))


def _write_torchscript(path: Path, checkpoint: Checkpoint) -> None:
    """Write one TorchScript file with its metadata."""
    net = DeployedNet(checkpoint).eval()
    pixels = torch.zeros(BATCH, 3, checkpoint.size, checkpoint.size)
    with quiet(), torch.inference_mode(mode=False), torch.no_grad():
        # torch has no types for its older exporter
        traced: Any = torch.jit.trace(net, (pixels,))  # type: ignore[no-untyped-call]
        meta = json.dumps(metadata(checkpoint))
        # not by its name: on a disk that is full, torch would end the process
        file = io.BytesIO()
        torch.jit.save(traced, file, _extra_files={META_KEY: meta})
    path.write_bytes(file.getbuffer())


class _TorchScriptEngine:
    """Runs a TorchScript file, to check it."""

    def __init__(self, path: Path, checkpoint: Checkpoint) -> None:
        from ...engines.torch_engine import TorchPoseEngine

        self.size, self.keypoint_names = checkpoint.size, checkpoint.skeleton.points
        with quiet():
            module: Any = torch.jit.load(str(path))  # type: ignore[no-untyped-call]
        self._engine = TorchPoseEngine(module, self.size, self.keypoint_names, torch.device("cpu"))

    def poses(self, crops: Images) -> PoseResult:
        """Return the poses of crops."""
        return self._engine.poses(crops)
