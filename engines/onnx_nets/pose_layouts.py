"""Layouts of pose nets in ONNX files: MoveNet, SimCC (RTMPose), YOLO-pose; COCO's 17 keypoints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from ..engine import Images
from ..own_detector import fit_image
from ..rotated_crop import Region, cut_region
from ..teacher import TeacherPose
from .model import IMAGENET_RGB, RAW_RGB, UNIT_RGB, Array, OnnxModel

Floats = npt.NDArray[np.float64]

COCO_POINTS: Final = 17
_EARS: Final = (3, 4)
_LIMBS: Final = (6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15)
_YOLO_WIDTH: Final = 4 + 1 + 3 * COCO_POINTS
_MOST_FINISHED: Final = 1000
"""Rows up to which an output with classes holds finished people, and no cells of a grid."""

PoseOfRegion = Callable[[OnnxModel, Images, Region], TeacherPose]


@dataclass(frozen=True)
class PoseLayout:
    """The use of a pose net.

    Attributes:
        looks_like: Return True if the outputs of a file have this layout.
        pose: Return the pose in a region of an image.
        finds_people: True if it takes whole images.
    """

    looks_like: Callable[[OnnxModel], bool]
    pose: PoseOfRegion
    finds_people: bool = False


def coco_pose(points_px: Floats, confidence: Floats, score: float | None = None) -> TeacherPose:
    """Return COCO's 17 keypoints (17, 2) as kincap's 13; the head is the middle of the ears."""
    ears, limbs = list(_EARS), list(_LIMBS)
    sure = np.clip(np.concatenate([[confidence[ears].mean()], confidence[limbs]]), 0, 1)
    points = np.vstack([points_px[ears].mean(axis=0), points_px[limbs]])
    return TeacherPose(points, sure, float(sure.mean() if score is None else score))


def _is_movenet(model: OnnxModel) -> bool:
    return len(model.outputs) == 1 and model.outputs[0].shape[-2:] == (COCO_POINTS, 3)


def _movenet(model: OnnxModel, image: Images, region: Region) -> TeacherPose:
    """Take rows of y, x in units of the crop, and score."""
    crop = cut_region(image, region, model.size_px[0])
    rows = model.run(RAW_RGB.numbers(crop))[0].reshape(COCO_POINTS, 3).astype(np.float64)
    return coco_pose(region.to_image(rows[:, 1::-1]), rows[:, 2])


def _is_simcc(model: OnnxModel) -> bool:
    if len(model.outputs) != 2 or any(len(one.shape) != 3 for one in model.outputs):
        return False
    width, height = model.size_px
    across, down = (one.shape for one in model.outputs)
    same = across[1] == down[1] and (across[1] or COCO_POINTS) >= COCO_POINTS
    # the bins of a coordinate are a whole multiple of the input's pixels
    return (
        same
        and across[2] is not None
        and down[2] is not None
        and (across[2] % width == 0 and down[2] % height == 0)
    )


def _simcc(model: OnnxModel, image: Images, region: Region) -> TeacherPose:
    """Take a row of scores along x and one along y for each keypoint; body points come first."""
    width, height = model.size_px
    side = max(width, height)
    square = cut_region(image, region, side)
    left, top = (side - width) // 2, (side - height) // 2
    crop = square[top : top + height, left : left + width]
    across, down = (one[0, :COCO_POINTS] for one in model.run(IMAGENET_RGB.numbers(crop)))
    at = np.stack([across.argmax(axis=1), down.argmax(axis=1)], axis=1).astype(np.float64)
    per_px = np.array([across.shape[1] / width, down.shape[1] / height])
    # a bin is a place between pixels' middles: bin 0 is the middle of the first pixel
    place = (at / per_px + 0.5 + (left, top)) / side
    sure = np.minimum(across.max(axis=1), down.max(axis=1)).astype(np.float64)
    return coco_pose(region.to_image(place), sure)


def _is_yolo(model: OnnxModel) -> bool:
    if len(model.outputs) != 1 or len(model.outputs[0].shape) != 3:
        return False
    widths = (_YOLO_WIDTH, _YOLO_WIDTH + 1)
    return any(one in widths for one in model.outputs[0].shape[1:])


def _yolo(model: OnnxModel, image: Images, region: Region) -> TeacherPose:
    """Take rows of box, score (and class), then x, y and confidence of each keypoint."""
    side = max(model.size_px)
    crop = cut_region(image, region, side)
    fitted, fit = fit_image(crop, model.size_px)
    rows = _people(model.run(UNIT_RGB.numbers(fitted))[0][0])
    if not len(rows):
        return coco_pose(np.full((COCO_POINTS, 2), np.nan), np.zeros(COCO_POINTS), 0.0)
    best = rows[rows[:, 0].argmax()]
    points = best[1:].reshape(COCO_POINTS, 3)
    place = (points[:, :2] - (fit.left, fit.top)) / fit.scale / side
    return coco_pose(region.to_image(place), points[:, 2], float(np.clip(best[0], 0, 1)))


def _people(rows: Array) -> Floats:
    """Return for each person the score and 17 x, y, confidence."""
    if rows.shape[-1] not in (_YOLO_WIDTH, _YOLO_WIDTH + 1):
        rows = rows.T
    rows = rows.astype(np.float64)
    score = rows[:, 4]
    if rows.shape[1] > _YOLO_WIDTH and len(rows) > _MOST_FINISHED:
        score = score * rows[:, 5]
    return np.column_stack([score, rows[:, -3 * COCO_POINTS :]])


POSE_LAYOUTS: Final[dict[str, PoseLayout]] = {
    "movenet": PoseLayout(_is_movenet, _movenet),
    "simcc": PoseLayout(_is_simcc, _simcc),
    "yolo-pose": PoseLayout(_is_yolo, _yolo, finds_people=True),
}
"""By name, as in ``onnx:LAYOUT:FILE``."""
