"""Data sets and predictions that the page shows beside the recordings: ``--data``, ``--pred``."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..core.errors import KincapError
from ..core.geometry import unmirror_points
from ..core.skeleton import KEYPOINTS, TORSO
from ..dataset.kinect13.format import LAYOUTS, SPLITS
from ..dataset.kinect13.reader import open_kinect13

MOST_FILES: Final = 3
MOST_BYTES: Final = 1 << 30
PREDICTION: Final = np.dtype(
    [
        ("seq", "<u8"), ("tracking_id", "<u8"), ("source", "u1"),
        ("keypoint_px", "<f4", (KEYPOINTS, 2)), ("confidence", "<f4", (KEYPOINTS,)),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Context:
    """Facts of other files about sessions, by the sessions' uuid.

    Attributes:
        data: Name of the data set, or None.
        splits: (N,) seq and (N,) 1 train, 2 val, 3 test, of a session.
        predictions: Names of the files of predictions.
        poses: PREDICTION rows of a session, by seq; pixels of the un-mirrored image.
    """

    data: str | None = None
    splits: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    predictions: tuple[str, ...] = ()
    poses: dict[str, np.ndarray] = field(default_factory=dict)

    def split_of(self, uuid: str, seqs: np.ndarray) -> np.ndarray:
        """Return (F,) the split of each frame, (0,) without a data set."""
        if self.data is None:
            return np.zeros(0, np.uint8)
        found = np.zeros(len(seqs), np.uint8)
        own, split = self.splits.get(uuid, (np.zeros(0, np.uint64), np.zeros(0, np.uint8)))
        at = np.searchsorted(seqs, own)
        inside = at < len(seqs)
        inside[inside] &= seqs[at[inside]] == own[inside]
        found[at[inside]] = split[inside]
        return found

    def poses_in(self, uuid: str) -> list[int]:
        """Return how many poses each file of predictions has in a session."""
        source = self.poses.get(uuid, np.zeros(0, PREDICTION))["source"]
        return [int((source == file).sum()) for file in range(len(self.predictions))]

    def poses_of(self, uuid: str, size_px: tuple[int, int], mirrored: bool) -> np.ndarray:
        """Return PREDICTION rows of a session, by seq, in pixels of the stored image."""
        rows = self.poses.get(uuid, np.zeros(0, PREDICTION))
        if mirrored and len(rows):
            rows = rows.copy()
            rows["keypoint_px"] = unmirror_points(rows["keypoint_px"], size_px[0])
        return rows


def load_context(data: Path | None, predictions: tuple[Path, ...]) -> Context:
    """Read a data set's tables and files of predictions.

    Raises:
        KincapError: One can't be read.
    """
    if len(predictions) > MOST_FILES:
        raise KincapError(f"--pred: {len(predictions)} files, at most {MOST_FILES} are shown")
    splits = {} if data is None else _splits(data)
    return Context(
        data=None if data is None else data.name,
        splits=splits,
        predictions=tuple(path.stem for path in predictions),
        poses=_poses(predictions),
    )


def _splits(data: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    with open_kinect13(data, layouts=LAYOUTS) as file:
        uuids = {one.get("session"): str(one.get("uuid", "")) for one in file.meta.sources}
        for number, split in enumerate(SPLITS, start=1):
            if split not in file.splits:
                continue
            rows = file.split(split)
            session, seq = np.asarray(rows.session), np.asarray(rows.color_seq)
            for place, name in enumerate(file.meta.sessions):
                own = np.unique(seq[session == place]).astype(np.uint64)
                found.setdefault(uuids.get(name, ""), []).append(
                    (own, np.full(len(own), number, np.uint8))
                )
    return {
        uuid: (np.concatenate([a for a, _ in parts]), np.concatenate([b for _, b in parts]))
        for uuid, parts in found.items()
    }


def _poses(paths: tuple[Path, ...]) -> dict[str, np.ndarray]:
    found: dict[str, list[np.ndarray]] = {}
    for source, path in enumerate(paths):
        for one in _read(path):
            try:
                row = _row(one, source)
                found.setdefault(str(one["session_uuid"]), []).append(row)
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                raise KincapError(
                    f"--pred {path}: not predictions of sessions ({error}); expected a file of "
                    "kincap evaluate --save-predictions"
                ) from error
    joined = {uuid: np.concatenate(rows) for uuid, rows in found.items()}
    return {uuid: rows[np.argsort(rows["seq"], kind="stable")] for uuid, rows in joined.items()}


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise KincapError(f"--pred {path}: larger than 1 GiB")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise KincapError(f"--pred {path}: {error.strerror or error}; name a file") from error
    except (ValueError, RecursionError) as error:
        raise KincapError(f"--pred {path}: not valid JSON ({error})") from error
    if not isinstance(found, list):
        raise KincapError(f"--pred {path}: expected a list of COCO results")
    return found


def _row(one: dict[str, Any], source: int) -> np.ndarray:
    row = np.zeros(1, PREDICTION)
    row["seq"], row["tracking_id"], row["source"] = (
        one["color_seq"],
        int(one["tracking_id"]),
        source,
    )
    triples = np.array(one["keypoints"], np.float64).reshape(KEYPOINTS, 3)
    row["keypoint_px"] = np.where(triples[:, 2:] > 0, triples[:, :2], np.nan)
    row["confidence"] = triples[:, 2]
    return row


def errors_of(poses: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (P, 13) distances between poses and labels, in torsos of the labels.

    Args:
        poses: (P, 13, 2) pixels.
        labels: (P, 13, 2) pixels; NaN where there is no label.
    """
    with np.errstate(all="ignore"):
        torso = np.linalg.norm(labels[:, TORSO[0]] - labels[:, TORSO[1]], axis=-1)
        torso = np.where(torso > 0, torso, np.nan)
        distance = np.linalg.norm(poses - labels, axis=-1) / torso[:, None]
    return np.asarray(distance, np.float32)
