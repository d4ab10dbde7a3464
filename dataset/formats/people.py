"""Labelled people of a public set, and the step from a set's own points to the 13 keypoints."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ...core.errors import DatasetError
from ...core.geometry import as_floats
from ...core.skeleton import KEYPOINT_NAMES

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

HEAD: Final = "head"
FARTHEST_PX: Final = 1e7
"""Farther positions are in no picture."""
USABLE: Final = ""
"""Value of ``problem`` for a person without one."""

CROWD, NO_KEYPOINTS, FEW_KEYPOINTS = "crowd", "no_keypoints", "few_keypoints"
BACK, SIDES = "back", "sides"
PROBLEMS: Final = (CROWD, NO_KEYPOINTS, FEW_KEYPOINTS, BACK, SIDES)
"""Reasons to leave a person out: a group under one label, nothing labelled, fewer keypoints than
asked for, seen from behind with the sides of the picture, sides that no one has checked."""


@dataclass(frozen=True)
class Points:
    """Positions of K points of N people.

    Attributes:
        xy: (N, K, 2) float64 pixels, centres at integers, 0-based; NaN where not labelled.
        labelled: (N, K) bool.
        visible: (N, K) bool; False where labelled but occluded.
    """

    xy: Floats
    labelled: Bools
    visible: Bools


@dataclass(frozen=True)
class People:
    """The N labelled people of a set, in the order of its files.

    Attributes:
        root: The folder of the pictures.
        pictures: P names of pictures in it, with ``/`` between folders.
        picture: (N,) int64 index into ``pictures``.
        person_id: (N,) int64, the set's own number.
        labels: The 13 keypoints: (N, 13, ...).
        problem: (N,) text, one of ``PROBLEMS`` or "".
        faces: (N,) bool, whether the set shows that the face is visible; False: not known.
        split: (N,) text: train, val, test or "" where the set has no parts.
        clip: (N,) text: people of one clip or film never come into two splits; "": no clip.
        bbox_xyxy: (N, 4) the set's own box of the person, pixels; NaN where it has none.
        head_xyxy: (N, 4) box of the head.
        torso_xyxy: (N, 4) box of the torso.
        scale: (N,) the set's own measure of size; NaN where it has none.
        files: Files of labels that this was read from.
        exchanged: Usable people whose left and right the loader has exchanged.
    """

    root: Path
    pictures: tuple[str, ...]
    picture: NDArray[np.int64]
    person_id: NDArray[np.int64]
    labels: Points
    problem: NDArray[np.str_]
    faces: Bools
    split: NDArray[np.str_]
    clip: NDArray[np.str_]
    bbox_xyxy: Floats
    head_xyxy: Floats
    torso_xyxy: Floats
    scale: Floats
    files: tuple[Path, ...]
    exchanged: int = 0

    def __len__(self) -> int:
        return len(self.picture)

    @property
    def usable(self) -> Bools:
        """(N,) bool, people without a problem."""
        return np.asarray(self.problem == USABLE)


def make_points(xy: ArrayLike, labelled: ArrayLike, visible: ArrayLike | None = None) -> Points:
    """Return labels; what is not finite, or no pixel of any picture, is not labelled.

    Args:
        xy: (N, K, 2) pixels, 0-based.
        labelled: (N, K) bool.
        visible: (N, K) bool; None: all that is labelled.
    """
    points = as_floats(xy)
    with np.errstate(invalid="ignore"):
        known = np.asarray(labelled, np.bool_) & (np.abs(points) < FARTHEST_PX).all(axis=-1)
    seen = known if visible is None else known & np.asarray(visible, np.bool_)
    return Points(np.where(known[..., None], points, np.nan), known, seen)


def to_keypoints(labels: Points, points: Sequence[str], head: Sequence[str]) -> Points:
    """Return the 13 keypoints of a set's own points.

    Args:
        labels: (N, K, ...) of the set's points.
        points: K names; those of the 13 keypoints are taken as they are, but for the head.
        head: Points whose mean is the head, where all of them are labelled; (): never labelled.

    Returns:
        (N, 13, ...); keypoints that the set does not have are not labelled.
    """
    count = len(labels.xy)
    xy = np.full((count, len(KEYPOINT_NAMES), 2), np.nan)
    labelled = np.zeros(xy.shape[:2], np.bool_)
    visible = np.zeros_like(labelled)
    place = {name: index for index, name in enumerate(points)}
    for index, name in enumerate(KEYPOINT_NAMES):
        sources = [place[part] for part in head] if name == HEAD else [place.get(name, -1)]
        if not sources or sources[0] < 0:
            continue
        xy[:, index] = labels.xy[:, sources].mean(axis=1)
        labelled[:, index] = labels.labelled[:, sources].all(axis=1)
        visible[:, index] = labels.visible[:, sources].all(axis=1)
    return make_points(xy, labelled, visible)


def join_people(parts: Sequence[People]) -> People:
    """Return the people of several files of one set as one; its root is the common folder.

    Args:
        parts: At least one.
    """
    if len(parts) == 1:
        return parts[0]
    root = Path(os.path.commonpath([one.root.absolute() for one in parts]))
    inside = [one.root.absolute().relative_to(root).as_posix() for one in parts]
    names = [
        name if folder == "." else f"{folder}/{name}"
        for one, folder in zip(parts, inside, strict=True)
        for name in one.pictures
    ]
    pictures, place = index_pictures(names)
    first = np.cumsum([0, *(len(one.pictures) for one in parts[:-1])])
    joined = {
        name: np.concatenate([getattr(one, name) for one in parts])
        for name in ("person_id", "problem", "faces", "split", "clip", "scale")
    }
    boxes = {
        name: np.concatenate([getattr(one, name) for one in parts])
        for name in ("bbox_xyxy", "head_xyxy", "torso_xyxy")
    }
    labels = [one.labels for one in parts]
    return People(
        root=root,
        pictures=pictures,
        picture=place[
            np.concatenate([one.picture + at for one, at in zip(parts, first, strict=True)])
        ],
        labels=Points(
            np.concatenate([one.xy for one in labels]),
            np.concatenate([one.labelled for one in labels]),
            np.concatenate([one.visible for one in labels]),
        ),
        files=tuple(file for one in parts for file in one.files),
        exchanged=sum(one.exchanged for one in parts),
        **joined,
        **boxes,
    )


@dataclass(frozen=True)
class Details:
    """Further facts about N people; see ``People``."""

    person_id: ArrayLike | None = None
    problem: ArrayLike | None = None
    faces: ArrayLike | None = None
    split: ArrayLike | None = None
    clip: ArrayLike | None = None
    boxes: Mapping[str, ArrayLike] = field(default_factory=dict)
    scale: ArrayLike | None = None
    exchanged: int = 0


def make_people(
    root: Path,
    pictures: Sequence[str],
    picture: ArrayLike,
    labels: Points,
    files: Sequence[Path],
    details: Details | None = None,
) -> People:
    """Return people, with defaults for what the set does not say.

    Args:
        root: The folder of the pictures.
        pictures: Names of pictures.
        picture: (N,) index into them.
        labels: The 13 keypoints.
        files: The files that were read.
        details: The rest.
    """
    known = details or Details()
    count = len(labels.xy)
    problem = _filled(known.problem, "", count, "<U16")
    alone = (problem == USABLE) & ~labels.labelled.any(axis=1)
    boxes = {
        name: np.asarray(known.boxes.get(name, np.full((count, 4), np.nan)), np.float64)
        for name in ("bbox", "head", "torso")
    }
    return People(
        root=root,
        pictures=tuple(pictures),
        picture=np.asarray(picture, np.int64),
        person_id=_filled(known.person_id, np.arange(count), count, np.int64),
        labels=labels,
        problem=np.where(alone, NO_KEYPOINTS, problem),
        faces=_filled(known.faces, False, count, np.bool_),
        split=_filled(known.split, "", count, np.str_),
        clip=_filled(known.clip, "", count, np.str_),
        bbox_xyxy=boxes["bbox"],
        head_xyxy=boxes["head"],
        torso_xyxy=boxes["torso"],
        scale=_filled(known.scale, np.nan, count, np.float64),
        files=tuple(files),
        exchanged=known.exchanged,
    )


def _filled(
    values: ArrayLike | None, default: ArrayLike, count: int, dtype: DTypeLike
) -> NDArray[Any]:
    """Return values of N people, or the default for each."""
    given = default if values is None else values
    return np.broadcast_to(np.asarray(given, dtype), (count,)).copy()


def index_pictures(names: Sequence[str]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the distinct names in their order, and the index of each name among them."""
    places: dict[str, int] = {}
    index = [places.setdefault(name, len(places)) for name in names]
    return tuple(places), np.array(index, np.int64)


def refuse_empty(path: Path, count: int) -> None:
    """Refuse a file that labels no one.

    Raises:
        DatasetError: It holds no people.
    """
    if not count:
        raise DatasetError(f"{path}: no labelled people in it; check the file")
