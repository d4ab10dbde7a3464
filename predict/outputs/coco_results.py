"""COCO keypoint results of a run."""

import json
import os
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

    Raises:
        KincapError: Its name ends otherwise, it exists, or its folder does not.
    """

    def __init__(self, path: Path) -> None:
        check_file_name(FLAG, path, (".json",))
        if os.path.lexists(path):
            raise KincapError(f"{FLAG}: {path} exists; choose another name or remove it")
        self.path = path
        self._results: list[dict[str, Any]] = []

    def add(self, frame: FramePoses) -> None:
        """Add the people of a frame; its image id is the frame's number."""
        for person in frame.people:
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
