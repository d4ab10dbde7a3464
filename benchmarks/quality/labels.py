"""The simulator's truth, and the sensor's own labels, as files for ``kincap build --labels``.

A given label has weight whatever the filters say: the truth makes a clean data set, the sensor's
labels make one that no filter has touched.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kincap.core.pairing import pair_nearest
from kincap.core.skeleton import KEYPOINT_JOINT, KEYPOINT_NAMES, TORSO, TrackingState
from kincap.dataset.session_data import load_recording
from kincap.sessions.truth import load_truth

Label = tuple[Any, ...]
"""A line: what ``HEAD`` names."""
HEAD = ("session", "color_seq", "slot", "keypoint", "x", "y", "visibility")


RIGHT_TORSO = 0.1
"""A perfect filter keeps labels that are at most this far from the truth, shares of the torso."""


def write_labels(
    recordings: Path,
    true: Sequence[str],
    given: Sequence[str],
    path: Path,
    right: Sequence[str] = (),
) -> None:
    """Write labels of every tracked body of some sessions.

    Args:
        recordings: The folder of all sessions.
        true: Simulated sessions whose labels are the truth of the picture.
        given: Sessions whose labels are those of the sensor: what it says that it tracks.
        path: The CSV file.
        right: Sessions whose labels are those of the sensor that are right: what a perfect filter
            keeps.
    """
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEAD)
        for name in true:
            writer.writerows(_true_labels(recordings, name))
        for name in given:
            writer.writerows(_given_labels(recordings, name))
        for name in right:
            writer.writerows(_right_labels(recordings, name))


def _given_labels(recordings: Path, name: str) -> list[Label]:
    """Return the sensor's labels of one session."""
    recording = load_recording(recordings, name)
    color, bodies = recording.color, recording.bodies
    body_of, _ = pair_nearest(color["take"], color["time_device"], bodies.take, bodies.time_device)
    labels: list[Label] = []
    for frame in np.flatnonzero(body_of >= 0).tolist():
        seq, body = int(color["seq"][frame]), int(body_of[frame])
        for slot in np.flatnonzero(bodies.tracked[body]).tolist():
            sure = bodies.state[body, slot] == TrackingState.tracked
            points = bodies.points[body, slot]
            for k in np.flatnonzero(sure & np.isfinite(points).all(axis=-1)).tolist():
                place = (round(float(points[k, 0]), 3), round(float(points[k, 1]), 3))
                labels.append((name, seq, slot, KEYPOINT_NAMES[k], *place, 2))
    return labels


def _right_labels(recordings: Path, name: str) -> Iterator[Label]:
    """Yield the sensor's labels of one session, those that are wrong with visibility 0."""
    true = {label[:4]: np.array(label[4:6]) for label in _true_labels(recordings, name)}
    first, last = (KEYPOINT_NAMES[k] for k in TORSO)
    for label in _given_labels(recordings, name):
        ends = (true.get((*label[:3], end)) for end in (first, last))
        here, (a, b) = true.get(label[:4]), ends
        if here is None or a is None or b is None:
            continue
        off = np.linalg.norm(np.array(label[4:6]) - here) / np.linalg.norm(a - b)
        yield label if off <= RIGHT_TORSO else (*label[:4], "", "", 0)


def _true_labels(recordings: Path, name: str) -> list[Label]:
    """Return the true labels of one session."""
    recording, truth = load_recording(recordings, name), load_truth(recordings / name)
    color, bodies = recording.color, recording.bodies
    body_of, _ = pair_nearest(color["take"], color["time_device"], bodies.take, bodies.time_device)
    pictures = {int(seq): k for k, seq in enumerate(truth.color["seq"])}
    rows = {int(seq): k for k, seq in enumerate(truth.bodies["seq"])}
    labels: list[Label] = []
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
