"""Run an exported net with onnxruntime, on one thread that does not spin.

Two threads burn many times the CPU time of one while they wait for each other, and a net for one
person is too small to gain from them.
"""

import json
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from ..core.errors import KincapError, MissingPartError
from .engine import Floats, Images, PoseResult

SCHEMA: Final = "kincap/net/1"
DETECTORS: Final = "kincap/detector/"
"""Beginning of the schema of a detector, see own_detector.py."""
META_KEY: Final = "kincap"
"""Key of the metadata of an exported file; its value is a JSON object."""
MEAN: Final = 127.0
DIVISOR: Final = 128.0


def open_session(path: Path, threads: int = 1) -> Any:
    """Open an ONNX file on the CPU.

    Args:
        path: The file.
        threads: Threads that compute one image.

    Returns:
        An ``onnxruntime.InferenceSession``.

    Raises:
        MissingPartError: onnxruntime is not installed.
        KincapError: The file is missing or not an ONNX model that onnxruntime runs.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingPartError(
            f"{path}: ONNX files need onnxruntime; pip install 'kincap[predict]'"
        ) from None
    if not path.is_file():
        raise KincapError(f"{path}: no such file; name a file of kincap export")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        # onnxruntime raises classes of its own that have no common base
        said = str(error).strip().splitlines()[0][:120] if str(error).strip() else "unknown error"
        raise KincapError(f"{path}: not an ONNX model that onnxruntime runs ({said})") from None


class OnnxPoseEngine:
    """A net that ``kincap export --format onnx`` wrote.

    Args:
        path: The file.
        threads: Threads that compute one image.

    Attributes:
        meta: Its metadata, as the export wrote them.
        session: The open file.

    Raises:
        MissingPartError: onnxruntime is not installed.
        KincapError: The file can't be read, or kincap did not export it.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        self.session = open_session(path, threads)
        self.meta = read_meta(path, self.session.get_modelmeta().custom_metadata_map)
        self.size = int(self.meta["size"])
        self.keypoint_names = tuple(map(str, self.meta["keypoints"]))
        self._input = self.session.get_inputs()[0]
        self._half = self._input.type == "tensor(float16)"
        self._pixels: Floats | None = None
        """Of the call before: a new array costs as much as filling it."""

    def poses(self, crops: Images) -> PoseResult:
        """Return the poses of crops (N, size, size, 3) uint8, RGB."""
        keypoints = len(self.keypoint_names)
        if not len(crops):
            return PoseResult(
                np.empty((0, keypoints, 2), np.float32), np.empty((0, keypoints), np.float32)
            )
        pixels = self._pixels = to_pixels(crops, self._pixels)
        if self._half:
            pixels = pixels.astype(np.float16)
        coords, confidence = self.session.run(["coords", "confidence"], {self._input.name: pixels})
        return PoseResult(np.asarray(coords, np.float32), np.asarray(confidence, np.float32))


def to_pixels(crops: Images, out: Floats | None = None) -> Floats:
    """Return (N, 3, S, S) float32 ``(v - 127) / 128`` of (N, S, S, 3) uint8 pictures.

    Args:
        crops: The pictures.
        out: The array to fill and to return if its shape fits; None: a new one.
    """
    shape = (len(crops), 3, *crops.shape[1:3])
    pixels = np.empty(shape, np.float32) if out is None or out.shape != shape else out
    for crop, planes in zip(np.ascontiguousarray(crops), pixels, strict=True):
        # exact: v / 128 and 127 / 128 need 7 bits after the point
        scaled = cv2.addWeighted(crop, 1 / DIVISOR, crop, 0, -MEAN / DIVISOR, dtype=cv2.CV_32F)
        cv2.split(scaled, list(planes))
    return pixels


def read_meta(path: Path, found: dict[str, str]) -> dict[str, Any]:
    """Return the metadata of an exported file.

    Raises:
        KincapError: There are none, or they are of another version.
    """
    if META_KEY not in found:
        raise KincapError(
            f"{path}: an ONNX file that kincap did not export; name one of kincap export"
        )
    try:
        meta = json.loads(found[META_KEY])
        if str(meta["schema"]).startswith(DETECTORS):
            raise KincapError(
                f"{path}: a detector of people, expected a net of poses; predict takes it as "
                f"--detector own:{path}"
            )
        schema, size, names = meta["schema"], meta["size"], meta["keypoints"]
    except (ValueError, KeyError, TypeError):
        raise KincapError(f"{path}: its metadata are damaged; export it again") from None
    if schema != SCHEMA:
        raise KincapError(f"{path}: exported as {schema!r}, this kincap reads {SCHEMA}")
    if not isinstance(size, int) or not isinstance(names, list) or not 1 <= size <= 4096:
        raise KincapError(f"{path}: its metadata are damaged; export it again")
    return dict(meta)
