"""The report of a data set: one HTML file that needs no network, no script, and no other file.

Everything but the date follows from the data set and its sources.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...checks.coverage.missing import limb_words
from ...core.skeleton import KEYPOINT_NAMES
from ..faces.blur import FaceBlur
from ..kinect13.reader import Kinect13, Split
from ..outputs import REPORT_MARK
from ..split.near_copies import pair_text
from .examples import kept_examples, left_out_examples, mask_examples
from .heat_maps import arm_coverage, arm_map, crop_counts, heat_map
from .markup import (
    NO_NUMBER,
    Cell,
    Markup,
    bar,
    block,
    count,
    figure,
    folded,
    join,
    percent,
    section,
    table,
    tag,
    text,
)
from .meanings import MEANINGS
from .rejected import Rejected
from .split_check import SplitPair, compare_splits
from .style import STYLE

_ARMS: Final = ("r_wrist", "l_wrist", "r_elbow", "l_elbow")
_NO_NETWORK: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class About:
    """Facts about a data set that are not in it.

    Attributes:
        sha256: Of the data set.
        created_utc: When it was made.
        kincap_version: What made it.
        command: The command that makes it again; "": not known.
        bytes: Its size.
        warnings: What a person should look at.
        label_error: Distance of the labels from the ground truth; None: it is not known.
        rejected: Examples of what was left out.
        blur_faces: Whether faces in the pictures are blurred.
    """

    sha256: str
    created_utc: str
    kincap_version: str
    command: str
    bytes: int
    warnings: Sequence[str]
    label_error: Mapping[str, Any] | None
    rejected: Sequence[Rejected]
    blur_faces: bool = False


def report_page(dataset: Kinect13, about: About) -> bytes:
    """Return the report as a file.

    Args:
        dataset: The finished data set, open.
        about: What is not in it.

    Returns:
        UTF-8.
    """
    title = f"Report of {dataset.path.name}"
    parts = [
        ("counts", "Counts", _counts(dataset)),
        ("splits", "Splits", _splits(dataset)),
        ("kept", "Examples", _kept(dataset, about)),
        ("rejected", "Left out", _rejected(dataset, about)),
        ("keypoints", "Keypoints", _keypoints(dataset)),
        ("coverage", "Coverage", _coverage(dataset)),
        ("labels", "Labels and findings", _labels(dataset, about)),
        ("settings", "Settings", _settings(dataset)),
        ("again", "How to make it again", _again(dataset, about)),
    ]
    links = join(Markup(f'<a href="#{name}">{title}</a>') for name, title, _ in parts)
    body = join(Markup(f'<div id="{name}">{part.html}</div>') for name, _, part in parts)
    head = _head(dataset, about, title)
    page = (
        "<!doctype html>\n"
        f'<html lang="en"><head><meta charset="utf-8">{REPORT_MARK.decode()}'
        f'<meta http-equiv="Content-Security-Policy" content="{_NO_NETWORK}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{text(title).html}</title><style>{STYLE}</style></head>\n"
        f"<body><main>{head.html}<nav>{links.html}</nav>{body.html}</main></body></html>\n"
    )
    return page.encode(errors="backslashreplace")


def _head(dataset: Kinect13, about: About, title: str) -> Markup:
    """Return the title, the main figures and the warnings."""
    counts = dataset.meta.counts
    rows = sum(len(dataset.split(name)) for name in dataset.splits)
    candidates, kept = counts.get("candidates", rows), counts.get("kept", rows)
    outfits = {str(one["outfit"]) for one in dataset.meta.sources if one.get("outfit")}
    tiles = [
        (count(rows), "rows"),
        (percent(kept / max(candidates, 1)), f"of {count(candidates)} candidates kept"),
        (" / ".join(count(len(dataset.split(name))) for name in dataset.splits),
         " / ".join(dataset.splits)),
        (count(len(dataset.meta.sessions) - len(dataset.meta.forgotten)), "sessions or sets"),
        (count(len(outfits)) if outfits else NO_NUMBER, "outfits"),
        (f"{dataset.size} px", f"side of the images, {about.bytes / 2**20:.0f} MiB"),
    ]  # fmt: skip
    shown = join(tag("div", tag("b", value) + tag("span", words), "tile") for value, words in tiles)
    made = f"Made {about.created_utc} by kincap {about.kincap_version}."
    parts = [tag("h1", title), tag("div", made, "terms"), tag("div", shown, "tiles")]
    if about.warnings:
        lines = join(tag("li", line) for line in about.warnings[:40])
        more = len(about.warnings) - 40
        if more > 0:
            lines += tag("li", f"{more} more warnings")
        parts.append(tag("ul", lines, "warnings"))
    return join(parts)


def _counts(dataset: Kinect13) -> Markup:
    """Return what was kept and rejected: in all, by session."""
    counts = dataset.meta.counts
    candidates = max(counts.get("candidates", 0), 1)
    met = counts.get("rejected_all", {})
    rows: list[list[Cell]] = [
        ["kept", counts.get("kept"), None, bar(counts.get("kept", 0) / candidates), ""]
    ]
    for reason, once in counts.get("rejected", {}).items():
        if once or met.get(reason):
            meaning = MEANINGS.get(reason, "")
            rows.append([reason, once, met.get(reason), bar(once / candidates), meaning])
    note = (
        "Each candidate is counted once, under the first reason that applies; the third column "
        "counts every reason that applied."
    )
    head = ("", "candidates", "reason met", "share", "")
    by_session = folded("By session", table(*_by_session(dataset)))
    return section("Counts", table(head, rows), by_session, note=note)


def _by_session(dataset: Kinect13) -> tuple[list[str], list[list[Cell]]]:
    """Return the counts by session."""
    sessions = dataset.meta.counts.get("sessions", {})
    head = ["session", "candidates", "kept", *dataset.splits, "left out"]
    rows: list[list[Cell]] = []
    for name, own in sessions.items():
        left_out = sorted(own.get("rejected", {}).items(), key=lambda item: -item[1])
        why = ", ".join(f"{reason} {count(n)}" for reason, n in left_out if n)
        splits = own.get("splits", {})
        counted = [splits.get(split, 0) for split in dataset.splits]
        rows.append([name, own.get("candidates"), own.get("kept"), *counted, why])
    return head, rows


def _splits(dataset: Kinect13) -> Markup:
    """Return the splits, and the check that none knows another one."""
    total = max(sum(len(dataset.split(name)) for name in dataset.splits), 1)
    rows: list[list[Cell]] = []
    for name in dataset.splits:
        split = dataset.split(name)
        used = [dataset.meta.sessions[int(s)] for s in np.unique(split.session)]
        words = ", ".join(used[:12]) + (f" and {len(used) - 12} more" if len(used) > 12 else "")
        weighted = float((split.weight > 0).mean()) if len(split) else np.nan
        share = bar(len(split) / total, percent(len(split) / total))
        rows.append([name, len(split), share, percent(weighted), words])
    head = ("split", "rows", "share", "keypoints with weight", "sessions")
    leaks = dataset.meta.counts.get("leaks")
    note = (
        "Frames that are near in time are near-copies, so a guard keeps the splits apart. "
        "The first check reads the finished file."
    )
    checked = table(
        ("splits", "frames in both", "nearest in one take", "look alike", "sessions in both",
         "outfits in both"),
        [_pair_cells(pair) for pair in compare_splits(dataset, with_look=leaks is None)],
    )  # fmt: skip
    parts = [table(head, rows), tag("h3", "Leak check"), checked]
    if leaks is not None:
        parts += [tag("h3", "The build's own check"), _leaks(leaks)]
    return section("Splits", *parts, note=note)


def _pair_cells(pair: SplitPair) -> list[Cell]:
    """Return the row of two splits."""
    nearest = "no take in both" if np.isnan(pair.nearest_s) else f"{pair.nearest_s:.2f} s"
    alike = f"{count(pair.copies)} of {count(pair.compared)} of {pair.second}"
    return [
        f"{pair.first}, {pair.second}",
        pair.same_frames,
        nearest,
        alike if pair.compared else "see below",
        _some(pair.sessions),
        _some(pair.outfits),
    ]


def _some(names: Sequence[str]) -> str:
    """Return a few of many names."""
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return (", ".join(map(str, names[:8])) or "none") + more


def _leaks(leaks: Mapping[str, Any]) -> Markup:
    """Return what a build found that training and held-out rows share (``split.leaks``)."""
    near, nearest = leaks["near_copies"], leaks["nearest_s"]
    rows: list[list[Cell]] = [
        ["nearest training frame to a held-out one, by any clock",
         "no clock in common" if nearest is None else f"{nearest:g} s"],
        ["equal pictures on both sides", str(leaks["equal_pictures"])],
        ["near-copies: nearly the same pose and picture",
         f"{near['found']} of {near['hashed']} compared ({near['alike']} alike in pose)"],
    ]  # fmt: skip
    rows += [
        [f"{kind} in training and held out", _some(of)] for kind, of in leaks["shared"].items()
    ]
    pairs: list[list[Cell]] = [[pair_text(pair)] for pair in near.get("pairs", [])]
    shown = table(("", ""), rows)
    return shown + folded("Near-copies", table(("",), pairs)) if pairs else shown


def _key() -> Markup:
    """Return what the colours of a drawn person mean."""
    return Markup(
        '<p class="key"><i class="right"></i>the person\'s right<i class="left"></i>the person\'s '
        'left<i class="hollow"></i>hollow, dashed: weight 0</p>'
    )


def _kept(dataset: Kinect13, about: About) -> Markup:
    """Return examples of rows."""
    note = "Rows, spread evenly over each split; after the semicolon the bits of their quality."
    faces = FaceBlur(dataset) if about.blur_faces else None
    parts = [_key(), kept_examples(dataset, faces)]
    masks = mask_examples(dataset, faces)
    if masks is not None:
        parts += [tag("h3", "Masks: the person of the row in blue, others in grey"), masks]
    return section("Examples of rows", *parts, note=note)


def _rejected(dataset: Kinect13, about: About) -> Markup:
    """Return examples of what was left out."""
    if not about.rejected:
        return section("Examples that were left out", tag("p", "Nothing was left out.", "note"))
    note = "A few candidates for each reason, as they would have been cut out."
    shown = left_out_examples(
        about.rejected, dataset.meta.skeleton, MEANINGS, blur_faces=about.blur_faces
    )
    return section("Examples that were left out", shown, note=note)


def _keypoints(dataset: Kinect13) -> Markup:
    """Return how many labels each keypoint has, and where it is in the crops."""
    splits = [dataset.split(name) for name in dataset.splits]
    bits = dataset.meta.quality_bits.get("keypoint_quality", {})
    labelled = _share(splits, lambda split: split.visibility > 0)
    seen = _share(splits, lambda split: split.visibility == 2)
    used = _share(splits, lambda split: split.weight > 0)
    flags = {word: _share(splits, _has_bit(bit)) for word, bit in bits.items()}
    rows: list[list[Cell]] = []
    maps = []
    for index, name in enumerate(dataset.meta.skeleton.points):
        why = sorted(((float(flags[word][index]), word) for word in flags), reverse=True)
        words = ", ".join(f"{word} {percent(share)}" for share, word in why if share)
        shares = [percent(float(part[index])) for part in (labelled, seen)]
        own = float(used[index])
        rows.append([name, *shares, bar(own), percent(own), words])
        counts = crop_counts(dataset, index)
        maps.append(
            figure(heat_map(counts), "png", f"places of {name}", text(name), "heat")
        )  # fmt: skip
    head = ("keypoint", "labelled", "visible", "weight above 0", "", "flags")
    note = "Shares of all rows. A keypoint with weight 0 is not trained on."
    places = tag("div", join(maps), "figures")
    heading = tag("h3", "Where they are in the crops (weight above 0)")
    return section("Keypoints", table(head, rows), heading, places, note=note)


def _has_bit(bit: int) -> Callable[[Split], NDArray[Any]]:
    """Return a function that says of each keypoint of a split whether a quality bit is set."""
    return lambda split: split.keypoint_quality >> bit & 1


def _share(splits: Sequence[Split], what: Callable[[Split], NDArray[Any]]) -> NDArray[np.float64]:
    """Return (K,) the share of rows of all splits for which something holds, by keypoint."""
    total = sum(what(split).sum(axis=0, dtype=np.int64) for split in splits)
    return np.asarray(total / max(sum(map(len, splits)), 1))


def _coverage(dataset: Kinect13) -> Markup:
    """Return where the arms were about the trunk, and how large people are."""
    if dataset.meta.skeleton.points != KEYPOINT_NAMES:
        return section("Coverage", tag("p", "not measured for these keypoints", "note"))
    grid = arm_coverage(dataset)
    zones = list(dict.fromkeys(zone for limb in _ARMS for zone in grid.zone_frames[limb]))
    shares = [grid.zone_shares(limb) for limb in _ARMS]
    rows: list[list[Cell]] = [
        ["rows", *(count(grid.limb_frames[limb]) for limb in _ARMS)],
        ["share of its reach", *(percent(grid.visited_share(limb)) for limb in _ARMS)],
    ]
    for zone in zones:
        cells = [percent(own[zone]) if zone in own else NO_NUMBER for own in shares]
        rows.append([zone, *cells])
    maps = [
        figure(arm_map(grid, limb), "png", f"places of the {limb_words(limb)} about its shoulder",
               text(limb_words(limb)), "heat wide")
        for limb in _ARMS
    ]  # fmt: skip
    missing = grid.missing()
    lacks = join(tag("li", line.replace("of frames", "of rows")) for line in missing)
    listed = tag("h3", "Missing") + tag("ul", lacks) if missing else Markup("")
    boxes = np.concatenate([dataset.split(name).bbox_xyxy_px for name in dataset.splits])
    sides = np.percentile(boxes[:, 2] - boxes[:, 0], [0, 5, 50, 95, 100])
    height = np.percentile(boxes[:, 3] - boxes[:, 1], 50)
    words = (
        f"Boxes are {sides[0]:.0f} to {sides[4]:.0f} pixels wide (5 %: {sides[1]:.0f}, half: "
        f"{sides[2]:.0f}, 95 %: {sides[3]:.0f}; median height {height:.0f}); images of "
        f"{dataset.size} pixels are stored."
    )
    note = (
        "Places of hands (wrists) and elbows about their own shoulder, as the camera sees the "
        "person: their right is on the left. Blue: visited; red: in reach, not visited. Shares of "
        "the reach and, by zone, of the rows. A net learns little about places where no one has "
        "been."
    )
    head = ("", *(limb_words(limb) for limb in _ARMS))
    shown = tag("div", join(maps), "figures")
    parts = [shown, table(head, rows), listed, tag("p", words, "note")]
    return section("Coverage", *parts, note=note)


def _labels(dataset: Kinect13, about: About) -> Markup:
    """Return what the checks found, the given labels, and the labels' distance from the truth."""
    counts = dataset.meta.counts
    parts = []
    findings: list[list[Cell]] = [
        [kind, *own.values()] for kind, own in counts.get("findings", {}).items()
    ]
    if findings:
        head = ("finding of the checks", "findings", "rows kept", "weight 0 in", "dropped")
        parts.append(table(head, findings))
    given = counts.get("given_labels")
    if given:
        words = ", ".join(f"{name} {count(number)}" for name, number in given.items())
        parts.append(tag("p", f"Labels of a file: {words}.", "note"))
    if about.label_error is not None:
        groups = {**about.label_error["groups"], "all": about.label_error}
        rows: list[list[Cell]] = [
            [name, one["labels"], one["median_px"], one["p95_px"], one["wrong"]]
            for name, one in groups.items()
        ]
        parts.append(tag("h3", "Kept labels against the ground truth"))
        terms = about.label_error.get("terms")
        if terms:
            parts.append(tag("p", str(terms), "note"))
        parts.append(table(("", "labels", "median px", "95 % px", "wrong"), rows))
    if not parts:
        parts.append(tag("p", "No findings.", "note"))
    return section("Labels and findings", *parts)


def _settings(dataset: Kinect13) -> Markup:
    """Return the settings that the file was made with."""
    return section("Settings", block(dataset.meta.settings or "none are stored"))


def _again(dataset: Kinect13, about: About) -> Markup:
    """Return what is needed to make the same file."""
    names = list(dict.fromkeys(key for one in dataset.meta.sources for key in one))
    rows: list[list[Cell]] = [
        [_source_cell(one.get(name)) for name in names] for one in dataset.meta.sources
    ]
    parts = [block(about.command)] if about.command else []
    parts.append(
        tag(
            "p",
            tag("span", "The same sources, settings and versions of kincap and its libraries give "
                "the same SHA-256: ") + tag("code", about.sha256),
            "note",
        )
    )  # fmt: skip
    parts.append(folded("Sources", table(names, rows)))
    return section("How to make it again", *parts)


def _source_cell(value: Any) -> Cell:
    """Return a fact about a source; sums are shown whole."""
    if value is None or isinstance(value, int | float):
        return value
    return tag("code", value if isinstance(value, str) else str(value))
