"""Export a net of several people: its maps; people are assembled from them by kincap."""

from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ...engines.onnx_engine import open_session, to_pixels
from ...train.checkpoint import Checkpoint
from ...train.people.fit import STRIDE
from ..people.by_torch import LastMaps
from ..people.engine import FINDS, OUTPUTS, PEOPLE
from .onnx_file import BATCH, write_onnx

SHAPES: Final = ((1, 1.0), (2, 1.5))
"""Images and proportions that an exported file is checked on."""


def people_meta(meta: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata of a file, from those of a net of crops."""
    return {
        **{key: value for key, value in meta.items() if key not in ("crop", "calibrated")},
        FINDS: PEOPLE,
        "input": "pixels: (N, 3, H, W), RGB, (v - 127) / 128 of bytes v; an image H = size high, W "
        "a multiple of 8",
        "outputs": "joints: (N, K + 1, H/8, W/8), the last one the background; limbs: (N, 2 n, "
        "H/8, W/8), x and y of the direction of each of the bones",
    }


def write_people(path: Path, checkpoint: Checkpoint, meta: dict[str, Any], *, half: bool) -> None:
    """Write the ONNX file of a net of several people; it takes images of any multiple of 8.

    Raises:
        MissingPartError: A library of the export is not installed.
    """
    net = LastMaps(checkpoint).eval()
    pixels = torch.zeros(BATCH, 3, 8 * STRIDE, 12 * STRIDE)
    if half:
        net, pixels = net.half(), pixels.half()
    write_onnx(path, net, pixels, OUTPUTS, people_meta(meta), size_multiple=STRIDE)


def check_people_file(path: Path, checkpoint: Checkpoint) -> tuple[int, float, float]:
    """Compare a file with torch.

    Returns:
        Number of images, and the largest differences of joint maps and of limb maps.
    """
    net, session = LastMaps(checkpoint).eval(), open_session(path)
    half = session.get_inputs()[0].type == "tensor(float16)"
    rng, count, most = np.random.default_rng(0), 0, [0.0, 0.0]
    for images, proportion in SHAPES:
        height = min(checkpoint.size, 96)
        width = STRIDE * round(height * proportion / STRIDE)
        coarse = rng.integers(0, 256, (images, height // 8, width // 8, 3), np.uint8)
        pixels = to_pixels(coarse.repeat(8, axis=1).repeat(8, axis=2))
        with torch.inference_mode():
            wanted = [maps.numpy() for maps in net(torch.from_numpy(pixels))]
        given = pixels.astype(np.float16) if half else pixels
        found = session.run(list(OUTPUTS), {"pixels": given})
        off = [
            np.abs(a - np.asarray(b, np.float32)).max() for a, b in zip(wanted, found, strict=True)
        ]
        most = [
            max(a, float(b) if np.isfinite(b) else np.inf) for a, b in zip(most, off, strict=True)
        ]
        count += images
    return count, most[0], most[1]
