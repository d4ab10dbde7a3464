"""Findings about a take as a whole: figures outside of the bounds of sense, and too few items.

A recording can be stored without a fault and still be useless: a clock in milliseconds read as
100 ns, joints in millimetres, a wrist that is a guess in most rows, a single row.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from ..core.skeleton import KEYPOINT_JOINT, KEYPOINT_NAMES, TrackingState
from ..core.units import SECOND_100NS
from .findings import Finding, keypoint_words
from .session_takes import Take

RATE_PER_S: Final = (0.5, 250.0)
"""Items of a stream in a second; a Kinect gives 15 or 30, the fastest body trackers 240."""
DISTANCE_M: Final = (0.3, 10.0)
"""Median distance of bodies; a Kinect v2 sees them from 0.5 to 4.5 m."""
GUESSED_SHARE: Final = 0.5
"""A keypoint that is not tracked in more than this share of the bodies is named."""
LEAST_BODIES: Final = 30
"""In a take with fewer bodies, a share says nothing."""
LEAST_ITEMS: Final = 15
"""Fewer items of each stream, half a second at 30 Hz, say nothing."""


def figure_findings(take: Take) -> list[Finding]:
    """Return what is wrong with the figures of a take."""
    return _rates(take) + _distances(take) + _guessed(take)


def _about(
    take: Take, kind: str, stream: str, text: str, keypoints: tuple[str, ...] = ()
) -> Finding:
    """Return a finding about all items of a stream in a take."""
    seq = take.rows(stream)["seq"]
    first, last = int(seq.min()), int(seq.max())
    return Finding(kind, stream, take.number, first, last, len(seq), text, keypoints=keypoints)


def _rates(take: Take) -> list[Finding]:
    """Name streams whose usual step no sensor has."""
    found = []
    for stream, steps in take.steps.items():
        if not len(steps.regular):
            continue
        rate = SECOND_100NS / float(np.median(steps.regular))
        least, most = RATE_PER_S
        if not least <= rate <= most:
            text = f"{stream}: {rate:,.4g} items a second (expected {least:g} to {most:g})"
            found.append(_about(take, "implausible_figure", stream, text))
    return found


def _distances(take: Take) -> list[Finding]:
    """Name bodies that are where no sensor sees any."""
    depth = take.people["distance_m"]
    depth = depth[np.isfinite(depth)]
    if not len(depth):
        return []
    median, (least, most) = float(np.median(depth)), DISTANCE_M
    if least <= median <= most:
        return []
    text = f"bodies are {median:,.4g} m away (expected {least:g} to {most:g} m)"
    return [_about(take, "implausible_figure", "bodies", text)]


def _guessed(take: Take) -> list[Finding]:
    """Name the keypoints that are guesses in most rows."""
    states = take.tables.states.get(take.number)
    if states is None:
        return []
    counts = states[:, KEYPOINT_JOINT]
    known = counts.sum(axis=0)
    if known.min() < LEAST_BODIES:
        return []
    share = (counts[TrackingState.inferred] + counts[TrackingState.not_tracked]) / known
    often = [int(k) for k in np.argsort(-share, kind="stable") if share[k] > GUESSED_SHARE]
    if not often:
        return []
    names = tuple(KEYPOINT_NAMES[k] for k in often)
    words = ", ".join(f"{keypoint_words(KEYPOINT_NAMES[k])} {100 * share[k]:.0f} %" for k in often)
    text = f"guesses in most rows: {words}"
    return [_about(take, "guessed_keypoint", "bodies", text, names)]


def length_findings(takes: Sequence[Take]) -> list[Finding]:
    """Name a session that is too short to say anything, in its first take."""
    counts = {
        stream: sum(len(take.rows(stream)) for take in takes) for stream in ("color", "bodies")
    }
    if not takes or max(counts.values()) >= LEAST_ITEMS:
        return []
    stream = "color" if len(takes[0].color) else "bodies"
    text = f"{counts['color']} colour frames and {counts['bodies']} body rows: too few to judge"
    return [_about(takes[0], "too_short", stream, text)]
