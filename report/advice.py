"""A verdict in plain words, and advice for the next recording."""

from collections.abc import Mapping
from typing import Any, Final

from ..checks.findings import keypoint_words
from ..core.skeleton import KEYPOINT_NAMES
from ..sessions.kinds import KINDS, SEVERITIES, Kind

GUESSED_SHARE: Final = 0.15
UNSTABLE_BONE: Final = 0.12
USUAL_GAPS_SHARE: Final = 0.05
"""A real sensor leaves out about one frame in fifty."""
_PARTS: Final = {
    "trunk": [n for n in KEYPOINT_NAMES if n.endswith(("head", "shoulder"))],
    "arms": [n for n in KEYPOINT_NAMES if n.endswith(("elbow", "wrist"))],
    "legs": [n for n in KEYPOINT_NAMES if n.endswith(("hip", "knee", "ankle"))],
}

_GUESSED_POOR: Final = 0.3
_DROPPED_POOR: Final = 0.05


def verdict(quality: Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS) -> str:
    """Return in one line how good the recording is.

    Args:
        quality: A report, all but its verdict and advice.
        kinds: Kinds of findings by name.
    """
    whole = quality["whole"]
    color, bodies = (whole["streams"][name]["items"] for name in ("color", "bodies"))
    open_accounts = [name for name, one in quality["accounts"].items() if not one["closes"]]
    if quality["damaged_rows"] or quality["unreadable_shards"] or open_accounts:
        return "damaged: some of it can't be read or is not accounted for"
    if not color and not bodies:
        return "empty: nothing was stored"
    only = " (bodies only)" if not color else " (colour only)" if not bodies else ""
    lost = sum(one["dropped"] for one in quality["accounts"].values())
    came = (one["emitted"] - one.get("not_stored", 0) for one in quality["accounts"].values())
    share = lost / max(sum(came), 1)
    found = {finding["kind"] for finding in quality["findings"]}
    streams = whole["streams"].values()
    if all(one["missing"] <= USUAL_GAPS_SHARE * one["items"] for one in streams):
        found.discard("gap")
    guessed = whole["keypoints"]["inferred_share"] or 0.0
    poor = any(name in kinds and kinds[name].severity == "poor" for name in found)
    if share > _DROPPED_POOR or guessed > _GUESSED_POOR or poor:
        return f"poor{only}: look at the findings before you build from it"
    if found or lost or guessed > GUESSED_SHARE:
        return f"usable{only}: parts of it are worth a look"
    return f"good{only}"


def advice(quality: Mapping[str, Any], kinds: Mapping[str, Kind] = KINDS) -> list[str]:
    """Return what was wrong and what to do next time, the most severe first.

    Args:
        quality: A report, all but its verdict and advice.
        kinds: Kinds of findings by name.
    """
    found = {finding["kind"] for finding in quality["findings"]}
    rank = {severity: place for place, severity in enumerate(SEVERITIES)}
    known = [kind for name, kind in kinds.items() if name in found and kind.advice]
    said = [kind.advice for kind in sorted(known, key=lambda kind: rank[kind.severity])]
    said = _machine(quality) + list(dict.fromkeys(said))
    return said + _joints(quality["whole"]) + _place(quality["whole"])


def _machine(quality: Mapping[str, Any]) -> list[str]:
    """Return what the machine could not do, and whether all of it is accounted for."""
    said = []
    accounts = quality["accounts"]
    reasons: dict[str, int] = {}
    for one in accounts.values():
        for reason, count in one["reasons"].items():
            reasons[reason] = reasons.get(reason, 0) + count
    if reasons.get("ring_full"):
        said.append(
            f"the machine was overloaded and dropped {reasons['ring_full']} items: "
            "close other programs"
        )
    unwritten = reasons.get("queue_full", 0) + reasons.get("writer", 0)
    if unwritten:
        said.append(
            f"the disk was full or too slow and {unwritten} items were dropped: free some space, "
            "or record to a faster disk"
        )
    if reasons.get("wrong_size"):
        said.append(
            f"{reasons['wrong_size']} frames did not have the size that the sensor declared"
        )
    for name, one in accounts.items():
        if not one["closes"]:
            said.append(
                f"{name}: {one['unaccounted']} items are neither stored nor explained, "
                f"{one['twice']} are there twice; "
                f"kincap sessions verify {quality['session']} says more"
            )
    damaged = sum(quality["damaged_rows"].values()), len(quality["unreadable_shards"])
    if any(damaged):
        said.append(
            f"{damaged[0]} damaged rows and {damaged[1]} unreadable shards: "
            f"kincap sessions repair {quality['session']}"
        )
    return said


def _joints(whole: Mapping[str, Any]) -> list[str]:
    """Return which keypoints are guesses too often, and which bones change their length."""
    shares = {
        name: (whole["keypoints"][name]["inferred"] or 0.0)
        + (whole["keypoints"][name]["not_tracked"] or 0.0)
        for name in KEYPOINT_NAMES
    }
    said = []
    for part, whose in _PARTS.items():
        often = [name for name in whose if shares[name] > GUESSED_SHARE]
        if often:
            which = ", ".join(
                f"{keypoint_words(name)} {share_words(shares[name])}" for name in often
            )
            said.append(f"guessed: {which} of the frames: {_do_about(part)}")
    bones = whole["bones"]
    loose = [name for name in bones["worst"] if bones["spread"][name] > UNSTABLE_BONE]
    if loose:
        which = ", ".join(f"{name} {share_words(bones['spread'][name])}" for name in loose)
        said.append(
            f"bones that change their length ({which}): joints wander there; narrow clothes and "
            "more distance to things help"
        )
    return said


def _do_about(part: str) -> str:
    """Return what helps the sensor to see a part of the body."""
    if part == "arms":
        return "keep the hands away from the body or turn towards the sensor"
    if part == "legs":
        return "step back until the whole body is in view"
    return "turn towards the sensor and stay in view"


def _place(whole: Mapping[str, Any]) -> list[str]:
    """Return where the person stood badly."""
    said = []
    clipped = {side: share or 0.0 for side, share in whole["clipped_share"].items()}
    cut = [f"{side} {share_words(share)}" for side, share in clipped.items() if share > 0.05]
    if cut:
        said.append(f"the body left the image ({', '.join(cut)}): stay in the middle, step back")
    distance = whole["distance_m"]
    if (distance["outside_share"] or 0.0) > 0.05:
        said.append(
            f"{share_words(distance['outside_share'])} of the time nearer than 1 m or farther "
            f"than 4 m (median {distance['median']:.1f} m): stand at 2 to 3 m"
        )
    return said


def share_words(share: float | None) -> str:
    """Return a share in words; a tiny one is not none."""
    if share is None:
        return "-"
    return (
        "0 %" if not share else "under 1 %" if share < 0.01 else f"{share:.0%}".replace("%", " %")
    )
