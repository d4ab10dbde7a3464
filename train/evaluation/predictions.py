"""Predictions in a file: COCO results with what the review page needs to place them."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.files.output_folder import check_file_name
from ...dataset.kinect13.format import Meta
from ...dataset.kinect13.reader import Split
from ..checkpoint_files import READABLE

DECIMALS: Final = 3
FLAG: Final = "--save-predictions"
_MARK: Final = '"checkpoint_sha256"'
_HEAD: Final = 4096


@dataclass(frozen=True)
class PredictedPoses:
    """Poses of a net.

    Attributes:
        poses_px: (N, K, 2) float64, pixels of the un-mirrored colour images.
        confidence: (N, K) in [0, 1]; None: the net has none, every pose counts as sure.
        sha256: Of the checkpoint.
    """

    poses_px: npt.NDArray[np.float64]
    confidence: npt.NDArray[np.float64] | None
    sha256: str


def check_predictions(path: Path) -> None:
    """Refuse a file that can't be written, before work begins.

    Raises:
        KincapError: It is not named .json, is in no folder, or is a file of another kind.
    """
    check_file_name(FLAG, path, (".json",))
    if not os.path.lexists(path):
        return
    with path.open("rb") as file:
        is_own = _MARK.encode() in file.read(_HEAD)
    if not is_own:
        raise KincapError(
            f"{FLAG}: {path} exists and is not a file of predictions of kincap; choose another "
            "name or remove it"
        )


def save_predictions(path: Path, predicted: PredictedPoses, rows: Split, meta: Meta) -> None:
    """Write predictions, see docs/format.md 3.

    Args:
        path: The file.
        predicted: The poses.
        rows: The rows of the data set that they are of.
        meta: Of the data set.

    Raises:
        KincapError: It can't be written (exit 1).
    """
    uuids = {source.get("session"): source.get("uuid", "") for source in meta.sources}
    results: list[dict[str, Any]] = []
    is_number = np.asarray(np.isfinite(predicted.poses_px).all(axis=2))
    sure = is_number.astype(np.float64)
    if predicted.confidence is not None:
        sure = sure * predicted.confidence
    for n, pose in enumerate(predicted.poses_px):
        session = meta.sessions[int(rows.session[n])]
        points = np.where(is_number[n, :, None], pose, -1.0).round(DECIMALS)
        triples = np.column_stack([points, sure[n].round(DECIMALS)])
        results.append(
            {
                "checkpoint_sha256": predicted.sha256,
                "image_id": n + 1,
                "category_id": 1,
                "keypoints": triples.reshape(-1).tolist(),
                "score": round(float(sure[n].mean()), DECIMALS),
                "session": session,
                "session_uuid": str(uuids.get(session, "")),
                "take": int(rows.take[n]),
                "color_seq": int(rows.color_seq[n]),
                "slot": int(rows.slot[n]),
                # more digits than a number of JavaScript has
                "tracking_id": str(int(rows.tracking_id[n])),
            }
        )
    try:
        write_atomic(path, json.dumps(results, allow_nan=False).encode(), READABLE)
    except OSError as error:
        raise KincapError(
            f"{FLAG}: {path} can't be written ({error.strerror})", exit_code=1
        ) from None
