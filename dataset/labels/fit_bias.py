"""Fit the correction of the sensor's bias on frames that were labelled by hand.

    python -m kincap.dataset.labels.fit_bias --recordings DIR --labels FILE --out bias.toml

FILE is one of ``kincap build --labels``; 50 to 100 frames are enough.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import tomli_w
from numpy.typing import NDArray

from ...checks.session_checks import check_session
from ...core.errors import DatasetError, KincapError
from ...core.files.file_io import write_atomic
from ...core.geometry import Floats
from ...core.skeleton import GROUPS, KEYPOINTS
from ..candidates import find_candidates
from ..given_labels import GIVEN_BITS, load_labels
from ..session_data import load_recording
from .joint_bias import GroupBias, bias_toml, trunk_of
from .label_settings import ALL, LabelSettings

_LEAST_FRAMES: Final = 10


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
    trunk = trunk_of(sensor)
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
    sensor, by_hand = [np.zeros((0, KEYPOINTS, 2))], [np.zeros((0, KEYPOINTS, 2))]
    for name, own in load_labels(labels).sessions.items():
        recording = load_recording(recordings, name)
        checks = check_session(recording.folder, lag=False).flags()
        plain, given = (
            find_candidates(recording, checks, LabelSettings(bodies=ALL), which)
            for which in (None, own)
        )
        rows = given.given.any(axis=1)
        trusted = plain.trusted[rows][..., None]
        sensor.append(np.where(trusted, plain.points[rows], np.nan))
        filled = given.keypoint_quality[rows] & np.uint32(1 << GIVEN_BITS["filled"])
        is_by_hand = given.given[rows] & (filled == 0)
        by_hand.append(np.where(is_by_hand[..., None], given.points[rows], np.nan))
    return np.concatenate(sensor), np.concatenate(by_hand)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit a correction and write it; return the exit code."""
    parser = argparse.ArgumentParser(prog="kincap.dataset.labels.fit_bias", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--recordings", type=Path, default=Path("recordings"))
    parser.add_argument("--labels", type=Path, required=True, help="labels by hand, CSV or JSON")
    parser.add_argument("--out", type=Path, default=Path("bias.toml"))
    args = parser.parse_args(arguments)
    try:
        if args.out.exists():
            raise DatasetError(f"--out {args.out}: exists; move it away or take another name")
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
    try:
        write_atomic(args.out, tomli_w.dumps(bias_toml(bias)).encode(), 0o644)
    except OSError as err:
        print(f"kincap: --out {args.out}: {err.strerror or err}; take another --out")
        return 1
    print(f"{args.out}: kincap build --joint-bias {args.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
