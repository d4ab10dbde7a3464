"""``--min``: a figure that a net has to reach, for scripts and CI."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...core.errors import KincapError

EXAMPLE = "pck@0.2=0.9 or wrist@0.1=0.5"


@dataclass(frozen=True)
class Minimum:
    """A figure and the value that it must have.

    Attributes:
        text: As given.
        group: A group of keypoints, or ``all``.
        threshold: Share of the torso, as text.
        value: Percentage.
    """

    text: str
    group: str
    threshold: str
    value: float


def parse_minimum(text: str, groups: tuple[str, ...], thresholds: tuple[str, ...]) -> Minimum:
    """Return what a ``--min`` asks for.

    Args:
        text: ``pck@0.2=0.9`` (all keypoints) or ``wrist@0.1=0.5``; a share of 0 to 1.
        groups: Groups of keypoints that can be asked for.
        thresholds: Thresholds that are measured, as texts.

    Raises:
        KincapError: It says something else.
    """
    name, _, wanted = text.partition("=")
    group, _, threshold = name.partition("@")
    group = {"pck": "all"}.get(group, group)
    if group not in (*groups, "all"):
        raise KincapError(
            f"--min: {text!r} names no figure; expected {EXAMPLE}; figures: pck, "
            f"{', '.join(groups)}"
        )
    if threshold not in thresholds:
        raise KincapError(f"--min: {text!r}: expected one of @{', @'.join(thresholds)}")
    try:
        value = float(wanted)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise KincapError(f"--min: {text!r}: expected a share of 0 to 1, as in {EXAMPLE}")
    return Minimum(text, group, threshold, 100 * value)


def missed(minimum: Minimum, pck: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return in one line by how much a minimum is missed; None where it is reached.

    Args:
        minimum: What was asked for.
        pck: Percentages by threshold and group.
    """
    found = pck[minimum.threshold][minimum.group]
    if found is not None and found >= minimum.value:
        return None
    shown = "nothing was counted" if found is None else f"{found / 100:.4f}"
    return f"--min {minimum.text}: {shown}"
