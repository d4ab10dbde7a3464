"""Samples of a data set as nets take them: images resized once, targets in crop units."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..core.errors import DatasetError
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..dataset.kinect13.reader import Kinect13, Split
from .following.neighbours import neighbour_poses
from .mirror import Floats, Images

Indices = npt.NDArray[np.int64]

READ_BLOCK: Final = 256
"""Pictures read and resized at a time."""


@dataclass(frozen=True)
class Samples:
    """One split of a data set.

    Attributes:
        split: Which split.
        images: Gives the pictures of indices (B,): (B, S, S, 3) uint8, RGB, at the network's size;
            (B, R, R, 3) with their margins where they were loaded so.
        targets: (N, 13, 2) float32, crop units; 0.5 where not labelled.
        weight: (N, 13) float32 in [0, 1].
        visibility: (N, 13) uint8: 0 not labelled, 1 occluded or inferred, 2 visible.
        bbox_xyxy_px: (N, 4) float64, the crops in the un-mirrored colour images.
        skeleton: The keypoints.
        previous: (N, 2, 13, 3) float32, the labels of the frames before and after, see
            ``following.neighbours.neighbour_poses``; None: they were not asked for.
        head_px: (N,) float64, diagonals of the heads' boxes in the original images, NaN where there
            is none; None: the data set has none.
    """

    split: str
    images: Callable[[Indices], Images]
    targets: Floats
    weight: Floats
    visibility: npt.NDArray[np.uint8]
    bbox_xyxy_px: npt.NDArray[np.float64]
    skeleton: Skeleton = KEYPOINTS_13
    previous: Floats | None = None
    head_px: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def to_image_px(self, poses: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Put poses (N, 13, 2) in crop units into the original images, float64 pixels."""
        corner, side = self.bbox_xyxy_px[:, None, :2], np.diff(self.bbox_xyxy_px[:, ::2])
        placed: npt.NDArray[np.float64] = corner + poses.astype(np.float64) * side[:, None]
        return placed

    def take(self, rows: Indices) -> "Samples":
        """Return some of the samples.

        Args:
            rows: (M,) which, in their new order.
        """
        arrays = ("targets", "weight", "visibility", "bbox_xyxy_px", "previous", "head_px")
        return taken(self, rows, arrays)

    def with_all_keypoints(self) -> "Samples | None":
        """Return the samples of which every keypoint has weight; None where there are none."""
        kept = np.flatnonzero((self.weight > 0).all(axis=1))
        return self.take(kept) if len(kept) else None

    def with_masks(self, mask: Callable[[Images], Floats]) -> "Samples":
        """Return the samples with a mask as fourth channel, kept in memory.

        Args:
            mask: Returns how much of each pixel (S, S) of a picture (S, S, 3) is the person.
        """
        made: list[Images] = []
        for start in range(0, len(self), READ_BLOCK):
            images = self.images(np.arange(start, min(start + READ_BLOCK, len(self))))
            found = np.stack([mask(np.ascontiguousarray(image)) for image in images])
            person = np.round(255 * found).astype(np.uint8)
            made.append(np.concatenate([images, person[..., None]], axis=3))
        every = np.concatenate(made)
        return replace(self, images=lambda chosen: every[chosen])

    def shuffled(self, seed: int) -> "Samples":
        """Return the samples with labels dealt out among the pictures: the negative control.

        They have no frame before: its pose would say where the label is.
        """
        order = np.random.default_rng(seed).permutation(len(self))
        return replace(
            self,
            targets=self.targets[order],
            weight=self.weight[order],
            visibility=self.visibility[order],
            previous=None,
        )


class WithImages(Protocol):
    """A dataclass of arrays whose pictures are read when they are asked for."""

    @property
    def images(self) -> Callable[[Indices], Images]:
        """Gives the pictures of indices (B,)."""


Rows = TypeVar("Rows", bound=WithImages)


def taken(of: Rows, rows: Indices, arrays: Sequence[str]) -> Rows:
    """Return some rows of a dataclass, with their pictures.

    Args:
        of: The dataclass.
        rows: (M,) which, in their new order.
        arrays: Names of its arrays (N, ...); one that is None stays so.
    """
    images = of.images
    found = {name: getattr(of, name) for name in arrays}
    changed = {name: None if array is None else array[rows] for name, array in found.items()}
    made: Rows = replace(of, images=lambda chosen: images(rows[chosen]), **changed)  # type: ignore[type-var]  # any dataclass
    return made


def load_samples(
    dataset: Kinect13,
    split: str,
    size: int,
    leave_out: Collection[str] = (),
    *,
    in_memory: bool = True,
    with_margin: bool = False,
    with_mask: bool = False,
    with_previous: bool = False,
) -> Samples:
    """Read one split; pictures of another size than the network's are resized by area.

    Args:
        dataset: An open data set.
        split: ``"train"``, ``"val"`` or ``"test"``.
        size: Side of the network's input, pixels.
        leave_out: Names of sessions whose rows are left out.
        in_memory: Resize all pictures now and keep them (N * size * size * 3 bytes), for training
            that asks for each many times; else resize them whenever they are asked for.
        with_margin: Give images with their margin, if the data set has one and ``size`` is a
            multiple of 4. Targets stay in units of the crop in the middle.
        with_mask: Give the mask of the row's person as a fourth channel, 255 on the person.
        with_previous: Give the labels of the frames before and after.

    Returns:
        The samples. Pictures that have the network's size already are never kept but read from the
        data set, so it must stay open (and may be larger than memory).

    Raises:
        DatasetError: The data set has no such split, or it is empty, or nothing of it remains; or
            it has no masks.
    """
    rows = _rows(dataset, split)
    if with_mask and not rows.has_masks:
        raise no_masks([dataset.path])
    targets, weight = read_targets(rows)
    samples = Samples(
        split=split,
        images=_images(rows, size, in_memory, with_margin, with_mask),
        targets=targets,
        weight=weight,
        visibility=np.asarray(rows.visibility),
        bbox_xyxy_px=np.asarray(rows.bbox_xyxy_px, dtype=np.float64),
        skeleton=dataset.meta.skeleton,
        previous=neighbour_poses(rows, targets, np.asarray(rows.visibility) > 0)
        if with_previous
        else None,
        head_px=None if rows.head_px is None else rows.head_px.astype(np.float64),
    )
    if not leave_out:
        return samples
    away = [k for k, name in enumerate(dataset.meta.sessions) if name in leave_out]
    kept = np.flatnonzero(~np.isin(rows.session, away))
    if not len(kept):
        raise DatasetError(
            f"{dataset.path}: every row of its {split} split is of a session that is left out "
            "(--outfit leaves out those of other outfits); build it with --val as a share of the "
            "time, from more sessions"
        )
    return samples.take(kept)


def no_masks(paths: Iterable[Path]) -> DatasetError:
    """Return the error about data sets without the masks that a recipe needs."""
    names = ", ".join(map(str, paths))
    return DatasetError(
        f"{names}: no masks, which augment.background and augment.forearm need; build with "
        "--masks, or take masks from a net with --set masks=selfie"
    )


def no_labels(path: Path, split: str, work: str) -> DatasetError:
    """Return the error about a split in which no keypoint has weight.

    Args:
        path: The data set.
        split: The split.
        work: What can't be done: ``"learn from"``.
    """
    return DatasetError(
        f"{path}: no keypoint of its {split} split has weight, so there is nothing to {work}; "
        "kincap build prints why labels were left out"
    )


def read_targets(rows: Split) -> tuple[Floats, Floats]:
    """Return the targets (N, 13, 2) in crop units, 0.5 where not labelled, and weights (N, 13)."""
    labelled = np.asarray(rows.visibility) > 0
    targets = (np.asarray(rows.keypoints_px, dtype=np.float64) + 0.5) / rows.size
    weight = np.where(labelled, rows.weight, 0).astype(np.float32)
    return np.where(labelled[..., None], targets, 0.5).astype(np.float32), weight


def mean_pose(targets: Floats, weight: Floats) -> Floats:
    """Return the weighted mean (13, 2) of targets (N, 13, 2); 0.5 where nothing has weight."""
    share = weight[..., None].astype(np.float64)
    total = share.sum(axis=0)
    mean = (targets * share).sum(axis=0) / np.maximum(total, 1e-12)
    return np.where(total > 0, mean, 0.5).astype(np.float32)


def _rows(dataset: Kinect13, split: str) -> Split:
    """Return a split that is not empty.

    Raises:
        DatasetError: The data set has no such split, or it is empty.
    """
    if split not in dataset.splits:
        have = ", ".join(dataset.splits) or "none"
        raise DatasetError(
            f"{dataset.path}: no {split} split (it has {have}); "
            f"build it again with {'--test' if split == 'test' else '--val'}"
        )
    rows = dataset.split(split)
    if not len(rows):
        raise DatasetError(f"{dataset.path}: its {split} split is empty; build it from more frames")
    return rows


def to_pixels(images: Images, device: torch.device) -> Tensor:
    """Return (B, 3, S, S) float32 ``(v - 127) / 128`` of (B, S, S, 3) uint8 pictures."""
    stored = torch.from_numpy(np.ascontiguousarray(images)).to(device)
    return normalised(stored.permute(0, 3, 1, 2).float())


def normalised(images: Tensor) -> Tensor:
    """Return images (B, 3, S, S), 0 to 255, as nets take them: ``(v - 127) / 128``."""
    # the channels are last in memory: convolutions take a fifth less time on a CPU that way
    return ((images - 127) / 128).contiguous(memory_format=torch.channels_last)


def _images(
    rows: Split, size: int, in_memory: bool, with_margin: bool, with_mask: bool
) -> Callable[[Indices], Images]:
    """Return what gives the pictures of a split in a size."""
    read: Callable[[Indices], Images] = rows.images
    stored = rows.size
    # other sizes would have a margin that is not a whole number of pixels
    if with_margin and size % 4 == 0:
        read, stored = rows.wide_images, rows.image_size
        size = size * rows.image_size // rows.size
    if with_mask:
        read = _with_mask(rows, read, wide=stored != rows.size)
    if stored == size:
        return read
    if not in_memory:
        return lambda chosen: _resized(read(chosen), size)
    images = np.empty((len(rows), size, size, 4 if with_mask else 3), dtype=np.uint8)
    for start in range(0, len(rows), READ_BLOCK):
        indices = np.arange(start, min(start + READ_BLOCK, len(rows)))
        images[indices] = _resized(read(indices), size)
    return lambda chosen: images[chosen]


def _with_mask(
    rows: Split, read: Callable[[Indices], Images], wide: bool
) -> Callable[[Indices], Images]:
    """Return what gives pictures (B, R, R, 4): RGB, and 255 where the row's person is."""

    def both(chosen: Indices) -> Images:
        person = rows.masks(chosen, wide=wide) == rows.slot[chosen][:, None, None]
        return np.concatenate([read(chosen), 255 * person[..., None].astype(np.uint8)], axis=3)

    return both


def _resized(images: Images, size: int) -> Images:
    """Return (B, size, size, C) pictures of (B, S, S, C) ones."""
    method = cv2.INTER_AREA if size < images.shape[1] else cv2.INTER_LINEAR
    made = np.empty((len(images), size, size, images.shape[3]), dtype=np.uint8)
    for image, into in zip(images, made, strict=True):
        cv2.resize(image, (size, size), dst=into, interpolation=method)
    return made
