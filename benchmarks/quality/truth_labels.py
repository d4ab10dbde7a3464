"""The simulator's truth as a file of labels, for ``kincap build --labels``."""

import csv
from pathlib import Path

import numpy as np

from kincap.core.pairing import pair_nearest
from kincap.core.skeleton import KEYPOINT_JOINT, KEYPOINT_NAMES
from kincap.dataset.session_data import load_recording
from kincap.sessions.truth import load_truth

HEAD = ("session", "color_seq", "slot", "keypoint", "x", "y", "visibility")


def write_truth_labels(recordings: Path, names: list[str], path: Path) -> int:
    """Write the true keypoints of every tracked body of some sessions.

    Args:
        recordings: The folder of all sessions.
        names: Simulated sessions; their truth is that of the picture.
        path: The CSV file.

    Returns:
        Number of labels.
    """
    count = 0
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for name in names:
            for row in _labels(recordings, name):
                writer.writerow(row)
                count += 1
    return count


def _labels(recordings: Path, name: str) -> list[tuple[object, ...]]:
    """Return the labels of one session."""
    recording, truth = load_recording(recordings, name), load_truth(recordings / name)
    color, bodies = recording.color, recording.bodies
    body_of, _ = pair_nearest(color["take"], color["time_device"], bodies.take, bodies.time_device)
    pictures = {int(seq): k for k, seq in enumerate(truth.color["seq"])}
    rows = {int(seq): k for k, seq in enumerate(truth.bodies["seq"])}
    labels: list[tuple[object, ...]] = []
    for frame, body in enumerate(body_of.tolist()):
        seq = int(color["seq"][frame])
        if body < 0 or seq not in pictures or int(bodies.seq[body]) not in rows:
            continue
        picture, row = truth.color[pictures[seq]], truth.bodies[rows[int(bodies.seq[body])]]
        for slot in np.flatnonzero(bodies.tracked[body]).tolist():
            same = (row["slot"] == slot) & (row["tracking_id"] == bodies.tracking_id[body, slot])
            if not same.any():
                continue
            person = int(np.argmax(same))
            points = picture["joint_color_px"][person][KEYPOINT_JOINT]
            hidden = picture["hidden"][person][KEYPOINT_JOINT]
            for keypoint, point, covered in zip(KEYPOINT_NAMES, points, hidden, strict=True):
                if np.isfinite(point).all():
                    place = (round(float(point[0]), 3), round(float(point[1]), 3))
                    labels.append((name, seq, slot, keypoint, *place, 1 if covered else 2))
    return labels
