"""Count where wrists and elbows have been, body row by body row or over whole recordings."""

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ...core.geometry import has_place_m, lengths
from ...core.kinematics import yaw_from_shoulders
from ...core.skeleton import (
    JOINT,
    KEYPOINT,
    KEYPOINT_JOINT,
    KINECT_V2_SKELETON,
    Skeleton,
    TrackingState,
)
from ...sessions.schema import Rows, by_kinect_joints
from ..filters.places import body_depth
from .missing import LEAST_FRAMES, Shares, missing_parts
from .places import (
    CELLS,
    LIMBS,
    NOWHERE,
    Bools,
    Floats,
    cells_of,
    is_wrist,
    limb_places,
    zone_members,
    zones_of,
)
from .reach import FOREARM, UPPER_ARM, reachable

VISITED_FRAMES: Final = 3
"""A cell is visited from this many frames on: fewer may be noise."""
DISTANCE_EDGES_M: Final = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5)
YAW_EDGES_DEG: Final = (-180.0, -90.0, -45.0, -15.0, 15.0, 45.0, 90.0, 180.0)
"""Turns; positive to the person's own left, 0 faces the sensor."""
_ARM_RATIO: Final = (0.25, 1.0)
"""Upper arms and forearms of a length outside of this, in trunks, are not measured."""

Counts = NDArray[np.int64]


class CoverageGrid:
    """Frames by place of each wrist and elbow, by distance and by turn.

    Attributes:
        frames: Bodies that were added, one for each tracked body of a row.
        counts: By limb (CELLS, CELLS) frames in each cell, rows from the top.
        limb_frames: By limb the frames in which its place is known.
        zone_frames: By limb and zone the frames in it.
        distance: Frames in each bin of ``DISTANCE_EDGES_M``.
        yaw: Frames in each bin of ``YAW_EDGES_DEG``.
    """

    def __init__(self, skeleton: Skeleton = KINECT_V2_SKELETON) -> None:
        """Begin with no frames.

        Args:
            skeleton: The joints of the sensor whose rows are added.
        """
        self._skeleton = skeleton
        self.frames = 0
        self.counts: dict[str, Counts] = {
            limb: np.zeros((CELLS, CELLS), np.int64) for limb in LIMBS
        }
        self.limb_frames = dict.fromkeys(LIMBS, 0)
        self.zone_frames = {limb: dict.fromkeys(zones_of(limb), 0) for limb in LIMBS}
        self.distance: Counts = np.zeros(len(DISTANCE_EDGES_M) - 1, np.int64)
        self.yaw: Counts = np.zeros(len(YAW_EDGES_DEG) - 1, np.int64)
        self._arm_sum = np.zeros(2)
        self._arm_frames = 0

    def add(self, rows: Rows) -> None:
        """Add every tracked body of some body rows; 0.3 ms for one row, 3 ms for 1,000.

        Args:
            rows: (N,) rows of ``bodies`` of the grid's skeleton.
        """
        row, slot = np.nonzero(rows["tracked"] != 0)
        if len(row):
            rows = by_kinect_joints(rows, self._skeleton)
            self.add_joints(rows["joint_xyz_m"][row, slot], rows["joint_state"][row, slot])

    def add_joints(
        self, joints_m: Floats, state: NDArray[np.uint8], depth_m: Floats | None = None
    ) -> None:
        """Add bodies.

        Args:
            joints_m: (N, 25, 3) metres, camera space.
            state: (N, 25) tracking states. Joints that are inferred or not tracked do not count.
            depth_m: (N,) ``body_depth`` of them, where it is known already.
        """
        with np.errstate(all="ignore"):
            keypoints = joints_m[:, KEYPOINT_JOINT].astype(np.float64)
            trusted = (state[:, KEYPOINT_JOINT] >= TrackingState.tracked) & has_place_m(keypoints)
            trusted &= keypoints[..., 2] > 0
            # camera space has x to the sensor's left and y up
            self.add_points(-keypoints[..., :2] / keypoints[..., 2:], trusted)
            self._add_arms(keypoints, trusted)
            depth = body_depth(joints_m, state) if depth_m is None else depth_m
            shoulders = [JOINT["ShoulderLeft"], JOINT["ShoulderRight"]]
            faces = (state[:, shoulders] >= TrackingState.tracked).all(axis=-1)
            yaw = np.degrees(yaw_from_shoulders(joints_m[faces]))
        self.distance += _histogram(depth, DISTANCE_EDGES_M)
        self.yaw += _histogram(yaw, YAW_EDGES_DEG)

    def add_points(self, points: Floats, trusted: Bools) -> None:
        """Add bodies of which only the image is known: no distance, turn or length of arms.

        Args:
            points: (N, 13, 2) in the un-mirrored image plane, x right, y down, any unit.
            trusted: (N, 13) keypoints that count.
        """
        self.frames += len(points)
        for limb in LIMBS:
            places = limb_places(points, trusted, limb)
            cells = cells_of(places.at)
            found = np.bincount(cells[cells != NOWHERE], minlength=CELLS * CELLS)
            self.counts[limb] += found.reshape(CELLS, CELLS)
            self.limb_frames[limb] += int(places.is_known.sum())
            inside = zone_members(places, limb).sum(axis=0).tolist()
            for zone, frames in zip(zones_of(limb), inside, strict=True):
                self.zone_frames[limb][zone] += frames

    def _add_arms(self, keypoints: Floats, trusted: Bools) -> None:
        """Measure the arms of bodies against their trunks."""
        places = {name: keypoints[:, k] for name, k in KEYPOINT.items()}
        hips, shoulders = (
            places[f"l_{part}"] + places[f"r_{part}"] for part in ("hip", "shoulder")
        )
        trunk = lengths(hips - shoulders) / 2
        for side in ("l_", "r_"):
            chain = [side + part for part in ("shoulder", "elbow", "wrist")]
            ends = [places[name] for name in chain]
            bones = lengths(ends[1] - ends[0]), lengths(ends[2] - ends[1])
            ratio = np.stack(bones, axis=-1) / trunk[:, None]
            used = trusted[:, [KEYPOINT[name] for name in chain]].all(axis=-1)
            used &= ((ratio > _ARM_RATIO[0]) & (ratio < _ARM_RATIO[1])).all(axis=-1)
            self._arm_sum += ratio[used].sum(axis=0)
            self._arm_frames += int(used.sum())

    @property
    def arm(self) -> tuple[float, float]:
        """Mean length of upper arm and forearm, trunk lengths; the usual one if not measured."""
        if not self._arm_frames:
            return UPPER_ARM, FOREARM
        upper_arm, forearm = (self._arm_sum / self._arm_frames).tolist()
        return upper_arm, forearm

    def reach(self, limb: str) -> Bools:
        """Return (CELLS, CELLS) which cells a limb can reach."""
        return reachable(limb, *self.arm)

    def visited(self, limb: str) -> Bools:
        """Return (CELLS, CELLS) which of the cells that a limb can reach were visited."""
        return np.asarray((self.counts[limb] >= VISITED_FRAMES) & self.reach(limb))

    def visited_share(self, limb: str) -> float:
        """Return the share of the cells in reach that were visited."""
        return float(self.visited(limb).sum() / self.reach(limb).sum())

    def zone_shares(self, limb: str) -> dict[str, float]:
        """Return by zone the share of the frames in which the limb's place is known."""
        frames = max(self.limb_frames[limb], 1)
        return {zone: count / frames for zone, count in self.zone_frames[limb].items()}

    def why_nothing_is_missing(self) -> str:
        """Return in words why ``missing`` lists no gap: a short recording says little."""
        if not self.frames:
            return "no bodies"
        if max(self.limb_frames.values()) < LEAST_FRAMES:
            return f"too short to say: no hand or elbow is known in {LEAST_FRAMES} frames"
        return "nothing"

    def missing(self) -> list[str]:
        """Return what falls short of the targets, in words, the largest want first.

        Empty where the targets are met, and as long as there are too few frames to judge.
        """
        return missing_parts(
            Shares(
                limb_frames=self.limb_frames,
                visited={limb: self.visited_share(limb) for limb in LIMBS},
                zones={limb: self.zone_shares(limb) for limb in LIMBS},
                distance=_by_bin(self.distance, DISTANCE_EDGES_M),
                yaw=_by_bin(self.yaw, YAW_EDGES_DEG),
            )
        )

    def short(self) -> str:
        """Return the coverage in one short line, for a dashboard; "" before the first body."""
        if not self.frames:
            return ""
        wrists = [limb for limb in LIMBS if is_wrist(limb)]
        shares = "/".join(f"{100 * self.visited_share(limb):.0f}" for limb in wrists)
        missing = self.missing()
        wanted = f"; missing: {missing[0]}" if missing else ""
        return f"left/right hand {shares} % of its reach{wanted}"

    def to_json(self) -> dict[str, Any]:
        """Return all of it, for quality.json; ``from_json`` makes the same grid again."""
        upper_arm, forearm = self.arm
        return {
            "frames": self.frames,
            "limbs": {
                limb: {
                    "frames": self.limb_frames[limb],
                    "reach_cells": int(self.reach(limb).sum()),
                    "visited_cells": int(self.visited(limb).sum()),
                    "visited_share": round(self.visited_share(limb), 5),
                    "zone_frames": self.zone_frames[limb],
                    "counts": self.counts[limb].tolist(),
                }
                for limb in LIMBS
            },
            "arm": {
                "upper": round(upper_arm, 5),
                "forearm": round(forearm, 5),
                "frames": self._arm_frames,
            },
            "distance_m": {"edges": list(DISTANCE_EDGES_M), "frames": self.distance.tolist()},
            "yaw_deg": {"edges": list(YAW_EDGES_DEG), "frames": self.yaw.tolist()},
            "missing": self.missing(),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Return the grid that ``to_json`` gave.

        Raises:
            ValueError: It has other cells, zones or bins, or is not of this form.
        """
        grid = cls()
        try:
            grid.frames = _count(kept["frames"])
            for limb in LIMBS:
                one = kept["limbs"][limb]
                grid.limb_frames[limb] = _count(one["frames"])
                grid.counts[limb] = _counts(one["counts"], (CELLS, CELLS))
                if set(one["zone_frames"]) != set(zones_of(limb)):
                    raise ValueError(f"coverage: other zones of {limb}")
                grid.zone_frames[limb] = {
                    zone: _count(one["zone_frames"][zone]) for zone in zones_of(limb)
                }
            for name, edges in (("distance_m", DISTANCE_EDGES_M), ("yaw_deg", YAW_EDGES_DEG)):
                if tuple(kept[name]["edges"]) != edges:
                    raise ValueError(f"coverage: other bins of {name}")
            grid.distance = _counts(kept["distance_m"]["frames"], grid.distance.shape)
            grid.yaw = _counts(kept["yaw_deg"]["frames"], grid.yaw.shape)
            arm = kept["arm"]
            grid._arm_frames = _count(arm["frames"])
            arms = np.array([float(arm["upper"]), float(arm["forearm"])])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"coverage: {error!r}") from error
        if not ((arms > 0) & (arms < CELLS)).all():
            raise ValueError(f"coverage: arms of {arms.tolist()} trunk lengths")
        grid._arm_sum = arms * grid._arm_frames
        return grid

    def merge(self, other: "CoverageGrid") -> None:
        """Add all frames of another grid."""
        self.frames += other.frames
        for limb in LIMBS:
            self.counts[limb] += other.counts[limb]
            self.limb_frames[limb] += other.limb_frames[limb]
            for zone in zones_of(limb):
                self.zone_frames[limb][zone] += other.zone_frames[limb][zone]
        self.distance += other.distance
        self.yaw += other.yaw
        self._arm_sum += other._arm_sum
        self._arm_frames += other._arm_frames


def _histogram(values: Floats, edges: tuple[float, ...]) -> Counts:
    """Return how many values each bin has; NaN and values outside count nowhere."""
    place = np.searchsorted(edges, values[np.isfinite(values)], "right") - 1
    inside = place[(place >= 0) & (place < len(edges) - 1)]
    return np.bincount(inside, minlength=len(edges) - 1).astype(np.int64)


def _by_bin(counts: Counts, edges: tuple[float, ...]) -> dict[tuple[float, float], float]:
    """Return the share of the frames in each bin; no frames: no bins."""
    total = int(counts.sum())
    if not total:
        return {}
    bins = zip(edges, edges[1:], strict=False)
    return dict(zip(bins, (counts / total).tolist(), strict=True))


def _count(value: Any) -> int:
    """Return a whole number that is not negative.

    Raises:
        TypeError: It is anything else.
    """
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise TypeError(f"{value!r} is not a count")
    return value


def _counts(values: Any, shape: tuple[int, ...]) -> Counts:
    """Return counts of a given shape.

    Raises:
        ValueError: They are of another shape or no counts.
    """
    found = np.array(values)
    if found.shape != shape or found.dtype.kind not in "iu" or (found < 0).any():
        raise ValueError(f"coverage: expected counts of shape {shape}")
    return found.astype(np.int64)
