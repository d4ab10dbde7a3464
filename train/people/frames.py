"""Whole frames with everyone in them, as a net of several people learns and is measured."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...core.errors import DatasetError
from ...core.skeleton import Skeleton
from ...dataset.kinect13.format import ABSENT, FULL, LABELLED
from ...dataset.kinect13.reader import Kinect13, Split
from ..data import Indices, Samples, no_labels, taken
from ..mirror import Floats, Images


@dataclass(frozen=True)
class PeopleFrames:
    """Frames of one split and everyone in them.

    Attributes:
        images: Gives the frames of indices (B,): (B, H, W, 3) uint8, RGB, as they are stored.
        size_px: Width and height of the stored frames.
        keypoints_px: (N, P, K, 2) float32, pixels of the stored frames.
        known: (N, P, K) bool, keypoints of weight above 0.
        there: (N, P) bool, people, those whom the filters rejected too.
        box_px: (N, P, 4) float32, tight boxes of the labelled keypoints, pixels of the frames.
        skeleton: The keypoints.
    """

    images: Callable[[Indices], Images]
    size_px: tuple[int, int]
    keypoints_px: Floats
    known: npt.NDArray[np.bool_]
    there: npt.NDArray[np.bool_]
    box_px: Floats
    skeleton: Skeleton

    def __len__(self) -> int:
        return len(self.there)

    def take(self, rows: Indices) -> "PeopleFrames":
        """Return some of the frames.

        Args:
            rows: (M,) which, in their new order.
        """
        return taken(self, rows, ("keypoints_px", "known", "there", "box_px"))


@dataclass(frozen=True, kw_only=True)
class PeopleSamples(Samples):
    """The people of one split as samples: one row for each person with labels.

    Targets are in units of the person's square box, so that all figures of crops are figures of
    people too.

    Attributes:
        frames: The frames.
        frame: (N,) the frame that each person is in.
        place: (N,) the person's place in it.
        colour_px: (F, 2) float64, pixels of the colour image for one of the stored frame, in x and
            in y.
        rows: (F,) rows of the frames in the split.
        height: Of the frames as the net sees them, pixels.
    """

    frames: PeopleFrames
    frame: Indices
    place: Indices
    colour_px: npt.NDArray[np.float64]
    rows: Indices
    height: int

    def shuffled(self, seed: int) -> "PeopleSamples":
        """Return the samples with labels dealt out among the frames: the negative control."""
        order = np.random.default_rng(seed).permutation(len(self.frames))
        images, labels = self.frames.images, self.frames.take(order)
        # people go with their labels: not every frame has someone in each place
        frame = np.argsort(order)[self.frame]
        return replace(
            self,
            images=lambda chosen: images(frame[chosen]),
            frames=replace(labels, images=images),
            frame=frame,
        )

    def to_boxes(self, poses_px: Floats) -> Floats:
        """Put poses (N, K, 2) in pixels of the stored frames into units of the people's boxes."""
        scale = self.colour_px[self.frame][:, None]
        in_colour = (poses_px.astype(np.float64) + 0.5) * scale
        corner, side = self.bbox_xyxy_px[:, None, :2], np.diff(self.bbox_xyxy_px[:, ::2])
        return ((in_colour - corner) / side[:, None]).astype(np.float32)


def load_people(
    dataset: Kinect13,
    split: str,
    height: int,
    leave_out: Collection[str] = (),
    most: int | None = None,
) -> PeopleSamples:
    """Read one split of a data set of whole frames.

    Args:
        dataset: An open data set.
        split: ``"train"``, ``"val"`` or ``"test"``.
        height: Of the frames as the net sees them, pixels.
        leave_out: Names of its sessions that are left out.
        most: Most frames to take, evenly over the split; None: all.

    Raises:
        DatasetError: The data set has crops, no such split, or no one with labels in it.
    """
    if dataset.layout != FULL:
        raise DatasetError(
            f"{dataset.path}: a data set of crops; a net of several people learns from whole "
            "frames: kincap build --layout full"
        )
    if split not in dataset.splits:
        raise DatasetError(
            f"{dataset.path}: no {split} split (it has {', '.join(dataset.splits)}); build it "
            f"again with {'--test' if split == 'test' else '--val'}"
        )
    rows = dataset.split(split)
    away = [k for k, name in enumerate(dataset.meta.sessions) if name in leave_out]
    kept = np.flatnonzero(~np.isin(rows.session, away))
    if most is not None and len(kept) > most:
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, most).astype(np.int64))]
    if not (rows.person[kept] == LABELLED).any():
        raise DatasetError(
            f"{dataset.path}: no one with labels in its {split} split; build it from more frames"
        )
    stored_px = dataset.image_shape.image_px
    frames = _frames(rows, kept, stored_px, dataset.meta.skeleton)
    frame, place = np.nonzero(rows.person[kept] == LABELLED)
    boxes = rows.bbox_xyxy_px[kept].astype(np.float64)
    colour = _colour_px(dataset, rows, kept, stored_px)
    at = (frames.keypoints_px[frame, place].astype(np.float64) + 0.5) * colour[frame][:, None]
    box = boxes[frame, place]
    targets = (at - box[:, None, :2]) / (box[:, 2] - box[:, 0])[:, None, None]
    visibility = rows.visibility[kept][frame, place]
    weight = np.where(visibility > 0, rows.weight[kept][frame, place], 0).astype(np.float32)
    if not weight.any():
        raise no_labels(dataset.path, split, "learn or measure")
    return PeopleSamples(
        split=split,
        images=lambda chosen: frames.images(frame[chosen]),
        targets=np.where((visibility > 0)[..., None], targets, 0.5).astype(np.float32),
        weight=weight,
        visibility=visibility,
        bbox_xyxy_px=box,
        skeleton=dataset.meta.skeleton,
        frames=frames,
        frame=frame,
        place=place,
        colour_px=colour,
        rows=kept,
        height=height,
    )


def _frames(
    rows: Split, kept: Indices, size_px: tuple[int, int], skeleton: Skeleton
) -> PeopleFrames:
    labelled = rows.visibility[kept] > 0
    points = rows.keypoints_px[kept]
    low = np.where(labelled[..., None], points, np.inf).min(axis=2)
    high = np.where(labelled[..., None], points, -np.inf).max(axis=2)
    found: npt.NDArray[np.bool_] = np.asarray(labelled.any(axis=2))
    box = np.concatenate([low, high], axis=2)
    return PeopleFrames(
        images=lambda chosen: rows.images(kept[chosen]),
        size_px=size_px,
        keypoints_px=points,
        known=labelled & (rows.weight[kept] > 0),
        there=(rows.person[kept] != ABSENT) & found,
        box_px=np.where(found[..., None], box, 0).astype(np.float32),
        skeleton=skeleton,
    )


def _colour_px(
    dataset: Kinect13, rows: Split, kept: Indices, size_px: tuple[int, int]
) -> npt.NDArray[np.float64]:
    """Return pixels of the colour image for one of the stored frame (F, 2), in x and in y."""
    sizes = {one.get("session"): one.get("color_size_px", size_px) for one in dataset.meta.sources}
    scales = [np.array(sizes.get(name, size_px)) / size_px for name in dataset.meta.sessions]
    return np.array(scales, np.float64).reshape(-1, 2)[rows.session[kept]]
