"""Known bias of the sensor's joints against labels by hand, and its correction.

Kinect's hips are narrower and higher than those that people label, its shoulders narrower, its
ankles higher. The correction moves keypoints in the image: away from the middle of a pair, and down
along the trunk. It is off unless asked for.

``fit_bias`` fits it on frames that were labelled by hand.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import DatasetError
from ...core.geometry import Floats
from ...core.skeleton import FLIP, GROUPS

NONE: Final = "none"
KINECT2: Final = "kinect2"
_MOST_BYTES: Final = 1 << 20
_WIDER: Final = (0.5, 2.0)
_LOWER: Final = (-0.5, 0.5)


@dataclass(frozen=True)
class GroupBias:
    """The correction of one group of keypoints.

    Attributes:
        wider: Factor of the distance of a pair's two keypoints from their middle.
        lower: Move down along the trunk, in lengths of the trunk (shoulders' to hips' middle).
    """

    wider: float = 1.0
    lower: float = 0.0


JointBias = Mapping[str, GroupBias]
"""By group of keypoints, see ``core.skeleton.GROUPS``; groups that are missing are not moved."""

KINECT2_BIAS: Final[dict[str, GroupBias]] = {
    "shoulder": GroupBias(wider=1 / 0.9),
    "hip": GroupBias(wider=1 / 0.75, lower=0.05),
    "ankle": GroupBias(lower=0.06),
}
"""An assumption, not a measurement: the inverse of the bias that kincap's own shape test gives a
simulated sensor (hips 0.75 as wide and 5 % of the torso higher, shoulders 0.9 as wide, ankles 6 %
higher). A fit on frames of one's own sensor is better."""


def correct_joints(points: Floats, bias: JointBias) -> Floats:
    """Return keypoints without the sensor's bias.

    Args:
        points: (N, 13, 2) pixels, mirrored or not; NaN for no place.
        bias: The correction.

    Returns:
        (N, 13, 2) pixels; of a body without shoulders or hips, and of a keypoint whose pair is
        incomplete, as they are.
    """
    moved = points.copy()
    trunk = trunk_of(points)
    for group, own in bias.items():
        members = list(GROUPS[group])
        change = own.lower * trunk[:, None]
        if len(members) == 2:
            change = change + (own.wider - 1) * (points[:, members] - points[:, FLIP[members]]) / 2
        known = np.isfinite(change)
        moved[:, members] += np.where(known, change, 0.0)
    return moved


def trunk_of(points: Floats) -> Floats:
    """Return (N, 2) from the middle of the shoulders to that of the hips."""
    shoulders, hips = (points[:, list(GROUPS[name])].mean(axis=1) for name in ("shoulder", "hip"))
    return np.asarray(hips - shoulders)


def load_bias(given: str) -> dict[str, GroupBias]:
    """Return the correction that ``--joint-bias`` names.

    Args:
        given: "none", "kinect2", or a TOML file with a table for each group.

    Raises:
        DatasetError: It is anything else (exit 2).
    """
    if given in (NONE, KINECT2):
        return dict(KINECT2_BIAS) if given == KINECT2 else {}
    path = Path(given)
    try:
        with path.open("rb") as file:
            found = tomllib.loads(file.read(_MOST_BYTES).decode())
    except FileNotFoundError as err:
        raise DatasetError(
            f"--joint-bias {given}: no such file; expected {NONE}, {KINECT2} or a TOML file"
        ) from err
    except OSError as err:
        raise DatasetError(f"--joint-bias {given}: {err.strerror or err}") from err
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as err:
        raise DatasetError(f"--joint-bias {given}: not valid TOML ({err})") from err
    return {group: _group(given, group, own) for group, own in found.items()}


def _group(given: str, group: str, own: Any) -> GroupBias:
    """Return the correction of a group of a file, checked."""
    if group not in GROUPS:
        raise DatasetError(
            f"--joint-bias {given}: unknown group {group!r}; expected of {', '.join(GROUPS)}"
        )
    bounds = {"wider": _WIDER, "lower": _LOWER}
    if not isinstance(own, dict) or set(own) - set(bounds):
        raise DatasetError(f"--joint-bias {given}: [{group}]: expected the keys wider and lower")
    for key, value in own.items():
        least, most = bounds[key]
        right = isinstance(value, int | float) and not isinstance(value, bool)
        if not right or not least <= value <= most:
            raise DatasetError(
                f"--joint-bias {given}: [{group}] {key} = {value!r}; expected a number from "
                f"{least:g} to {most:g}"
            )
    return GroupBias(**{key: float(value) for key, value in own.items()})


def bias_toml(bias: JointBias) -> dict[str, dict[str, float]]:
    """Return a correction as tables for TOML."""
    return {group: {"wider": own.wider, "lower": own.lower} for group, own in bias.items()}
