"""False and missed detections, counted as the paper counts them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from ...engines.own_detector import choose_boxes, overlap
from ..data import normalised
from .frames import Frames
from .net import PersonNet

LEAST_OVERLAP: Final = 0.5
"""A detection is right if its IoU with a person's box is more than this."""
THRESHOLDS: Final = tuple(round(0.1 + 0.05 * k, 2) for k in range(17))
LEAST_SCORE: Final = 0.05
_BATCH: Final = 32

Found = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class DetectionScore:
    """Counts of missed people and false detections.

    Attributes:
        threshold: Least score of a person.
        people: Number of labelled people.
        detections: Number of detections; those of people whom the filters rejected don't count.
        missed: People without a detection of IoU > 0.5.
        false: SplitDetections without a person of IoU > 0.5.
        frames: Number of frames.
    """

    threshold: float
    people: int
    detections: int
    missed: int
    false: int
    frames: int

    @property
    def fn_percent(self) -> float | None:
        """Share of people that are missed; None without people."""
        return 100 * self.missed / self.people if self.people else None

    @property
    def fp_percent(self) -> float | None:
        """Share of detections that are false; None without detections."""
        return 100 * self.false / self.detections if self.detections else None

    def text(self) -> str:
        """Return a line for a person."""
        missed, false = (
            "none" if share is None else f"{share:.2f} %"
            for share in (self.fn_percent, self.fp_percent)
        )
        return (
            f"{missed} of {self.people} people missed, {false} of {self.detections} detections "
            f"false (IoU > {LEAST_OVERLAP}, score >= {self.threshold})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the figures of ``--json``."""
        return {
            "frames": self.frames, "people": self.people, "detections": self.detections,
            "threshold": self.threshold, "fn_percent": self.fn_percent,
            "fp_percent": self.fp_percent,
        }  # fmt: skip


class SplitDetections:
    """Detections of a net in a split, kept so that thresholds can be compared.

    Args:
        net: The net; left in evaluation mode.
        frames: The split.
        device: Where it computes.
        on_batch: Called after each batch, with frames done.
    """

    def __init__(
        self,
        net: PersonNet,
        frames: Frames,
        device: torch.device,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._frames, self._found = len(frames), []
        self._boxes: list[npt.NDArray[np.float32]] = []
        self._ignored: list[npt.NDArray[np.bool_]] = []
        net.eval()
        for first in range(0, len(frames), _BATCH):
            batch = frames.plain(np.arange(first, min(first + _BATCH, len(frames))))
            with torch.inference_mode():
                pixels = torch.from_numpy(batch.images).permute(0, 3, 1, 2).to(device).float()
                logits, boxes = net(normalised(pixels))
            for score, box in zip(logits.sigmoid().cpu(), boxes.cpu(), strict=True):
                self._found.append(_likely(score.numpy(), box.numpy()))
            self._boxes += batch.boxes
            self._ignored += batch.ignored
            if on_batch is not None:
                on_batch(first + len(batch.images))

    def score(self, threshold: float) -> DetectionScore:
        """Return the score at a threshold."""
        people = detections = missed = false = 0
        for (scores, found), boxes, ignored in zip(
            self._found, self._boxes, self._ignored, strict=True
        ):
            chosen = found[scores >= threshold]
            is_right = np.zeros((len(chosen), len(boxes)), np.bool_)
            for index, one in enumerate(chosen):
                is_right[index] = overlap(one, boxes) > LEAST_OVERLAP
            right, unsure = is_right[:, ~ignored].any(axis=1), is_right[:, ignored].any(axis=1)
            people += int((~ignored).sum())
            missed += int((~is_right.any(axis=0) & ~ignored).sum())
            detections += int((right | ~unsure).sum())
            false += int((~right & ~unsure).sum())
        return DetectionScore(threshold, people, detections, missed, false, self._frames)

    def best(self) -> DetectionScore:
        """Return the score at the threshold of the fewest errors, the middle one of equals."""
        scores = [self.score(threshold) for threshold in THRESHOLDS]
        errors = [one.missed + one.false for one in scores]
        equal = [one for one, wrong in zip(scores, errors, strict=True) if wrong == min(errors)]
        return equal[len(equal) // 2]


def _likely(scores: npt.NDArray[np.float32], boxes: npt.NDArray[np.float32]) -> Found:
    """Return the scores and boxes of what may be people, one box each."""
    chosen = choose_boxes(scores, boxes, LEAST_SCORE)
    return scores[chosen], boxes[chosen]
