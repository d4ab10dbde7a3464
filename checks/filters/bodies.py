"""The arrays that filters judge: tracked bodies, each person's one after another in time."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...core.skeleton import JOINTS

Bools = NDArray[np.bool_]
Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Bodies:
    """N tracked bodies, sorted by person and time.

    What is None is unknown: the filters that need it name nothing.

    Attributes:
        joints: (N, 25, 3) metres, camera space; NaN where a joint has no place.
        state: (N, 25) uint8 tracking states.
        linked: (N,) whether each is the same person as the one before it, at most 0.1 s later.
        time_s: (N,) device times, seconds; None: 30 in a second.
        person: (N,) a number for each person, over losses of tracking too; None: one person.
        row: (N,) the row of bodies that each belongs to; bodies of one row were seen together.
        joint_px: (N, 25, 2) pixels of the colour image as stored.
        size_px: Width and height of the colour image.
        clipped: (N,) uint8 the sensor's flags of edges: right 1, left 2, top 4, bottom 8.
        gap_s: (N,) time to the colour frame before, seconds.
        residual_s: (N,) time of the body minus time of its colour frame, seconds.
        body_index: (N, 13, W, W) uint8 body index around each keypoint; 255: no body.
        slot: (N,) the body's own index.
        surface_m: (N, 13) depth of the surface at each keypoint, metres; NaN unknown.
    """

    joints: Floats
    state: NDArray[np.uint8]
    linked: Bools
    time_s: Floats | None = None
    person: NDArray[np.integer] | None = None
    row: NDArray[np.integer] | None = None
    joint_px: Floats | None = None
    size_px: tuple[int, int] | None = None
    clipped: NDArray[np.uint8] | None = None
    gap_s: Floats | None = None
    residual_s: Floats | None = None
    body_index: NDArray[np.uint8] | None = None
    slot: NDArray[np.integer] | None = None
    surface_m: Floats | None = None

    def __len__(self) -> int:
        return len(self.joints)


_JOINT_BITS: Final = np.uint32(1) << np.arange(JOINTS, dtype=np.uint32)


def joint_bits(named: Bools) -> NDArray[np.uint32]:
    """Return (N,) which joints of (N, 25) are named, as bits: much smaller."""
    return np.asarray(named @ _JOINT_BITS, np.uint32)


def named_joints(bits: NDArray[np.uint32]) -> Bools:
    """Return (N, 25) which joints some (N,) bits of ``joint_bits`` name."""
    return np.asarray((bits[:, None] & _JOINT_BITS) != 0)
