"""COCO keypoint results of a run."""

import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import KincapError
from ...core.files.file_io import write_atomic
from ...core.files.output_folder import check_file_name
from ...train.checkpoint_files import READABLE
from .frame_poses import FramePoses

FLAG: Final = "--coco"
PERSON: Final = 1
"""COCO's category of a person."""


class CocoResults:
    """Collects results; the file is written by ``close``.

    Args:
        path: The file, .json.
        earlier: Names of the pictures of the run that goes on: its file is replaced.

    Raises:
        KincapError: Its name ends otherwise, another file exists, or its folder does not.
    """

    def __init__(self, path: Path, earlier: Collection[str] = ()) -> None:
        check_file_name(FLAG, path, (".json",))
        if os.path.lexists(path) and not _is_of(path, earlier):
            raise KincapError(f"{FLAG}: {path} exists; choose another name or remove it")
        self.path = path
        self._results: list[dict[str, Any]] = []

    def add(self, frame: FramePoses) -> None:
        """Add the people of a frame; its image id is the frame's number."""
        # as a line of poses has them: a run that goes on takes the others from there
        for person in FramePoses.from_json(frame.to_json()).people:
            pose = np.column_stack([person.keypoints_px, person.confidence])
            pose = np.where(np.isfinite(pose).all(axis=1, keepdims=True), pose, 0)
            low, high = (end(person.keypoints_px, axis=0) for end in (np.nanmin, np.nanmax))
            self._results.append(
                {
                    "image_id": frame.number,
                    **({"file_name": frame.name} if frame.name else {}),
                    "category_id": PERSON,
                    "keypoints": np.round(pose, 3).ravel().tolist(),
                    "bbox": np.round(np.concatenate([low, high - low]), 2).tolist(),
                    "score": round(person.score, 5),
                    "track_id": person.id,
                }
            )

    def close(self) -> None:
        """Write the file.

        Raises:
            KincapError: It can't be written (exit 1).
        """
        data = json.dumps(self._results, separators=(",", ":")).encode()
        try:
            write_atomic(self.path, data, READABLE)
        except OSError as error:
            raise KincapError(
                f"{FLAG}: {self.path} can't be written ({error.strerror})", exit_code=1
            ) from None


def _is_of(path: Path, earlier: Collection[str]) -> bool:
    """Return True if a file has results of an earlier run and of nothing else."""
    try:
        found = json.loads(path.read_bytes()) if earlier else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(found, list) and all(
        isinstance(one, dict) and "track_id" in one and one.get("file_name") in earlier
        for one in found
    )
