"""Thresholds of all filters: one frozen object, readable from TOML."""

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...core.errors import KincapError

_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class FilterSettings:
    """Thresholds of the filters.

    Attributes:
        off: Names of filters that are not applied.
        depth_min_m: Nearest body, metres.
        depth_max_m: Farthest body, metres.
        edge_margin: Share of the picture's width and height, at each edge, where a keypoint is
            not trusted.
        clipped_margin: The same share of the width where the sensor says that the body leaves its
            depth image sideways: that image ends at about 11 % of the colour image's width.
        max_untrusted: More untrusted keypoints than this drop the frame.
        max_outside: A box with more than this share outside of the picture drops the frame.
        bone_arm: Share of its median by which a bone of an arm may be longer or shorter.
        bone_body: The same of other bones.
        bone_sd: A bone is odd only if it is off by more than this many robust standard deviations.
        bone_m: And by more than this, metres.
        bone_most_m: Off by more than this it is odd, however often it is, metres.
        bone_steady_sd: A bone is odd, too, if its median over a quarter of a second is off by more
            than this many robust standard deviations,
        bone_steady_m: and by more than this, metres.
        bone_guess_m: The same of a bone one of whose ends is a guess, metres.
        brace_m: The same of shoulders and hips against the middle of the spine, metres.
        bone_gap_s: Between two rows in which a keypoint is odd it is out of place, too, if they
            are at most this far apart, seconds.
        hand_bend_deg: A hand is bent if it is by this much more than its person's usually is,
            degrees.
        body_size: Share of their medians by which all bones of a body together may be longer or
            shorter: the median of theirs.
        symmetry: Largest ratio of the lengths of a bone and its twin on the other side.
        speed_wrist_m_s: Fastest wrist, metres a second.
        speed_elbow_m_s: Fastest elbow.
        speed_m_s: Fastest other joint.
        outlier_wrist_m: Largest distance of a wrist from the mean of its neighbours in time,
            metres.
        outlier_m: The same of other keypoints.
        frozen_m: A joint that moves less than this from row to row does not move, metres.
        frozen_rows: This many equal rows are frozen.
        yaw_max_deg: A body turned farther from the sensor is turned away, degrees.
        turn_deg: A body turns stiffly where shoulders, hips and legs turn together by more than
            this within a quarter of a second, degrees,
        turn_back_s: and turn back within this time, seconds.
        swap_share: Left and right change places where exchanging them makes the jump of all joints
            smaller by more than this share,
        swap_m: and by more than this, metres.
        swap_most_s: An exchange of sides ends after this time: its step back was missed, seconds.
        limb_swap_m: The same for both lower arms, or both lower legs, alone.
        limb_swap_s: Arms or legs that change places and do not change back within this time are
            named at the change only, seconds.
        swap_repair_s: An exchange of sides that is this short and ends is put back; 0: never.
        body_index_share: Least share of the pixels around a keypoint that belong to its body.
        occluded_near_m: A surface nearer than the joint by more than this hides it, metres.
        occluded_far_m: A surface farther than the joint by more than this is not the body.
        gap_ms: A longer time between two frames is a gap.
        residual_ms: A body row farther from its colour frame is not paired with it.
        lag_ms: A lag of joints beyond this makes labels wrong.
        lag_peak: A lag is corrected where its correlation is at least this,
        lag_gain: and that much above the correlation without a shift,
        lag_sure: or where it is at least this many times its own uncertainty.
        overlap: Largest IoU of a body's box with another one's.
        thin_motion: A frame is left out if its keypoints moved less than this share of the torso
            since the last one that is kept; 0: none is.
    """

    off: tuple[str, ...] = ()
    depth_min_m: float = 1.0
    depth_max_m: float = 4.0
    edge_margin: float = 0.02
    clipped_margin: float = 0.12
    max_untrusted: int = 4
    max_outside: float = 0.33
    bone_arm: float = 0.15
    bone_body: float = 0.15
    bone_sd: float = 3.5
    bone_m: float = 0.035
    bone_most_m: float = 0.1
    bone_steady_sd: float = 3.5
    bone_steady_m: float = 0.015
    bone_guess_m: float = 0.06
    brace_m: float = 0.03
    bone_gap_s: float = 0.5
    hand_bend_deg: float = 20.0
    body_size: float = 0.06
    symmetry: float = 1.25
    speed_wrist_m_s: float = 7.0
    speed_elbow_m_s: float = 5.0
    speed_m_s: float = 3.5
    outlier_wrist_m: float = 0.18
    outlier_m: float = 0.12
    frozen_m: float = 1e-6
    frozen_rows: int = 4
    yaw_max_deg: float = 60.0
    turn_deg: float = 15.0
    turn_back_s: float = 2.5
    swap_share: float = 0.4
    swap_m: float = 0.3
    swap_most_s: float = 15.0
    limb_swap_m: float = 0.2
    limb_swap_s: float = 2.5
    swap_repair_s: float = 0.5
    body_index_share: float = 0.5
    occluded_near_m: float = 0.25
    occluded_far_m: float = 0.10
    gap_ms: float = 50.0
    residual_ms: float = 16.7
    lag_ms: float = 33.0
    lag_peak: float = 0.6
    lag_gain: float = 0.05
    lag_sure: float = 5.0
    overlap: float = 0.3
    thin_motion: float = 0.0

    def uses(self, name: str) -> bool:
        """Return True if a filter is applied."""
        return name not in self.off


def read_filters(path: Path, names: tuple[str, ...]) -> FilterSettings:
    """Read thresholds from a TOML file; what it does not name keeps its default.

    Args:
        path: The file.
        names: Names of the filters, which ``off`` may list.

    Raises:
        KincapError: Can't be read, an unknown key, or a value out of range (exit 2).
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise KincapError(f"--filters {path}: larger than 1 MiB; expected a few lines of TOML")
        found = tomllib.loads(raw.decode())
    except OSError as err:
        raise KincapError(f"--filters {path}: {err.strerror or err}; name a TOML file") from err
    except (ValueError, RecursionError) as err:  # ValueError: an integer of too many digits, too
        raise KincapError(f"--filters {path}: not valid TOML ({err})") from err
    known = vars(FilterSettings())
    for key, value in found.items():
        if isinstance(value, dict):
            raise KincapError(f"--filters {path}: {_no_table(key, value, known)}")
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            hint = f"; did you mean {near[0]}?" if near else f"; expected {', '.join(known)}"
            raise KincapError(f"--filters {path}: unknown key {_short(key)}{hint}")
        if key == "off":
            _check_off(path, value, names)
        else:
            _check_number(path, key, value, known[key])
    given: dict[str, Any] = {
        key: tuple(value) if key == "off" else type(known[key])(value)
        for key, value in found.items()
    }
    settings = FilterSettings(**given)
    if settings.depth_min_m >= settings.depth_max_m:
        raise KincapError(
            f"--filters {path}: depth_min_m {settings.depth_min_m:g} is not below depth_max_m "
            f"{settings.depth_max_m:g}"
        )
    return settings


def _no_table(name: str, inside: dict[str, Any], known: dict[str, Any]) -> str:
    """Return what is wrong with a table of a file that has none, and what was probably meant."""
    for asked in (*inside, name):
        near = difflib.get_close_matches(asked, known, 1, 0.5)
        if near:
            return f"unknown table [{_short(name)}]; did you mean {near[0]} = ..., without a table?"
    return f"unknown table [{_short(name)}]; expected no tables, but {', '.join(known)}"


def _check_off(path: Path, value: object, names: tuple[str, ...]) -> None:
    """Refuse a list of anything but names of filters."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise KincapError(
            f"--filters {path}: off = {_short(value)}; expected a list of filters' names"
        )
    for one in value:
        if one not in names:
            raise KincapError(
                f"--filters {path}: off: unknown filter {_short(one)}; "
                f"expected of {', '.join(names)}"
            )


_LEAST: Final = {"frozen_rows": 2, "symmetry": 1.0}
_MOST: Final = {
    "edge_margin": 0.49, "clipped_margin": 0.49, "max_untrusted": 13, "max_outside": 1.0,
    "overlap": 1.0, "yaw_max_deg": 180.0, "body_index_share": 1.0, "swap_share": 1.0,
    "frozen_rows": 30, "residual_ms": 1000.0, "thin_motion": 1.0,
}  # fmt: skip


def _check_number(path: Path, key: str, value: object, default: object) -> None:
    """Refuse what is not a number within the bounds of sense."""
    whole = isinstance(default, int)
    least, most = _LEAST.get(key, 0), _MOST.get(key, 1e6)
    right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not (right and isinstance(value, int | float) and least <= value <= most):
        kind = "a whole number" if whole else "a number"
        raise KincapError(
            f"--filters {path}: {key} = {_short(value)}; expected {kind} from {least:g} to {most:g}"
        )


def _short(value: object) -> str:
    """Return a value as it is written, cut to a length that fits a line."""
    text = "a very large number" if isinstance(value, int) and abs(value) > 1e30 else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
