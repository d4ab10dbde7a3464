"""Pass 1 over public sets: from their files of labels to every row of the data set."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.progress import OnProgress
from ...core.skeleton import KEYPOINT_NAMES, KEYPOINTS_13
from ..filters import KEYPOINT_BITS, ROW_BITS
from ..formats.people import PROBLEMS
from ..kinect13.format import SPLITS, Meta
from ..plan import BuildPlan
from ..scheduler.scheduler import Scheduler
from .dealing import GUARD
from .detections import Detections, load_detections
from .person_table import PersonTable, columns_of_people, make_table, picture_files_of
from .picture_facts import PictureFacts, look_at_pictures
from .picture_groups import group_pictures
from .read_sets import DAMAGED, ReadSet, clips_of, keep_possible, read_sets, refuse_missing
from .rejected_people import rejected_people
from .settings import BOXES_TRUTH, PublicSettings

REASONS: Final = (*PROBLEMS, DAMAGED, GUARD)
"""Reasons to leave a person out, in the order in which they are counted."""


def plan_public(
    settings: PublicSettings, scheduler: Scheduler, on_progress: OnProgress
) -> tuple[BuildPlan, dict[str, Any]]:
    """Read the sets and decide about every person.

    Args:
        settings: What to build; checked.
        scheduler: The processes that look at pictures.
        on_progress: Called with done, total and the present step.

    Returns:
        The plan, and by set what it consists of.

    Raises:
        DatasetError: A set can't be read, its pictures are missing, its sides are wrong, or a split
            would be empty.
    """
    detections = None
    if settings.boxes != BOXES_TRUTH:
        detections = load_detections(Path(settings.boxes))
    sets = read_sets(settings, on_progress)
    paths = [path for one in sets for path in one.paths]
    facts = look_at_pictures(paths, settings.skip_damaged, scheduler, on_progress)
    if not settings.skip_damaged:
        refuse_missing(sets, facts)
    sets = [keep_possible(one, facts) for one in sets]
    clips = [clip for one in sets for clip in clips_of(one)]
    table = make_table(sets, facts, group_pictures(facts, clips), settings, detections)
    names = tuple(dict.fromkeys(one.name for one in sets))
    asked = [name for name in SPLITS if name != "test" or settings.test is not None]
    about = {name: _about(name, names, sets, table) for name in names}
    meta = Meta(
        sessions=names,
        settings=settings.toml(),
        skeleton=KEYPOINTS_13,
        sources=[_source(name, sets, facts, detections) for name in names],
        counts={**_counts(table, np.ones(len(table.side), np.bool_)), "sessions": about},
        cues=("",),
        quality_bits={"keypoint_quality": dict(KEYPOINT_BITS), "quality": dict(ROW_BITS)},
    )
    plan = BuildPlan(
        columns={name: columns_of_people(table, name, settings.image_shape) for name in asked},
        pictures={
            name: picture_files_of(table, name, settings.margin, paths, facts) for name in asked
        },
        meta=meta,
        warnings=tuple(_warnings(sets, about)),
        rejected=rejected_people(table, REASONS, names, paths, facts),
    )
    return plan, about


def _counts(table: PersonTable, people: NDArray[np.bool_]) -> dict[str, Any]:
    """Count some people."""
    side = table.side[people]
    row_side = table.side[table.person[people[table.person]]]
    splits = {name: int((side == name).sum()) for name in SPLITS}
    rejected = {reason: int((side == reason).sum()) for reason in REASONS}
    return {
        "candidates": len(side),
        "kept": sum(splits.values()),
        "rejected": rejected,
        "rejected_all": rejected,
        "splits": {name: n for name, n in splits.items() if n},
        "rows": {name: n for name in SPLITS if (n := int((row_side == name).sum()))},
        "findings": {},
    }


def _about(
    name: str, names: Sequence[str], sets: Sequence[ReadSet], table: PersonTable
) -> dict[str, Any]:
    """Return what the data set holds of one set."""
    mine = table.session == names.index(name)
    counts = _counts(table, mine)
    del counts["findings"]
    kept = mine & np.isin(table.side, SPLITS)
    labelled = table.labels.labelled[kept]
    trained = counts["splits"].get("train", 0)
    read = [one for one in sets if one.name == name]
    return {
        **counts,
        "complete": int(labelled.all(axis=1).sum()),
        "keypoints": dict(zip(KEYPOINT_NAMES, labelled.sum(axis=0).tolist(), strict=True)),
        "boxes_per_person": round(counts["rows"].get("train", 0) / trained, 4) if trained else None,
        "paper_boxes_per_person": read[0].added.format.paper_boxes,
        "sides": [one.sides.to_json() for one in read],
    }


def _source(
    name: str, sets: Sequence[ReadSet], facts: PictureFacts, detections: Detections | None
) -> dict[str, Any]:
    """Return what decides about the rows of one set: its files, options and pictures."""
    mine = [one for one in sets if one.name == name]
    pictures = hashlib.sha256()
    for one in mine:
        content = facts.content[one.first : one.first + len(one.people.pictures)]
        for picture, value in zip(one.people.pictures, content.tolist(), strict=True):
            pictures.update(f"{picture}\0{value:016x}\n".encode(errors="backslashreplace"))
    return {
        "session": name,
        "labels": [file.name for one in mine for file in one.people.files],
        "labels_sha256": [_sha256(file) for one in mine for file in one.people.files],
        "options": [dict(one.added.given) for one in mine],
        "pictures": sum(len(one.people.pictures) for one in mine),
        "pictures_sha256": pictures.hexdigest(),
        "boxes_sha256": "" if detections is None else detections.sha256,
    }


def _sha256(path: Path) -> str:
    """Return the checksum of a file of labels."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _warnings(sets: Sequence[ReadSet], about: dict[str, Any]) -> list[str]:
    """Return lines about what needs a look."""
    found = [f"{one.name}: {one.sides.problem}" for one in sets if one.sides.problem]
    for name, counts in about.items():
        if counts["rejected"][DAMAGED]:
            found.append(f"{name}: people on missing or damaged pictures, left out: "
                         f"{counts['rejected'][DAMAGED]}")  # fmt: skip
        if not counts["kept"]:
            found.append(f"{name}: no one of it is kept")
    return found
