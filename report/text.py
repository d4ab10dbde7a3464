"""A report as it is printed: the verdict, the accounts of the streams, the findings."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..checks.alike.compare import Alarm
from ..checks.filters.settings import FilterSettings
from ..checks.findings import keypoint_words
from ..core.skeleton import KEYPOINT_NAMES
from ..sessions.kinds import KINDS, Kind
from .advice import share_words
from .line import Line as Line
from .line import Weight

LISTED: Final = 3
"""Findings of a kind that are printed one by one; of more, their sum and the worst."""
_COUNTED: Final = ("missing", "items", "lost")
"""Units that are worth a sum; others are summed up by their time."""
_LASTS_S: Final = 0.3


def report_lines(
    quality: Mapping[str, Any],
    kinds: Mapping[str, Kind] = KINDS,
    alarms: Sequence[Alarm] = (),
) -> list[Line]:
    """Return a report line by line.

    Args:
        quality: A report.
        kinds: Kinds of findings by name.
        alarms: Warnings about this session and earlier ones.
    """
    whole = quality["whole"]
    lines = [Line("quality", quality["verdict"], "verdict")]
    for name, stream in whole["streams"].items():
        account = quality["accounts"][name]
        lost = account["dropped"] or not account["closes"]
        lines.append(Line(name, _stream_text(stream, account), "grave" if lost else "plain"))
    pairs = whole["pairs"]
    if pairs["paired"]:
        text = (
            f"residual median {pairs['median_ms']:.1f} ms, p95 {pairs['p95_ms']:.1f} ms, max "
            f"{pairs['max_ms']:.1f} ms; {share_words(pairs['unpaired_share'])} of the frames "
            "without a body row"
        )
        lines.append(Line("pairs", text))
    lines += _people_lines(whole) + _filter_lines(whole)
    if whole["streams"]["color"]["items"]:
        lines.append(Line("light", _light_text(whole)))
    lines += coverage_lines(quality.get("coverage")) + _finding_lines(quality, kinds)
    lines += [Line("sessions", f"{one.other}: {one.text}", "odd") for one in alarms]
    return lines + [Line("next time", text, "advice") for text in quality["advice"]]


def _stream_text(stream: Mapping[str, Any], account: Mapping[str, Any]) -> str:
    """Return a stream's account and rate."""
    if not account["emitted"]:
        return "none"
    why = ", ".join(f"{count} {reason}" for reason, count in account["reasons"].items())
    text = f"{account['emitted']} came = {account['stored']} stored + {account['dropped']} dropped"
    text += f" ({why})" if why else ""
    paused = account.get("not_stored", 0)
    text += f" + {paused} not stored (paused)" if paused else ""
    text += f", {stream['fps_mean']:.1f}/s" if stream["fps_mean"] else ""
    if stream["fps_median"]:
        text += f" (median step {1e3 / stream['fps_median']:.1f} ms)"
    if stream["gaps"]:
        text += f", {stream['missing']} missing in gaps"
    return text if account["closes"] else f"{text}, {account['unaccounted']} UNACCOUNTED"


def _people_lines(whole: Mapping[str, Any]) -> list[Line]:
    """Return lines about the people and their joints."""
    people, distance = whole["people"], whole["distance_m"]
    if not people["most"]:
        return []
    text = f"{people['mean']:.1f} a row (at most {people['most']}; several in "
    text += f"{share_words(people['several_share'])}, no one in "
    text += share_words(people["nobody_share"]) + ")"
    if distance["p5"] is not None:
        text += f", at {distance['p5']:.1f} to {distance['p95']:.1f} m"
    cut = [
        f"{side} {share_words(share)}" for side, share in whole["clipped_share"].items() if share
    ]
    text += f"; cut off at the edge of view: {', '.join(cut) or 'never'}"
    keypoints, bones = whole["keypoints"], whole["bones"]
    often = sorted(KEYPOINT_NAMES, key=lambda name: -(keypoints[name]["inferred"] or 0.0))[:3]
    guessed = ", ".join(
        f"{keypoint_words(name)} {share_words(keypoints[name]['inferred'])}"
        for name in often
        if keypoints[name]["inferred"]
    )
    joints = f"{share_words(keypoints['inferred_share'])} inferred"
    joints += f" (most: {guessed})" if guessed else ""
    loose = ", ".join(f"{name} {bones['spread'][name]:.1%}" for name in bones["worst"][:2])
    joints += f"; bones vary most: {loose}" if loose else ""
    return [Line("people", text), Line("joints", joints)]


def _filter_lines(whole: Mapping[str, Any]) -> list[Line]:
    """Return a line about what the filters of ``kincap build`` would leave out."""
    filters, limits = whole["filters"], FilterSettings()
    if not filters["candidates"]:
        return []
    costs = {
        f"nearer than {limits.depth_min_m:.1f} m or farther than {limits.depth_max_m:.1f} m":
            filters["range"],
        "too few keypoints tracked": filters["tracking"],
        "keypoints at the edge of the image": filters["edge"],
    }  # fmt: skip
    text = f"build's filters keep {share_words(filters['kept'])} of {filters['candidates']} bodies"
    lost = ", ".join(f"{why} {share_words(share)}" for why, share in costs.items() if share)
    return [Line("filters", f"{text}; left out: {lost}" if lost else text)]


def coverage_lines(coverage: Mapping[str, Any] | None) -> list[Line]:
    """Return how much of their reach hands and elbows visited, and what is missing most.

    Args:
        coverage: A result of ``CoverageGrid.to_json``; None: a report of an earlier kincap.
    """
    if coverage is None or not any(one["frames"] for one in coverage["limbs"].values()):
        return []
    limbs = {limb: share_words(one["visited_share"]) for limb, one in coverage["limbs"].items()}
    text = (
        f"of their reach, hands visited {limbs['l_wrist']} (left) and {limbs['r_wrist']} (right), "
        f"elbows {limbs['l_elbow']} and {limbs['r_elbow']}"
    )
    lines = [Line("coverage", text)]
    missing = coverage["missing"]
    if missing:
        more = len(missing) - LISTED
        text = "; ".join(missing[:LISTED]) + (f"; and {more} more" if more > 0 else "")
        lines.append(Line("missing", text))
    return lines


def _light_text(whole: Mapping[str, Any]) -> str:
    """Return the share of low light, and the lag of joints if there are any."""
    text = f"{share_words(whole['low_light']['share'])} low light"
    if not whole["people"]["most"]:
        return text
    ms = whole["lag"]["ms"]
    known = "too little motion to tell" if ms is None else f"{ms:+.0f} ms"
    return f"{text}; joints after images: {known}"


def _finding_lines(quality: Mapping[str, Any], kinds: Mapping[str, Kind]) -> list[Line]:
    """Return the findings, kind by kind, the severe ones first, else as they first appear."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for finding in quality["findings"]:
        by_kind.setdefault(finding["kind"], []).append(finding)
    several = len(quality["takes"]) > 1
    lines = []
    for name in sorted(by_kind, key=lambda name: _weight(kinds.get(name)) != "grave"):
        findings, kind = by_kind[name], kinds.get(name)
        if len(findings) <= LISTED:
            texts = [_where(finding, several) + finding["text"] for finding in findings]
        else:
            unit = kind.unit if kind is not None else ""
            texts = [_sum_text(unit, findings, quality["kinds"][name], several)]
        lines += [Line(name, text, _weight(kind)) for text in texts]
    return lines


def _weight(kind: Kind | None) -> Weight:
    """Return how much a kind of finding matters; None: a kind that a later kincap added."""
    if kind is None or kind.severity == "odd":
        return "odd"
    return "known" if kind.severity == "usual" else "grave"


def _sum_text(
    unit: str, findings: Sequence[Mapping[str, Any]], total: Mapping[str, Any], several: bool
) -> str:
    """Return the number of findings, their sum and the worst of them."""
    text = f"{total['times']} times"
    if unit in _COUNTED:
        text += f", {total['items']} {unit}"
    elif total["seconds"] >= _LASTS_S:
        text += f", {total['seconds']:.1f} s in all"
    worst = max(findings, key=lambda one: (_length_s(one), one["count"]))
    # the first of many moments is worth no more than any other
    which = "longest" if _length_s(worst) else "first"
    return f"{text}; {which} {_where(worst, several)}{worst['text']}"


def _length_s(finding: Mapping[str, Any]) -> float:
    """Return how long a finding lasts; 0 where that is unknown."""
    return float((finding["end_s"] or 0.0) - (finding["start_s"] or 0.0))


def _where(finding: Mapping[str, Any], several: bool) -> str:
    """Return when it was."""
    if finding["start_s"] is None:
        return ""
    take = f"take {finding['take']}, " if several else ""
    return f"{take}{clock(finding['start_s'])}: "


def clock(seconds: float) -> str:
    """Return seconds as m:ss.s."""
    minutes, rest = divmod(round(max(seconds, 0.0), 1), 60)
    return f"{int(minutes)}:{rest:04.1f}"
