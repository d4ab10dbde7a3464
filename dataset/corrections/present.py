"""Present labels: those of the exported file, or else of the session with its edits."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.geometry import Floats
from ...core.pairing import NO_BODY, pair_nearest, pair_within
from ...core.skeleton import KEYPOINT_NAMES
from ...sessions.edits.labels import edit_labels
from .. import filters
from ..export.csv import LABELS_CSV
from ..export.output_folder import MARK, SCHEMA
from ..filters import FilterSettings
from ..session_data import Recording


@dataclass(frozen=True)
class PresentLabels:
    """The labels of N people in frames.

    Attributes:
        is_there: (N,) bool, the frame has such a person.
        points: (N, 13, 2) pixels of the image as stored.
        visibility: (N, 13) uint8.
    """

    is_there: NDArray[np.bool_]
    points: Floats
    visibility: NDArray[np.uint8]


def present_labels(
    recording: Recording, seq: Sequence[int], tracking_id: Sequence[int]
) -> PresentLabels:
    """Return the labels that a build would take now, before its filters.

    Args:
        recording: The session's tables.
        seq: N colour frames.
        tracking_id: N people.
    """
    color, bodies = recording.color, recording.bodies
    seqs, people = np.array(seq, np.uint64), np.array(tracking_id, np.uint64)
    frame = np.minimum(np.searchsorted(color["seq"], seqs), max(len(color) - 1, 0))
    is_there = np.zeros(len(seqs), np.bool_)
    points = np.full((len(seqs), len(KEYPOINT_NAMES), 2), np.nan)
    visibility = np.zeros(points.shape[:2], np.uint8)
    if not len(color) or not len(bodies.seq):
        return PresentLabels(is_there, points, visibility)
    rows = color[frame]
    body, _ = pair_nearest(
        rows["take"], rows["time_device"], bodies.take, bodies.time_device,
        pair_within(recording.info.shape.tick_100ns),
    )  # fmt: skip
    found = (bodies.tracking_id[body] == people[:, None]) & bodies.tracked[body]
    is_there = (rows["seq"] == seqs) & (body != NO_BODY) & found.any(axis=1)
    at = np.flatnonzero(is_there)
    row, slot = body[at], found[at].argmax(axis=1)
    edited = edit_labels(
        recording.edits.labels, seqs[at], people[at], bodies.points[row, slot],
        bodies.state[row, slot],
    )  # fmt: skip
    flags = filters.keypoint_flags(
        edited.points, edited.state, bodies.clipped_edges[row, slot], recording.size_px,
        FilterSettings(),
    )  # fmt: skip
    flags = filters.edited_flags(flags, edited, recording.size_px)
    points[at] = edited.points
    visibility[at] = filters.edited_visibility(flags, edited, recording.size_px)
    return PresentLabels(is_there, points, visibility)


def find_export(file: Path) -> Path | None:
    """Return the exported folder that a corrected file is in, or None."""
    for folder in file.absolute().parents[:3]:
        if (folder / MARK).is_file() and (folder / LABELS_CSV).is_file():
            return folder
    return None


def exported_labels(folder: Path) -> dict[str, tuple[Floats, NDArray[np.uint8]]]:
    """Return the labels that an export wrote.

    Args:
        folder: What ``kincap export`` made.

    Returns:
        By picture's name without ending (13, 2) pixels of the picture and (13,) visibility.

    Raises:
        DatasetError: It is not an exported folder.
    """
    try:
        if json.loads((folder / MARK).read_bytes())["schema"] != SCHEMA:
            raise ValueError(MARK)
        found = {}
        with (folder / LABELS_CSV).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                points = [
                    [float(row[f"{name}_{axis}"] or "nan") for axis in "xy"]
                    for name in KEYPOINT_NAMES
                ]
                visibility = [int(row[f"{name}_visibility"]) for name in KEYPOINT_NAMES]
                stem = row["picture"].rpartition("/")[2].rpartition(".")[0]
                found[stem] = np.array(points), np.array(visibility, np.uint8)
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise DatasetError(
            f"--export {folder}: not a folder that kincap export made ({err}); name that one"
        ) from err
    return found
