"""Pass 1 over public sets: from their files of labels to every row of the data set."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.geometry import Floats, has_place_px, image_to_crop, snapped_xyxy
from ...core.skeleton import KEYPOINT_NAMES, KEYPOINTS_13
from ..boxes import outside_share
from ..candidates import OUTSIDE_BIT_SHARE
from ..filters import KEYPOINT_BITS, ROW_BITS
from ..formats.options import BACKS_DROP
from ..formats.people import NO_KEYPOINTS, PROBLEMS, People, Points, make_points
from ..kinect13.format import FIELDS, SPLITS, ImageShape, Meta
from ..plan import BuildPlan, OnProgress
from ..rows import crops_for, with_margin
from ..scheduler.scheduler import Scheduler
from .dealing import GUARD, Candidate, deal_people
from .detections import NOTHING, Detections, load_detections
from .person_crops import best_detections, crops_of, truth_boxes
from .picture_facts import PictureFacts, look_at_pictures
from .picture_files import PictureFiles
from .picture_groups import group_pictures
from .settings import BOXES_TRUTH, AddedSet, PublicSettings
from .sides import SideCheck, check_sides

DAMAGED: Final = "damaged"
REASONS: Final = (*PROBLEMS, DAMAGED, GUARD)
"""Reasons to leave a person out, in the order in which they are counted."""


@dataclass(frozen=True)
class _Set:
    """One ``--add``, read: its people, its place among all pictures, its side check."""

    added: AddedSet
    people: People
    first: int
    sides: SideCheck

    @property
    def name(self) -> str:
        return self.added.name

    @property
    def paths(self) -> list[Path]:
        return [self.people.root / name for name in self.people.pictures]


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
    sets = _read(settings, on_progress)
    paths = [path for one in sets for path in one.paths]
    facts = look_at_pictures(paths, settings.skip_damaged, scheduler, on_progress)
    if not settings.skip_damaged:
        _refuse_missing(sets, facts)
    sets = [_checked(one, facts) for one in sets]
    clips = [clip for one in sets for clip in _clips(one)]
    table = _table(sets, facts, group_pictures(facts, clips), settings, detections)
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
        columns={name: _columns(table, name, settings.image_shape) for name in asked},
        pictures={name: _pictures(table, name, settings.margin, paths, facts) for name in asked},
        meta=meta,
        warnings=tuple(_warnings(sets, about)),
    )
    return plan, about


def _read(settings: PublicSettings, on_progress: OnProgress) -> list[_Set]:
    """Read the files of labels and check the sides."""
    sets: list[_Set] = []
    first = 0
    for done, added in enumerate(settings.add):
        on_progress(done, len(settings.add), f"reading {added.name}")
        people = added.format.load(added.path, added.options)
        backs = added.format.backs and added.options.backs != BACKS_DROP
        sides = check_sides(people, backs)
        if sides.problem and added.options.sides == "checked":
            raise DatasetError(
                f"--add {added.name}:{added.path}: {sides.problem}; correct the labels, or take "
                f"them all the same with --add {added.name},sides=unchecked:{added.path}"
            )
        sets.append(_Set(added, people, first, sides))
        first += len(people.pictures)
    return sets


def _refuse_missing(sets: Sequence[_Set], facts: PictureFacts) -> None:
    """Refuse sets whose usable people are on pictures that can't be used."""
    for one in sets:
        wanted = np.unique(one.people.picture[one.people.usable])
        bad = [index for index in wanted.tolist() if one.first + index in facts.problems]
        if bad:
            path = one.people.root / one.people.pictures[bad[0]]
            raise DatasetError(
                f"{path}: {facts.problems[one.first + bad[0]]} ({len(bad)} of {len(wanted)} "
                f"pictures of {one.name}); complete the set, or pass --skip-damaged"
            )


def _checked(one: _Set, facts: PictureFacts) -> _Set:
    """Leave out positions that are none, and people without a picture or a label."""
    people, labels = one.people, one.people.labels
    size_px = facts.size_px[one.first + people.picture]
    there = np.zeros(labels.labelled.shape, np.bool_)
    # the rule of core.geometry is for pictures of one size
    for size in np.unique(size_px, axis=0).tolist():
        same = (size_px == size).all(axis=1)
        there[same] = has_place_px(labels.xy[same], (size[0], size[1]))
    kept = make_points(labels.xy, labels.labelled & there, labels.visible)
    problem = people.problem.copy()
    problem[people.usable & (size_px[:, 0] == 0)] = DAMAGED
    problem[(problem == "") & ~kept.labelled.any(axis=1)] = NO_KEYPOINTS
    return replace(one, people=replace(people, labels=kept, problem=problem))


def _clips(one: _Set) -> list[str]:
    """Return the clip of each picture of a set."""
    clips = [""] * len(one.people.pictures)
    for picture, clip in zip(one.people.picture.tolist(), one.people.clip.tolist(), strict=True):
        if clip:
            clips[picture] = f"{one.name}/{clip}"
    return clips


@dataclass(frozen=True)
class _Table:
    """All N people of all sets and their M crops.

    Attributes:
        session: (N,) index of the set's name.
        picture: (N,) index among all pictures.
        number: (N,) index among the pictures of the set's name.
        labels: (N, 13, ...).
        side: (N,) text: a split, or the reason to leave the person out.
        person: (M,) index of the person of each crop.
        placed: (M, 3) int64 x0, y0, side.
        outside: (M,) share of the crop outside of the picture.
    """

    session: NDArray[np.int64]
    picture: NDArray[np.int64]
    number: NDArray[np.int64]
    labels: Points
    side: NDArray[np.str_]
    person: NDArray[np.int64]
    placed: NDArray[np.int64]
    outside: NDArray[np.float64]

    def rows(self, split: str) -> NDArray[np.intp]:
        """Return the crops of a split, by set, picture and person."""
        rows = np.flatnonzero(self.side[self.person] == split)
        person = self.person[rows]
        order = np.lexsort((person, self.number[person], self.session[person]))
        return np.asarray(rows[order], np.intp)


def _table(
    sets: Sequence[_Set],
    facts: PictureFacts,
    groups: NDArray[np.int64],
    settings: PublicSettings,
    detections: Detections | None,
) -> _Table:
    """Put the sets together, deal the people and place their crops."""
    names = list(dict.fromkeys(one.name for one in sets))
    begin = [min(other.first for other in sets if other.name == one.name) for one in sets]
    labels = Points(
        np.concatenate([one.people.labels.xy for one in sets]),
        np.concatenate([one.people.labels.labelled for one in sets]),
        np.concatenate([one.people.labels.visible for one in sets]),
    )
    picture = np.concatenate([one.first + one.people.picture for one in sets])
    number = np.concatenate(
        [one.first - start + one.people.picture for one, start in zip(sets, begin, strict=True)]
    )
    side = np.concatenate([one.people.problem for one in sets]).astype("<U16")
    usable = np.flatnonzero(side == "")
    if not len(usable):
        raise DatasetError(f"{', '.join(names)}: no labelled person is left; check the sets")
    sessions = [np.full(len(one.people), names.index(one.name)) for one in sets]
    parts = [np.char.add(f"{one.name}/", one.people.split) for one in sets]
    session = np.concatenate(sessions)
    side[usable] = deal_people(
        Candidate(
            np.asarray(labels.labelled[usable].all(axis=1)),
            groups[picture[usable]],
            np.array(names, np.str_)[session[usable]],
            np.concatenate(parts)[usable],
        ),
        settings,
    )
    kept = np.flatnonzero(np.isin(side, SPLITS))
    size_px = facts.size_px[picture[kept]]
    truth = truth_boxes(labels.xy[kept], labels.labelled[kept])
    found = [NOTHING] * len(kept)
    if detections is not None:
        named = [(one.name, picture_name) for one in sets for picture_name in one.people.pictures]
        found = [detections.of(*named[index]) for index in picture[kept].tolist()]
        _refuse_strange(detections, found)
    best, overlap = best_detections(truth, size_px, found)
    crops = crops_of(truth, best, overlap, side[kept] == "train")
    return _Table(
        session=session,
        picture=picture,
        number=number,
        labels=labels,
        side=side,
        person=kept[crops.person],
        placed=crops.placed,
        outside=_outside(crops.placed, size_px[crops.person]),
    )


def _refuse_strange(detections: Detections, found: Sequence[Floats]) -> None:
    """Refuse a file of detections that names none of the pictures."""
    if not any(len(boxes) for boxes in found):
        names = sorted(name for _, name in detections.boxes)[:3]
        raise DatasetError(
            f"--boxes: no detection is on a picture of the sets (it names {', '.join(names)} ...); "
            "expected file_name as in the sets' labels"
        )


def _outside(placed: NDArray[np.int64], size_px: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the share of each crop outside of its picture."""
    share = np.zeros(len(placed))
    for size in np.unique(size_px, axis=0).tolist():
        same = (size_px == size).all(axis=1)
        share[same] = outside_share(placed[same], (size[0], size[1]))
    return share


def _columns(table: _Table, split: str, shape: ImageShape) -> dict[str, NDArray[Any]]:
    """Return the tables of one split."""
    rows = table.rows(split)
    person = table.person[rows]
    box = snapped_xyxy(crops_for(table.placed[rows], shape.margin))
    labelled = table.labels.labelled[person]
    crop_px = image_to_crop(table.labels.xy[person], box, shape.size)
    visibility = np.where(labelled, np.where(table.labels.visible[person], 2, 1), 0)
    count = len(rows)
    outside = table.outside[rows] > OUTSIDE_BIT_SHARE
    columns: dict[str, Any] = {
        "keypoints_px": np.where(labelled[..., None], crop_px, -1),
        "visibility": visibility,
        "weight": labelled,
        "bbox_xyxy_px": box,
        "session": table.session[person],
        "color_seq": table.number[person],
        "time_s": np.full(count, np.nan),
        "pair_residual_ms": np.full(count, np.nan),
        "quality": outside.astype(np.uint32) << np.uint32(ROW_BITS["outside"]),
    }
    return {
        name: np.asarray(columns.get(name, np.zeros((count, *tail))), dtype)
        for name, (dtype, tail, _) in FIELDS.items()
    }


def _pictures(
    table: _Table, split: str, margin: float, paths: list[Path], facts: PictureFacts
) -> PictureFiles:
    """Return where the crops of one split come from."""
    rows = table.rows(split)
    whole = PictureFiles(
        tuple(paths),
        facts.content,
        table.picture[table.person[rows]],
        with_margin(crops_for(table.placed[rows], margin), margin),
    )
    return whole.take(np.arange(len(rows)))


def _counts(table: _Table, people: NDArray[np.bool_]) -> dict[str, Any]:
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


def _about(name: str, names: Sequence[str], sets: Sequence[_Set], table: _Table) -> dict[str, Any]:
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
    name: str, sets: Sequence[_Set], facts: PictureFacts, detections: Detections | None
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


def _warnings(sets: Sequence[_Set], about: dict[str, Any]) -> list[str]:
    """Return lines about what needs a look."""
    found = [f"{one.name}: {one.sides.problem}" for one in sets if one.sides.problem]
    for name, counts in about.items():
        if counts["rejected"][DAMAGED]:
            found.append(f"{name}: people on missing or damaged pictures, left out: "
                         f"{counts['rejected'][DAMAGED]}")  # fmt: skip
        if not counts["kept"]:
            found.append(f"{name}: no one of it is kept")
    return found
