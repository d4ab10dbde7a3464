"""The filters' verdict on recordings of real sensors: an NTU clip, IRDS and Laban logs.

It is not known which of their labels are wrong; the shares are printed to be looked at.
"""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from kincap.checks.filters.bodies import Bodies
from kincap.checks.filters.registry import FILTERS, judge_bodies
from kincap.checks.filters.settings import FilterSettings
from kincap.core.skeleton import KEYPOINT_JOINT, KEYPOINT_NAMES, KEYPOINTS, TrackingState
from kincap.core.units import SECOND_100NS
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import Rows, Stream, by_kinect_joints
from kincap.sessions.session_file import load_session

LOGS: Final = {
    "ntu": "ntu/*.skeleton",
    "irds": "kinect2_irds/*.txt",
    "laban": "kinect2_laban/Ges*.csv",
}
"""Kind of a log and its files below the folder of real recordings."""
NOT_COUNTED: Final = ("redundancy", "timing")
_LINKED_S: Final = 0.1


@dataclass(frozen=True)
class RealVerdict:
    """Labels of one real recording.

    Attributes:
        name: Of its session.
        kind: A key of ``LOGS``.
        bodies: Tracked bodies.
        tracked: Keypoints that the sensor tracks.
        inferred: Share of keypoints that the sensor infers, by name of the keypoint.
        named: By filter, share of the tracked keypoints that it names.
        lost: Share of the tracked keypoints that any filter names.
    """

    name: str
    kind: str
    bodies: int
    tracked: int
    inferred: dict[str, float]
    named: dict[str, float]
    lost: float


def judge_real(data: Path, recordings: Path, filters: FilterSettings) -> Iterator[RealVerdict]:
    """Import all real logs that are there and yield the filters' verdict on each.

    Args:
        data: The folder of real recordings (tests take it from KINCAP_TEST_DATA).
        recordings: Where their sessions go.
        filters: Thresholds.
    """
    for kind, pattern in LOGS.items():
        for path in sorted(data.glob(pattern)):
            name = f"{kind}-{path.stem}"
            folder = recordings / name
            if not folder.is_dir():
                command = [sys.executable, "-m", "kincap", "record", "--session", name, "--source",
                           f"{kind}:{path}", "--recordings", str(recordings), "--json"]  # fmt: skip
                subprocess.run(command, check=True, capture_output=True)
            yield _verdict(folder, kind, filters)


def _verdict(folder: Path, kind: str, filters: FilterSettings) -> RealVerdict:
    """Return the verdict on one session."""
    with SessionReader(folder) as reader:
        rows = by_kinect_joints(reader.rows(Stream.bodies), load_session(folder).shape.skeleton)
    bodies = bodies_of(rows, load_session(folder).device.color_size_px or (1920, 1080))
    state = bodies.state[:, KEYPOINT_JOINT]
    tracked = state >= TrackingState.tracked
    named = {}
    lost = np.zeros(tracked.shape, np.bool_)
    for name, where in judge_bodies(bodies, filters).items():
        if name in NOT_COUNTED:
            continue
        whole = where if where.ndim == 2 else np.repeat(where[:, None], KEYPOINTS, axis=1)
        named[name] = float((whole & tracked).sum() / max(tracked.sum(), 1))
        lost |= whole & tracked
    inferred = (state == TrackingState.inferred).mean(axis=0) if len(state) else np.zeros(KEYPOINTS)
    return RealVerdict(
        name=folder.name,
        kind=kind,
        bodies=len(state),
        tracked=int(tracked.sum()),
        inferred=dict(zip(KEYPOINT_NAMES, inferred.tolist(), strict=True)),
        named={name: named[name] for name in FILTERS if named.get(name)},
        lost=float(lost.sum() / max(tracked.sum(), 1)),
    )


def bodies_of(rows: Rows, size_px: tuple[int, int]) -> Bodies:
    """Return the tracked bodies of rows of one session as filters take them.

    Args:
        rows: (M,) body rows with a Kinect's joints.
        size_px: Width and height of the colour image.
    """
    row, slot = np.nonzero(rows["tracked"])
    person = rows["tracking_id"][row, slot]
    time_s = rows["time_device"][row] / SECOND_100NS
    order = np.lexsort((time_s, person, rows["take"][row]))
    row, slot, person, time_s = row[order], slot[order], person[order], time_s[order]
    linked = np.zeros(len(row), np.bool_)
    linked[1:] = (person[1:] == person[:-1]) & (np.abs(np.diff(time_s)) <= _LINKED_S)
    return Bodies(
        joints=rows["joint_xyz_m"][row, slot],
        state=rows["joint_state"][row, slot],
        linked=linked,
        time_s=time_s,
        person=np.unique(person, return_inverse=True)[1],
        row=row,
        joint_px=rows["joint_color_px"][row, slot],
        size_px=size_px,
        clipped=rows["clipped_edges"][row, slot],
    )


def real_tables(verdicts: list[RealVerdict]) -> Iterator[str]:
    """Yield the lines of a table of Markdown, a row for each recording."""
    names = [name for name in FILTERS if any(name in one.named for one in verdicts)]
    yield (
        "| recording | bodies | tracked % | most inferred | lost % of tracked | "
        + " | ".join(names)
        + " |"
    )
    yield "|" + " --- |" * (5 + len(names))
    for one in verdicts:
        worst = max(one.inferred, key=lambda name: one.inferred[name])
        shares = [f"{100 * one.named[name]:.1f}" if name in one.named else "" for name in names]
        cells = [
            one.name,
            str(one.bodies),
            f"{100 * one.tracked / max(one.bodies * KEYPOINTS, 1):.0f}",
            f"{worst} {100 * one.inferred[worst]:.0f} %",
            f"{100 * one.lost:.1f}",
            *shares,
        ]
        yield "| " + " | ".join(cells) + " |"
