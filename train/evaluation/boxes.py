"""Crops in boxes other than the label's: shifted ones, and those that follow the person.

The crops of a data set come from its labels, which a net in use does not have. Tracked boxes are
those of use: the box of a frame is made from the net's own pose in the frame before, and only the
first frame of a stretch gets the label's.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ...core.skeleton import Skeleton
from ...dataset.kinect13.reader import Split
from ...engines.box_from_pose import box_of_pose
from ..confidence import map_spread
from ..data import Indices, Samples, to_pixels
from ..following.previous_pose import in_box, mirrored
from ..following.stretches import stretches
from ..mirror import Floats, Images, mirror_images, mirror_targets
from ..validate import BATCH, OnBatch

Boxes = npt.NDArray[np.float64]

JITTER_SHIFT: Final = 0.12
"""Largest shift of a jittered box, in sides of the label's."""
JITTER_SCALE: Final = 1.25
"""Largest ratio of the sides of a jittered box and the label's, either way."""


@dataclass(frozen=True)
class BoxedPoses:
    """Poses that a net gave in some boxes.

    Attributes:
        mirrored: (N, K, 2) float32, averaged over the crop and its mirrored copy; crop units of
            the label's box.
        single: (N, K, 2) float32, of the crop alone.
        spread: (N, K) float32, how wide the maps are, in units of the boxes; None: there are none.
        boxes: (N, 4) float64, the boxes, pixels of the un-mirrored colour images.
        outside: Mean share of a box that the stored image does not reach; that is black.
    """

    mirrored: Floats
    single: Floats
    spread: Floats | None
    boxes: Boxes
    outside: float


class BoxCutter:
    """Cuts crops out of the stored images of a split, as far as their margin reaches.

    Args:
        rows: The split; its data set stays open.
        size: Side of the crops, pixels.
    """

    def __init__(self, rows: Split, size: int) -> None:
        self._rows, self.size = rows, size
        label = np.asarray(rows.bbox_xyxy_px, dtype=np.float64)
        side = label[:, 2] - label[:, 0]
        border = side * (rows.image_size / rows.size - 1) / 2
        self._corner = label[:, :2] - border[:, None]
        self._px_per_px = rows.size / side
        self.label_boxes: Boxes = label

    def cut(self, indices: Indices, boxes: Boxes) -> Images:
        """Return crops (B, size, size, 3) of square boxes (B, 4); black outside of the images."""
        images = self._rows.wide_images(indices)
        out = np.empty((len(indices), self.size, self.size, 3), dtype=np.uint8)
        for n, index in enumerate(indices):
            scale = self._px_per_px[index]
            corner = (boxes[n, :2] - self._corner[index]) * scale
            step = (boxes[n, 2] - boxes[n, 0]) * scale / self.size
            out[n] = _cut(images[n], corner, step, self.size)
        return out

    def outside(self, indices: Indices, boxes: Boxes) -> Floats:
        """Return the share (B,) of each box that its stored image does not reach."""
        low = self._corner[indices]
        high = low + (self._rows.image_size / self._px_per_px[indices])[:, None]
        inside = np.minimum(boxes[:, 2:], high) - np.maximum(boxes[:, :2], low)
        area = np.prod(np.maximum(inside, 0.0), axis=1)
        whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
        share: Floats = (1 - area / whole).astype(np.float32)
        return share


def _cut(image: Images, corner: npt.NDArray[np.float64], step: float, size: int) -> Images:
    """Return a crop of an image.

    Args:
        image: (R, R, 3) uint8.
        corner: (2,) upper left edge of the box, in pixels of the image, 0 at its edge.
        step: Pixels of the image for one of the crop.
        size: Side of the crop, pixels.
    """
    # by area where the crop is coarser than the image, as the stored crops are
    times = max(1, int(np.ceil(step - 1e-6)))
    fine = step / times
    first = corner + fine / 2 - 0.5
    matrix = np.array([[fine, 0, first[0]], [0, fine, first[1]]])
    cut = cv2.warpAffine(
        image, matrix, (size * times, size * times),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_CONSTANT,
    )  # fmt: skip
    if times > 1:
        cut = cv2.resize(cut, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(cut, dtype=np.uint8)


def jittered_boxes(label: Boxes, seed: int = 0) -> Boxes:
    """Return boxes (N, 4) that are shifted and scaled against the label's, as a detector's are.

    Args:
        label: (N, 4) square boxes.
        seed: Of shifts and scales.
    """
    rng = np.random.default_rng(seed)
    side = label[:, 2] - label[:, 0]
    centre = (label[:, :2] + label[:, 2:]) / 2
    centre = centre + rng.uniform(-JITTER_SHIFT, JITTER_SHIFT, centre.shape) * side[:, None]
    span = np.log(JITTER_SCALE)
    half = side[:, None] * np.exp(rng.uniform(-span, span, (len(side), 1))) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def poses_in_boxes(
    net: nn.Module,
    cutter: BoxCutter,
    samples: Samples,
    boxes: Boxes,
    device: torch.device,
    on_batch: OnBatch | None = None,
) -> BoxedPoses:
    """Return the poses of a net in given boxes.

    Args:
        net: The net; left in evaluation mode.
        cutter: Of the split.
        samples: The same split.
        boxes: (N, 4) square boxes.
        device: Device of the net.
        on_batch: Called after each batch with crops done and crops in all.
    """
    net.eval()
    out = _Poses.for_samples(samples)
    for start in range(0, len(samples), BATCH):
        part = np.arange(start, min(start + BATCH, len(samples)))
        out.run(net, cutter, part, boxes[part], device)
        if on_batch:
            on_batch(start + len(part), len(samples))
    return _in_label_boxes(out, cutter, boxes)


def tracked_poses(
    net: nn.Module,
    cutter: BoxCutter,
    samples: Samples,
    rows: Split,
    device: torch.device,
    on_batch: OnBatch | None = None,
) -> BoxedPoses:
    """Return the poses of a net whose boxes are made from its poses in the frames before.

    Stretches are followed side by side, one frame of each at a time. A net that takes the pose of
    the frame before gets its own.

    Args:
        net: The net; left in evaluation mode.
        cutter: Of the split.
        samples: The same split.
        rows: The same split, for its times.
        device: Device of the net.
        on_batch: Called after each batch with crops done and crops in all.
    """
    net.eval()
    out = _Poses.for_samples(samples)
    boxes = cutter.label_boxes.copy()
    previous = None
    if getattr(net, "takes_pose", False):
        previous = np.zeros((*samples.targets.shape[:2], 3), dtype=np.float32)
    waiting, done = stretches(rows), 0
    for step in range(max(map(len, waiting), default=0)):
        waiting = [one for one in waiting if len(one) > step]
        now = np.array([one[step] for one in waiting])
        for start in range(0, len(now), BATCH):
            part = now[start : start + BATCH]
            before = None if previous is None else previous[part]
            out.run(net, cutter, part, boxes[part], device, before)
            done += len(part)
            if on_batch:
                on_batch(done, len(samples))
        for one in waiting:
            if len(one) > step + 1 and np.isfinite(out.both[one[step]]).all():
                pose = _to_image(out.both[one[step]][None], boxes[one[step]][None])[0]
                boxes[one[step + 1]] = box_of_pose(pose)
                if previous is not None:
                    previous[one[step + 1]] = in_box(pose, boxes[one[step + 1]])
    return _in_label_boxes(out, cutter, boxes)


@dataclass
class _Poses:
    """Output of a net in units of the boxes, filled in as it runs.

    Attributes:
        skeleton: The keypoints.
        both: (N, K, 2) float32, averaged over the crop and its mirrored copy.
        single: (N, K, 2) float32.
        spread: (N, K) float32, the mean of both.
        has_maps: True if the net has maps, so that ``spread`` is known.
    """

    skeleton: Skeleton
    both: Floats
    single: Floats
    spread: Floats
    has_maps: bool = False

    @classmethod
    def for_samples(cls, samples: Samples) -> "_Poses":
        """Return empty poses of a split."""
        like = samples.targets
        return cls(
            samples.skeleton, np.empty_like(like), np.empty_like(like), np.zeros_like(like[..., 0])
        )

    def run(
        self,
        net: nn.Module,
        cutter: BoxCutter,
        part: Indices,
        boxes: Boxes,
        device: torch.device,
        previous: Floats | None = None,
    ) -> None:
        """Run the net in the boxes (B, 4) of some rows (B,), after some poses (B, K, 3)."""
        crops = cutter.cut(part, boxes)
        single, width = _forward(net, crops, device, previous)
        turned = None if previous is None else mirrored(previous, self.skeleton.flip)
        other, other_width = _forward(net, mirror_images(crops), device, turned)
        self.single[part] = single
        self.both[part] = np.float32(0.5) * (single + mirror_targets(other, self.skeleton))
        if width is not None and other_width is not None:
            self.has_maps = True
            self.spread[part] = (width + other_width[:, self.skeleton.flip]) / 2


def _forward(
    net: nn.Module, images: Images, device: torch.device, previous: Floats | None = None
) -> tuple[Floats, Floats | None]:
    """Return poses (B, K, 2) and how wide their maps are (B, K), None where there are none."""
    with torch.inference_mode():
        given = () if previous is None else (torch.from_numpy(previous).to(device),)
        output = net(to_pixels(images, device), *given)
        coords: Floats = output.coords.float().cpu().numpy()
        if output.maps is None:
            return coords, None
        width: Floats = map_spread(output.maps.float()).cpu().numpy()
    return coords, width


def _to_image(poses: npt.NDArray[np.floating], boxes: Boxes) -> npt.NDArray[np.float64]:
    """Put poses (B, K, 2) in units of square boxes (B, 4) into the images, float64 pixels."""
    side = (boxes[:, 2] - boxes[:, 0])[:, None, None]
    placed: npt.NDArray[np.float64] = boxes[:, None, :2] + poses.astype(np.float64) * side
    return placed


def _in_label_boxes(out: _Poses, cutter: BoxCutter, boxes: Boxes) -> BoxedPoses:
    """Return poses in units of the boxes as poses in units of the label's."""
    label = cutter.label_boxes
    side = (label[:, 2] - label[:, 0])[:, None, None]

    def moved(poses: Floats) -> Floats:
        units: Floats = ((_to_image(poses, boxes) - label[:, None, :2]) / side).astype(np.float32)
        return units

    everything = np.arange(len(label))
    outside = float(cutter.outside(everything, boxes).mean()) if len(label) else 0.0
    spread = out.spread if out.has_maps else None
    return BoxedPoses(moved(out.both), moved(out.single), spread, boxes, outside)
