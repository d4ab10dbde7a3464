"""Batches of changed copies of whole frames: a square round a person, with everyone in it.

As in the paper, a person is scaled to 0.6 of the square's side and put into its middle; then the
copy is scaled, turned, shifted and mirrored.
"""

import math
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ..augment import AugmentSettings
from ..batch_source import WHOLE, PeopleBatch, RankRows, SamplesSource, shuffled_rows
from ..mirror import Floats, Images
from .fit import GREY
from .frames import PeopleSamples

PERSON_SHARE: Final = 0.6
"""Side of the middle person's tight box, in sides of the square."""

FAR: Final = 1e4
"""Place of keypoints that are not known, pixels: no map reaches so far."""


class PeopleBatches(SamplesSource):
    """Batches of one split: every person in the middle once before any comes again.

    Args:
        samples: The split.
        size: Side of the squares, pixels.
        batch: Samples in a batch; all of them where there are fewer.
        augment: Largest changes.
        seed: Order and changes follow from it.
    """

    def __init__(
        self, samples: PeopleSamples, size: int, batch: int, augment: AugmentSettings, seed: int
    ) -> None:
        super().__init__(samples, min(batch, len(samples)))
        self._samples, self._size = samples, size
        self._augment, self._seed = augment, seed

    @property
    def image_bytes(self) -> int:
        """Return the size of all frames."""
        width, height = self._samples.frames.size_px
        return len(self._samples.frames) * width * height * 3

    def __len__(self) -> int:
        return len(self._samples)

    def batch(self, step: int, part: RankRows = WHOLE) -> PeopleBatch:
        """Return the batch of a step, from 0."""
        rows = shuffled_rows(len(self._samples), self._batch, step, self._seed)
        places = range(*part.rows(self._batch).indices(self._batch))
        made = [
            self._copy(int(rows[n]), np.random.default_rng((self._seed, step, n))) for n in places
        ]
        return PeopleBatch(*(torch.from_numpy(np.stack(one)) for one in zip(*made, strict=True)))

    def on_device(self, device: torch.device) -> "PeopleBatches":
        """Return the source itself: copies are cut on the CPU."""
        return self

    def _copy(self, row: int, rng: np.random.Generator) -> tuple[Images, Floats, Floats, Floats]:
        """Return image, keypoints, weights and boxes of a copy."""
        frames = self._samples.frames
        frame, place = int(self._samples.frame[row]), int(self._samples.place[row])
        box = frames.box_px[frame, place]
        middle, side = (box[:2] + box[2:]) / 2, max(float((box[2:] - box[:2]).max()), 1.0)
        matrix, mirrored = self._place(middle, side, rng)
        image = cv2.warpAffine(
            frames.images(np.array([frame]))[0], matrix, (self._size, self._size),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(GREY,) * 3,
        )  # fmt: skip
        known, there = frames.known[frame], frames.there[frame]
        points = frames.keypoints_px[frame] @ matrix[:, :2].T + matrix[:, 2]
        if mirrored:
            flip = frames.skeleton.flip
            points, known = points[:, flip], known[:, flip]
        corners = frames.box_px[frame][:, [[0, 1], [2, 1], [0, 3], [2, 3]]]
        corners = corners @ matrix[:, :2].T + matrix[:, 2]
        boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        return (
            self._recoloured(np.asarray(image, np.uint8), rng),
            np.where(known[..., None], points, FAR).astype(np.float32),
            known.astype(np.float32),
            np.where(there[:, None], boxes, -FAR).astype(np.float32),
        )

    def _place(
        self, middle: Floats, side: float, rng: np.random.Generator
    ) -> tuple[npt.NDArray[np.float64], bool]:
        """Return the map (2, 3) from a frame's pixels to a copy's, and whether it mirrors."""
        change = self._augment
        limit, span = math.radians(change.rotation_deg), math.log(change.scale)
        turn, larger = rng.uniform(-limit, limit), math.exp(rng.uniform(-span, span))
        shift = rng.uniform(-change.shift, change.shift, 2) * self._size
        mirrored = bool(rng.random() < change.mirror)
        scale = PERSON_SHARE * self._size / side * larger
        cos, sin = scale * math.cos(turn), scale * math.sin(turn)
        linear = np.array([[cos, -sin], [sin, cos]])
        if mirrored:
            linear = linear * (-1, 1)
        offset = (self._size - 1) / 2 + shift - linear @ middle
        return np.column_stack([linear, offset]), mirrored

    def _recoloured(self, image: Images, rng: np.random.Generator) -> Images:
        gain = 1 + rng.uniform(-self._augment.gain, self._augment.gain, 3)
        order = rng.permutation(3) if rng.random() < self._augment.shuffle else np.arange(3)
        if not self._augment.gain and not self._augment.shuffle:
            return image
        table = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8)
        changed: Images = np.stack([table[image[..., c], c] for c in order], axis=-1)
        return changed
