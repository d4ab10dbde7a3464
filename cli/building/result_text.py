"""The result of ``kincap build``, printed as tables and lines."""

from typing import TYPE_CHECKING, Any, Final

from .. import console

if TYPE_CHECKING:
    from ...dataset.build import BuildResult

_WHO: Final = ("sessions", "outfits", "subjects")


def print_result(done: "BuildResult") -> None:
    """Print the counts and the paths of the results."""
    rows: list[tuple[object, ...]] = [
        (f"kept: {split}", count, None) for split, count in done.splits.items()
    ]
    rows += [
        (f"rejected: {reason}", count, done.rejected_all[reason])
        for reason, count in done.rejected.items()
        if done.rejected_all[reason]
    ]
    rows.append(("candidates", done.candidates, None))
    console.table(("", "counted once", "reason met"), rows, right=(1, 2))
    _show_split(done)
    _show_keypoints(done)
    if done.findings:
        console.table(
            (
                "findings of the report",
                "findings",
                "rows kept",
                "weight 0 in",
                "dropped",
            ),
            [(kind, *count.values()) for kind, count in done.findings.items()],
            right=(1, 2, 3, 4),
        )
    if done.given_labels is not None:
        given = done.given_labels
        console.result(
            f"labels given: {given['labels']}, used {given['used']}, in kept rows {given['kept']}"
        )
    if done.label_error is not None:
        _show_label_error(done.label_error)
    what = f"{done.kept} rows"
    if done.full_frames is not None:
        frames = sum(split["frames"] for split in done.full_frames.values())
        what = f"{frames} frames with {done.kept} labelled people"
    if done.sha256 is None:
        console.result(f"{done.out}: would hold {what} (nothing was written)")
        return
    resumed = f", {done.resumed_rows} of them made earlier" if done.resumed_rows else ""
    console.result(f"{done.out}: {what}{resumed}, SHA-256 {done.sha256}")
    console.result(f"Look at it: {done.report or done.sheet}")


def _show_split(done: "BuildResult") -> None:
    """Print who is on which side, and what the sides share."""
    leaks = done.leaks
    console.table(
        ("split", "rows", "sessions", "outfits", "subjects"),
        [
            (split, done.splits[split], *(_names(who[kind]) for kind in _WHO))
            for split, who in leaks["sides"].items()
        ],
        right=(1,),
    )
    near = leaks["near_copies"]
    seconds = leaks["nearest_s"]
    apart = "on no common clock" if seconds is None else f"{seconds:g} s away"
    also = "; ".join(f"{kind} {_names(leaks['shared'][kind])}" for kind in _WHO)
    compared = f"{near['found']} of {near['hashed']} compared"
    if near["found"] is None:
        compared = "not looked for"  # a dry run reads no pictures for a report
    console.result(
        f"leak check: nearest training frame {apart}, equal pictures "
        f"{leaks['equal_pictures']}, near-copies {compared} ({near['alike']} alike in pose)"
    )
    console.result(f"in train and held out: {also}")
    if done.balance is not None:
        console.result(
            f"balance: {done.balance['bins']} bins of poses, at most {done.balance['most']} rows "
            f"each ({done.balance['fullest']} before), {done.balance['kept']} of "
            f"{done.balance['rows']} training rows kept"
        )


def _names(names: list[str]) -> str:
    """Return a few of many names."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return (", ".join(names[:5]) or "-") + more


def _show_keypoints(done: "BuildResult") -> None:
    """Print by group of keypoints how many have weight, and which filters took that of others."""
    from ...core.skeleton import GROUPS, KEYPOINT_NAMES

    def by_group(counts: dict[str, int]) -> list[int]:
        return [sum(counts[KEYPOINT_NAMES[k]] for k in points) for points in GROUPS.values()]

    rows = [("with weight", by_group(done.keypoints["weight"]))]
    rows += [
        (f"weight 0: {name}", by_group(counts))
        for name, counts in done.keypoints["rejected"].items()
        if any(counts.values())
    ]
    console.table(
        ("keypoints of kept rows", *GROUPS),
        [(name, *counts) for name, counts in rows],
        right=tuple(range(1, len(GROUPS) + 1)),
    )
    if sum(any(counts.values()) for counts in done.keypoints["rejected"].values()) > 1:
        console.result("(a keypoint that several filters name is in the row of each)")
    if len(done.sessions) > 1:
        console.table(
            ("session", "candidates", "kept", "rejected most often for"),
            [
                (name, one["candidates"], one["kept"], _most(one["rejected"]))
                for name, one in done.sessions.items()
            ],
            right=(1, 2),
        )
    for what, count in done.repaired.items():
        if count:
            console.result(f"repaired: {what.replace('_', ' ')} in {count} rows")


def _most(rejected: dict[str, int]) -> str:
    """Return the three reasons that most candidates are counted under, in words."""
    top = sorted(((n, reason) for reason, n in rejected.items() if n), reverse=True)[:3]
    return ", ".join(f"{reason} {n}" for n, reason in top) or "-"


def _show_label_error(error: dict[str, Any]) -> None:
    """Print the distance of simulated sessions' labels from the ground truth."""
    groups = {**error["groups"], "all": error}
    console.table(
        ("kept labels against the truth", "labels", "median px", "p95 px", "wrong"),
        [
            (name, one["labels"], _pixels(one["median_px"]), _pixels(one["p95_px"]), one["wrong"])
            for name, one in groups.items()
        ],
        right=(1, 2, 3, 4),
    )
    console.table(
        ("labels by fault", "labels", "wrong", "of these kept", "rejected", "right, rejected"),
        [(name, *counts.values()) for name, counts in error["faults"].items()],
        right=(1, 2, 3, 4, 5),
    )


def _pixels(px: float | None) -> str:
    """Return a distance, or a dash where there is none."""
    return "-" if px is None else f"{px:.1f}"
