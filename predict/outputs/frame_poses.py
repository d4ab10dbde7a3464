"""The people of one frame, as every output takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..tracks import TrackedPerson

DECIMALS: Final = 2
DECIMALS_CONFIDENCE: Final = 4


@dataclass(frozen=True)
class FramePoses:
    """The people of one frame.

    Attributes:
        number: Of the frame in its source.
        name: File name of a picture, else "".
        time_s: Seconds since the first frame; None for pictures.
        size_px: Width and height of the image.
        people: The people, by id.
        smoothed_px: For each person (K, 2) pixels; empty where nothing is smoothed.
        problem: Why the image can't be read; None: it can.
        is_looked_at: False for a frame that ``--every`` passes over.
    """

    number: int
    name: str
    time_s: float | None
    size_px: tuple[int, int]
    people: tuple[TrackedPerson, ...]
    smoothed_px: tuple[npt.NDArray[np.float64], ...] = ()
    problem: str | None = None
    is_looked_at: bool = True

    def shown_px(self, index: int) -> npt.NDArray[np.float64]:
        """Return the pose (K, 2) of a person that is drawn: the smoothed one where there is one."""
        return self.smoothed_px[index] if self.smoothed_px else self.people[index].keypoints_px

    def to_json(self) -> dict[str, Any]:
        """Return the frame as a line of poses.jsonl, docs/format.md 4."""
        line: dict[str, Any] = {"frame": self.number}
        if self.name:
            line["image"] = self.name
        line["time_s"] = None if self.time_s is None else round(self.time_s, 6)
        line["size"] = list(self.size_px)
        line["people"] = [self._person(k) for k in range(len(self.people))]
        if self.problem:
            line["problem"] = self.problem
        return line

    @staticmethod
    def from_json(line: dict[str, Any]) -> "FramePoses":
        """Return the frame of a line; a line does not say whether its frame was looked at.

        Raises:
            KeyError, TypeError, ValueError: It is not such a line.
        """
        people = line["people"]
        smoothed = [_pose(one["smoothed"]) for one in people if "smoothed" in one]
        width, height = map(int, line["size"])
        return FramePoses(
            int(line["frame"]), str(line.get("image", "")), line["time_s"], (width, height),
            tuple(
                TrackedPerson(
                    int(one["id"]), np.array(one["bbox_xyxy"], np.float64), str(one["box_from"]),
                    float(one["score"]), _pose(one["keypoints"]),
                    np.array(one["confidence"], np.float64),
                )
                for one in people
            ),
            tuple(smoothed), line.get("problem"),
        )  # fmt: skip

    def _person(self, index: int) -> dict[str, Any]:
        one = self.people[index]
        found: dict[str, Any] = {
            "id": one.id,
            "bbox_xyxy": np.round(one.bbox_xyxy_px, DECIMALS).tolist(),
            "box_from": one.box_from,
            "score": round(one.score, DECIMALS_CONFIDENCE),
            "keypoints": _rows(one.keypoints_px),
            "confidence": np.round(one.confidence, DECIMALS_CONFIDENCE).tolist(),
        }
        if self.smoothed_px:
            found["smoothed"] = _rows(self.smoothed_px[index])
        return found


def _pose(rows: Sequence[Sequence[float] | None]) -> npt.NDArray[np.float64]:
    """Return (K, 2) of x and y of each keypoint; NaN where there are none."""
    found = [(np.nan, np.nan) if row is None else row for row in rows]
    return np.array(found, np.float64).reshape(-1, 2)


def _rows(pose: npt.NDArray[np.float64]) -> list[list[float] | None]:
    """Return x and y of each keypoint; None where the net has not found it."""
    found: list[bool] = np.asarray(np.isfinite(pose).all(axis=1)).tolist()
    rows: list[list[float]] = np.round(pose, DECIMALS).tolist()
    return [row if there else None for row, there in zip(rows, found, strict=True)]
