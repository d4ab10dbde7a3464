"""The people of all sets in one table: dealt to splits, with their crops."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.geometry import Floats, image_to_crop, snapped_xyxy
from ..boxes import outside_share
from ..candidates import OUTSIDE_BIT_SHARE
from ..filters import ROW_BITS
from ..formats.people import Points
from ..kinect13.format import FIELDS, OPTIONAL, SPLITS, ImageShape
from ..rows import crops_for, with_margin
from .dealing import Candidate, deal_people
from .detections import NOTHING, Detections
from .person_crops import best_detections, crops_of, truth_boxes
from .picture_facts import PictureFacts
from .picture_files import PictureFiles
from .read_sets import ReadSet
from .settings import PublicSettings


@dataclass(frozen=True)
class PersonTable:
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
        head_px: (N,) diagonal of the set's box of the head, pixels; NaN where it has none.
    """

    session: NDArray[np.int64]
    picture: NDArray[np.int64]
    number: NDArray[np.int64]
    labels: Points
    side: NDArray[np.str_]
    person: NDArray[np.int64]
    placed: NDArray[np.int64]
    outside: NDArray[np.float64]
    head_px: NDArray[np.float64]

    def rows(self, split: str) -> NDArray[np.intp]:
        """Return the crops of a split, by set, picture and person."""
        rows = np.flatnonzero(self.side[self.person] == split)
        person = self.person[rows]
        order = np.lexsort((person, self.number[person], self.session[person]))
        return np.asarray(rows[order], np.intp)


def make_table(
    sets: Sequence[ReadSet],
    facts: PictureFacts,
    groups: NDArray[np.int64],
    settings: PublicSettings,
    detections: Detections | None,
) -> PersonTable:
    """Put the sets together, deal the people and place their crops.

    Args:
        sets: The sets; those of one name follow each other.
        facts: Of the P pictures of all sets.
        groups: (P,) group of each picture; a group is in one split only.
        settings: Which people are validation and test.
        detections: Boxes from a file, or None.
    """
    names = list(dict.fromkeys(one.name for one in sets))
    begin = {one.name: one.first for one in reversed(sets)}
    labels = Points(
        np.concatenate([one.people.labels.xy for one in sets]),
        np.concatenate([one.people.labels.labelled for one in sets]),
        np.concatenate([one.people.labels.visible for one in sets]),
    )
    session = np.concatenate([np.full(len(one.people), names.index(one.name)) for one in sets])
    picture = np.concatenate([one.first + one.people.picture for one in sets])
    number = picture - np.array([begin[name] for name in names])[session]
    side = np.concatenate([one.people.problem for one in sets]).astype("<U16")
    usable = side == ""
    if not usable.any():
        raise DatasetError(f"{', '.join(names)}: no labelled person is left; check the sets")
    parts = np.concatenate([np.char.add(f"{one.name}/", one.people.split) for one in sets])
    side[usable] = deal_people(
        Candidate(
            np.asarray(labels.labelled[usable].all(axis=1)),
            groups[picture[usable]],
            np.array(names, np.str_)[session[usable]],
            parts[usable],
        ),
        settings,
    )
    kept = np.flatnonzero(np.isin(side, SPLITS))
    size_px = facts.size_px[picture[kept]]
    found = _detections_of(sets, picture[kept], detections)
    truth = truth_boxes(labels.xy[kept], labels.labelled[kept])
    crops = crops_of(truth, *best_detections(truth, size_px, found), side[kept] == "train")
    outside = _outside(crops.placed, size_px[crops.person])
    person = kept[crops.person]
    head = np.concatenate([one.people.head_xyxy for one in sets])
    head_px = np.hypot(*(head[:, 2:] - head[:, :2]).T)
    return PersonTable(
        session, picture, number, labels, side, person, crops.placed, outside, head_px
    )


def _detections_of(
    sets: Sequence[ReadSet], picture: NDArray[np.int64], detections: Detections | None
) -> list[Floats]:
    """Return the detections on each person's picture, (D, 4) boxes."""
    if detections is None:
        return [NOTHING] * len(picture)
    names = [(one.name, name) for one in sets for name in one.people.pictures]
    found = [detections.of(*names[index]) for index in picture.tolist()]
    _refuse_strange(detections, found)
    return found


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


def columns_of_people(table: PersonTable, split: str, shape: ImageShape) -> dict[str, NDArray[Any]]:
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
    filled = {
        name: np.asarray(columns.get(name, np.zeros((count, *tail))), dtype)
        for name, (dtype, tail, _) in FIELDS.items()
    }
    # every split has them or none, whatever sets its people are of
    if np.isfinite(table.head_px).any():
        filled["head_px"] = table.head_px[person].astype(OPTIONAL["head_px"].dtype)
    return filled


def picture_files_of(
    table: PersonTable, split: str, margin: float, paths: list[Path], facts: PictureFacts
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
