"""The tracked bodies of a session, slim, each with what the checks say about it.

A body row of 5.5 KB is checked once, together with a few rows before and after it, and some dozen
bytes of it are kept.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..core.geometry import as_floats
from ..core.memory.joining import join_parts
from ..core.skeleton import JOINT, JOINTS, KEYPOINT_JOINT, KEYPOINTS, TrackingState
from ..core.units import SECOND_100NS
from ..sessions.schema import Rows
from .coverage.grid import CoverageGrid
from .filters.bodies import Bodies, joint_bits, named_joints
from .filters.bones import LENGTHS, bone_ends
from .filters.crowding import body_boxes
from .filters.hands import hand_bends
from .filters.places import body_depth, keypoint_flags
from .filters.poses import YAW_LINES, line_yaws
from .filters.registry import BODY_CHECKS, CHECK_NAMES
from .filters.settings import FilterSettings
from .filters.verdict import apply_filters
from .plane_verdicts import KnownViews
from .plane_views import PATCH_PX, PlaneViews

LINKED_100NS: Final = SECOND_100NS // 10
"""Bodies at most 0.1 s apart follow each other."""
_MARGIN: Final = 32
"""Rows before and after that a check looks at, at most."""
_SAMPLE_ROWS: Final = 4
"""The joints of every this many rows are kept, to measure bones and movement."""
_SPINE_BASE: Final = JOINT["SpineBase"]
_WRISTS: Final = [JOINT["WristLeft"], JOINT["WristRight"]]

REJECTED_BY: Final = ("tracking", "range", "edge")
"""Filters of ``kincap build``; the place of a name is its bit in ``rejects`` of a person."""
PERSON: Final = np.dtype(
    [
        ("seq", "<u8"), ("take", "<u2"), ("time_device", "<i8"), ("slot", "u1"),
        ("tracking_id", "<u8"), ("marks", "<u4", (len(CHECK_NAMES),)), ("clipped", "u1"),
        ("distance_m", "<f4"), ("guessed", "u1"), ("rejects", "u1"), ("wrist_px", "<f4", (2, 2)),
        ("wrist_m", "<f4", (2,)), ("place_m", "<f4", (3,)), ("box_px", "<f4", (4,)),
        ("length_m", "<f4", (LENGTHS,)), ("sure", "?", (LENGTHS,)),
        ("yaw", "<f4", (YAW_LINES,)), ("bend", "<f4", (2,)),
    ]
)  # fmt: skip
"""One tracked body: which joints each check names (bits; 0: it does not name the body), how many
keypoints are not tracked, where left and right wrist are in the picture and how far away, where its
spine's base and the box of its keypoints are, and the lengths of ``bone_ends`` (``sure``: the
sensor is, of both ends)."""

SAMPLE: Final = np.dtype(
    [
        ("take", "<u2"), ("time_device", "<i8"), ("tracking_id", "<u8"),
        ("joints", "<f4", (JOINTS, 3)), ("sure", "?", (JOINTS,)),
        ("points_px", "<f4", (KEYPOINTS, 2)),
    ]
)  # fmt: skip
"""The joints of one body, metres, NaN where not tracked; ``sure``: tracked, not inferred;
``points_px``: its keypoints in the stored image."""
_PERSON_IN: Final = np.dtype(
    [*((name, PERSON[name]) for name in PERSON.names or ()),
     ("points_px", "<f4", (KEYPOINTS, 2)), ("row", "<i8"),
     ("joints", "<f4", (JOINTS, 3)), ("state", "u1", (JOINTS,)),
     ("body_index", "u1", (KEYPOINTS, PATCH_PX, PATCH_PX)), ("surface_m", "<f4", (KEYPOINTS,))]
)  # fmt: skip


class SessionPeople:
    """The tracked bodies of a session, checked while its rows are read, a few at a time.

    Args:
        settings: Thresholds of the filters.
        size_px: Width and height of the colour images.

    Attributes:
        states: By take (4, 25) how often each joint had each ``TrackingState``.
        coverage: Where wrists and elbows have been.
    """

    def __init__(self, settings: FilterSettings, size_px: tuple[int, int]) -> None:
        self._settings, self._size_px = settings, size_px
        self._watch = _Watch(settings)
        self._rows = 0
        self._people: list[Rows] = [np.zeros(0, PERSON)]
        self._samples: list[Rows] = [np.zeros(0, SAMPLE)]
        self.states: dict[int, NDArray[np.int64]] = {}
        self.coverage = CoverageGrid()

    def add(self, rows: Rows, views: PlaneViews | KnownViews) -> None:
        """Take the next rows.

        Args:
            rows: (N,) BODIES_DTYPE, good ones.
            views: Looks into the masks and depth images of their shard, or knows what they say.
        """
        people = self._tracked(rows, views)
        self._rows += len(rows)
        self._count_states(people)
        self._samples.append(_samples(people))
        self._people += self._watch.add(people)

    def close(self) -> tuple[Rows, Rows]:
        """Return (P,) PERSON and (S,) SAMPLE of all rows; call it once, after the last ones."""
        self._people += self._watch.close()
        return join_parts(self._people), join_parts(self._samples)

    def _tracked(self, rows: Rows, views: PlaneViews | KnownViews) -> Rows:
        """Return the tracked bodies of some rows."""
        row, slot = np.nonzero(rows["tracked"] != 0)
        people = np.zeros(len(row), _PERSON_IN)
        people["row"] = self._rows + row
        for name in ("seq", "take", "time_device"):
            people[name] = rows[name][row]
        people["slot"] = slot
        joint_px = rows["joint_color_px"][row, slot]
        people["tracking_id"] = rows["tracking_id"][row, slot]
        people["clipped"] = rows["clipped_edges"][row, slot]
        people["joints"] = rows["joint_xyz_m"][row, slot]
        people["state"] = rows["joint_state"][row, slot]
        depth = body_depth(people["joints"], people["state"])
        self.coverage.add_joints(people["joints"], people["state"], depth)
        # where there is no mask, nothing speaks against a keypoint
        people["body_index"] = slot[:, None, None, None]
        view = views.look(people, people["joints"])
        people["body_index"][view.seen] = view.body_index[view.seen]
        people["surface_m"] = view.surface_m
        people["distance_m"] = people["joints"][:, _SPINE_BASE, 2]
        people["wrist_px"] = joint_px[:, _WRISTS]
        people["wrist_m"] = people["joints"][:, _WRISTS, 2]
        points = joint_px[:, KEYPOINT_JOINT]
        people["points_px"] = points
        people["rejects"] = _rejects(points, depth, people, self._size_px, self._settings)
        people["place_m"] = people["joints"][:, _SPINE_BASE]
        people["box_px"] = body_boxes(points, self._size_px)
        people["length_m"], people["sure"] = bone_ends(people["joints"], people["state"])
        people["yaw"] = line_yaws(people["joints"], people["state"])
        people["bend"] = hand_bends(people["joints"], people["state"])
        people["guessed"] = (people["state"][:, KEYPOINT_JOINT] != TrackingState.tracked).sum(
            axis=1
        )
        return people

    def _count_states(self, people: Rows) -> None:
        """Count the tracking states of all joints."""
        for take in np.unique(people["take"]):
            states = people["state"][people["take"] == take]
            counts = np.stack([(states == state).sum(axis=0) for state in TrackingState])
            self.states[int(take)] = self.states.get(int(take), 0) + counts


def _samples(people: Rows) -> Rows:
    """Return the joints of some of the bodies."""
    some = people[people["row"] % _SAMPLE_ROWS == 0]
    samples = np.zeros(len(some), SAMPLE)
    for name in ("take", "time_device", "tracking_id", "joints", "points_px"):
        samples[name] = some[name]
    samples["joints"][some["state"] == TrackingState.not_tracked] = np.nan
    samples["sure"] = some["state"] == TrackingState.tracked
    return samples


def _rejects(
    points: NDArray[np.float32],
    depth: NDArray[np.float32],
    people: Rows,
    size_px: tuple[int, int],
    settings: FilterSettings,
) -> NDArray[np.uint8]:
    """Return (P,) which filters would leave out each body in build: bits of REJECTED_BY."""
    state = people["state"][:, KEYPOINT_JOINT]
    flags = keypoint_flags(points, state, people["clipped"], size_px, settings)
    fails = apply_filters(flags, depth, settings)
    bits = np.zeros(len(people), np.uint8)
    for bit, name in enumerate(REJECTED_BY):
        bits |= fails[name].astype(np.uint8) << np.uint8(bit)
    return bits


class _Watch:
    """Runs the checks over bodies that come in parts, as if they came at once."""

    def __init__(self, settings: FilterSettings) -> None:
        self._settings = settings
        self._kept = np.zeros(0, _PERSON_IN)
        self._done = 0

    def add(self, people: Rows) -> list[Rows]:
        """Take the next bodies, in the order of rows; return those that are judged now."""
        self._kept = np.concatenate([self._kept, people])
        return self._judge(behind=_MARGIN)

    def close(self) -> list[Rows]:
        """Return the last ones."""
        return self._judge(behind=0)

    def _judge(self, behind: int) -> list[Rows]:
        kept = self._kept
        rows = np.unique(kept["row"])
        if len(rows) <= behind:
            return []
        end = len(kept) if not behind else int(np.searchsorted(kept["row"], rows[-behind]))
        if end <= self._done:
            return []
        check_people(kept, self._settings)
        judged = np.zeros(end - self._done, PERSON)
        for name in PERSON.names or ():
            judged[name] = kept[name][self._done : end]
        # rows that the next part's first rows look back on
        last = int(np.searchsorted(rows, kept["row"][end - 1]))
        first = int(np.searchsorted(kept["row"], rows[max(last - _MARGIN, 0)]))
        self._kept, self._done = kept[first:].copy(), end - first
        return [judged]


def check_people(people: Rows, settings: FilterSettings) -> None:
    """Run the checks and write the joints that they name into ``marks``, in place.

    Args:
        people: (P,) bodies with ``joints`` (25, 3) and ``state`` (25,).
        settings: Thresholds.
    """
    order = np.lexsort((people["time_device"], people["tracking_id"], people["take"]))
    joints = as_floats(people["joints"][order])
    time_s = people["time_device"][order] / SECOND_100NS
    own = people[order]
    bodies = Bodies(
        joints,
        own["state"],
        links(own),
        time_s,
        body_index=own["body_index"],
        slot=own["slot"],
        surface_m=as_floats(own["surface_m"]),
    )
    marks = np.zeros((len(people), len(CHECK_NAMES)), np.uint32)
    for place, (name, check) in enumerate(BODY_CHECKS.items()):
        if check.marks is not None and settings.uses(name):
            marks[order, place] = joint_bits(check.marks(bodies, settings))
    people["marks"] = marks


def links(people: Rows) -> NDArray[np.bool_]:
    """Return which bodies, sorted by take, id and time, closely follow the one before.

    Returns:
        (P,) bool.
    """
    linked = np.zeros(len(people), np.bool_)
    step = np.diff(people["time_device"])
    linked[1:] = (step > 0) & (step <= LINKED_100NS)
    for name in ("take", "tracking_id"):
        linked[1:] &= people[name][1:] == people[name][:-1]
    return linked


def named_by(people: Rows, check: str) -> NDArray[np.bool_]:
    """Return (P,) whether a check names each body."""
    return np.asarray(people["marks"][:, CHECK_NAMES.index(check)] != 0)


def joints_named(people: Rows, check: str) -> NDArray[np.bool_]:
    """Return (P, 25) which joints of each body a check names."""
    return named_joints(people["marks"][:, CHECK_NAMES.index(check)])
