"""Known bias of the sensor's joints against labels by hand, and its correction.

Kinect's hips are narrower and higher than those that people label, its shoulders narrower, its
ankles higher. The correction moves keypoints in the image: away from the middle of a pair, and down
along the trunk. It is off unless asked for.

    python -m kincap.dataset.labels.joint_bias --recordings DIR --labels FILE --out bias.toml

fits it on frames labelled by hand (a file of ``kincap build --labels``), 50 to 100 of them.
"""

import argparse
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import tomli_w
from numpy.typing import NDArray

from ...core.errors import DatasetError, KincapError
from ...core.geometry import Floats
from ...core.skeleton import FLIP, GROUPS, KEYPOINTS

NONE: Final = "none"
KINECT2: Final = "kinect2"
_MOST_BYTES: Final = 1 << 20
_LEAST_FRAMES: Final = 10
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
    trunk = _trunk(points)
    for group, own in bias.items():
        members = list(GROUPS[group])
        change = own.lower * trunk[:, None]
        if len(members) == 2:
            change = change + (own.wider - 1) * (points[:, members] - points[:, FLIP[members]]) / 2
        known = np.isfinite(change)
        moved[:, members] += np.where(known, change, 0.0)
    return moved


def _trunk(points: Floats) -> Floats:
    """Return (N, 2) from the middle of the shoulders to that of the hips."""
    shoulders, hips = (points[:, list(GROUPS[name])].mean(axis=1) for name in ("shoulder", "hip"))
    return np.asarray(hips - shoulders)


def fit_bias(
    sensor: Floats, by_hand: Floats
) -> tuple[dict[str, GroupBias], dict[str, dict[str, float]]]:
    """Fit the correction on frames with both labels.

    Args:
        sensor: (N, 13, 2) pixels of the sensor's keypoints; NaN for no place.
        by_hand: (N, 13, 2) pixels of the labels by hand; NaN for none.

    Returns:
        By group the correction, medians over the frames; and by group ``frames``, ``wider_spread``
        and ``lower_spread``, robust standard deviations over them. A group with fewer than 10
        frames is left out.
    """
    trunk = _trunk(sensor)
    length = np.linalg.norm(trunk, axis=-1)
    down = trunk / length[:, None]
    bias, spread = {}, {}
    for group, members in ((name, list(found)) for name, found in GROUPS.items()):
        moved = (by_hand[:, members] - sensor[:, members]).mean(axis=1)
        lower = (moved * down).sum(axis=-1) / length
        wider = np.ones(len(sensor))
        if len(members) == 2:
            apart = [points[:, members[0]] - points[:, members[1]] for points in (sensor, by_hand)]
            square = (apart[0] ** 2).sum(axis=-1)
            wider = (apart[0] * apart[1]).sum(axis=-1) / np.where(square > 0, square, np.nan)
        known = np.isfinite(lower) & np.isfinite(wider)
        if known.sum() < _LEAST_FRAMES:
            continue
        bias[group] = GroupBias(float(np.median(wider[known])), float(np.median(lower[known])))
        spread[group] = {
            "frames": int(known.sum()),
            "wider_spread": _deviation(wider[known]),
            "lower_spread": _deviation(lower[known]),
        }
    return bias, spread


def _deviation(values: NDArray[np.floating]) -> float:
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


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
        if not right or not math.isfinite(value) or not least <= value <= most:
            raise DatasetError(
                f"--joint-bias {given}: [{group}] {key} = {value!r}; expected a number from "
                f"{least:g} to {most:g}"
            )
    return GroupBias(**{key: float(value) for key, value in own.items()})


def bias_toml(bias: JointBias) -> dict[str, dict[str, float]]:
    """Return a correction as tables for TOML."""
    return {group: {"wider": own.wider, "lower": own.lower} for group, own in bias.items()}


def pairs_of_labels(recordings: Path, labels: Path) -> tuple[Floats, Floats]:
    """Return the sensor's keypoints and the labels by hand of the bodies that a file labels.

    Args:
        recordings: The folder of all sessions.
        labels: File of labels, as for ``kincap build --labels``.

    Returns:
        (N, 13, 2) un-mirrored pixels of both; NaN where one has no place.

    Raises:
        KincapError: The file or a session can't be read.
    """
    from ...checks.session_checks import check_session
    from ..candidates import find_candidates
    from ..given_labels import load_labels
    from ..session_data import load_recording
    from .label_settings import ALL, LabelSettings

    sensor, by_hand = [np.zeros((0, KEYPOINTS, 2))], [np.zeros((0, KEYPOINTS, 2))]
    for name, own in load_labels(labels).sessions.items():
        recording = load_recording(recordings, name)
        checks = check_session(recording.folder, lag=False)
        plain, given = (
            find_candidates(recording, checks, LabelSettings(bodies=ALL), which)
            for which in (None, own)
        )
        rows = given.given.any(axis=1)
        trusted = plain.trusted[rows][..., None]
        sensor.append(np.where(trusted, plain.points[rows], np.nan))
        by_hand.append(np.where(given.given[rows][..., None], given.points[rows], np.nan))
    return np.concatenate(sensor), np.concatenate(by_hand)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit a correction and write it; return the exit code."""
    parser = argparse.ArgumentParser(prog="kincap.dataset.labels.joint_bias", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--recordings", type=Path, default=Path("recordings"))
    parser.add_argument("--labels", type=Path, required=True, help="labels by hand, CSV or JSON")
    parser.add_argument("--out", type=Path, default=Path("bias.toml"))
    args = parser.parse_args(arguments)
    try:
        bias, spread = fit_bias(*pairs_of_labels(args.recordings, args.labels))
        if not bias:
            raise DatasetError(
                f"--labels {args.labels}: fewer than {_LEAST_FRAMES} frames with a whole pair of "
                "keypoints and a trusted trunk; label more"
            )
    except KincapError as err:
        print(f"kincap: {err}")
        return err.exit_code
    for group, own in bias.items():
        about = spread[group]
        print(
            f"{group:9} wider {own.wider:.3f} +- {about['wider_spread']:.3f}, "
            f"lower {own.lower:+.3f} +- {about['lower_spread']:.3f}, {about['frames']:.0f} frames"
        )
    args.out.write_text(tomli_w.dumps(bias_toml(bias)), encoding="utf-8")
    print(f"{args.out}: kincap build --joint-bias {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
