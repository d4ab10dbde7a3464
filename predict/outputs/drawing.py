"""Draw people into an image: limbs, keypoints, ids, confidence."""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from ...core.skeleton import KEYPOINTS_13, Skeleton, side_of
from ...engines.engine import Images
from .frame_poses import FramePoses

LEFT: Final = (255, 120, 60)
RIGHT: Final = (70, 170, 255)
MIDDLE: Final = (240, 240, 240)
SENSOR: Final = (70, 205, 70)
INK: Final = (30, 30, 30)
"""Colours, RGB; the person's left is orange, the right is blue."""

FAINT: Final = 0.3
"""A keypoint of a lower confidence is drawn hollow."""
_SHIFT: Final = 4
_LETTERS: Final = 0.34
"""Size of letters, as a factor of OpenCV's, for each pixel of thickness."""


def draw_people(image: Images, frame: FramePoses, skeleton: Skeleton = KEYPOINTS_13) -> Images:
    """Return a copy of an image with the people of a frame.

    Args:
        image: (H, W, 3) uint8, RGB.
        frame: The people, in its pixels.
        skeleton: Their keypoints.
    """
    drawn = image.copy()
    thick = _thickness(max(image.shape[:2]))
    for index, person in enumerate(frame.people):
        pose = frame.shown_px(index)
        draw_pose(drawn, pose, person.confidence >= FAINT, skeleton, thick)
        write(drawn, _label(frame, index), _label_at(frame, index, thick), thick)
    return drawn


def drawn_box(frame: FramePoses, index: int) -> npt.NDArray[np.float64]:
    """Return the box (4,), xyxy in pixels, of what ``draw_people`` draws of a person."""
    thick = _thickness(max(frame.size_px))
    pose = frame.shown_px(index)
    pose = pose[np.isfinite(pose).all(axis=1)]
    x, y = _label_at(frame, index, thick)
    (width, height), below = cv2.getTextSize(
        _label(frame, index), cv2.FONT_HERSHEY_SIMPLEX, _LETTERS * thick, 1
    )
    corners = np.array([[x, y - height], [x + width, y + below]], np.float64)
    edge = 3.0 * thick  # of a keypoint's circle, and of the outline
    low, high = (end(np.concatenate([pose, corners]), axis=0) for end in (np.min, np.max))
    return np.concatenate([low - edge, high + edge])


def _label(frame: FramePoses, index: int) -> str:
    person = frame.people[index]
    return f"{person.id}  {100 * person.score:.0f} %"


def _label_at(frame: FramePoses, index: int, thick: int) -> tuple[int, int]:
    """Return the lower left corner of a person's label: above the head, inside the image."""
    low = np.fmin.reduce(frame.shown_px(index), axis=0, initial=np.inf)
    low = np.where(np.isfinite(low), low, 0)
    box = frame.people[index].bbox_xyxy_px
    # the first keypoint is the middle of the head
    top = low[1] - 0.08 * (box[3] - box[1])
    return int(low[0]), max(int(top) - 8 * thick, 14 * thick)


def with_note(image: Images, note: str) -> Images:
    """Return a copy of an image with a line in its upper left corner."""
    drawn = image.copy()
    thick = _thickness(max(image.shape[:2]))
    write(drawn, note, (8 * thick, 18 * thick), thick)
    return drawn


def draw_pose(
    image: Images,
    pose_px: npt.NDArray[np.float64],
    sure: npt.NDArray[np.bool_],
    skeleton: Skeleton,
    thick: int,
    colour: tuple[int, int, int] | None = None,
) -> None:
    """Draw one pose into an image.

    Args:
        image: (H, W, 3) uint8, RGB; changed.
        pose_px: (K, 2); what is not a number is left out.
        sure: (K,) bool; other keypoints are hollow, and their limbs thin.
        skeleton: The keypoints.
        thick: Thickness of a line, pixels.
        colour: Of everything; None: a colour for each side.
    """
    most = 4.0 * max(image.shape[:2])
    usable = np.isfinite(pose_px).all(axis=1) & (np.abs(pose_px) < most).all(axis=1)
    at = np.round(np.where(usable[:, None], pose_px, 0) * (1 << _SHIFT)).astype(int).tolist()
    tints = [colour or _tint(name) for name in skeleton.points]
    limbs = [(a, b) for a, b in skeleton.bone_indices if usable[a] and usable[b]]
    # first all in dark and wider: an outline, so that it shows on every garment
    for dark, wider in ((True, 2), (False, 0)):
        for a, b in limbs:
            width = (thick if sure[a] and sure[b] else max(1, thick // 2)) + wider
            cv2.line(image, at[a], at[b], INK if dark else tints[b], width, cv2.LINE_AA, _SHIFT)
        for k in np.flatnonzero(usable):
            radius = (2 * thick + wider // 2) << _SHIFT
            fill = -1 if sure[k] else max(1, thick)
            ink = INK if dark else tints[k]
            cv2.circle(image, at[k], radius, ink, fill, cv2.LINE_AA, _SHIFT)


def write(image: Images, text: str, at: tuple[int, int], thick: int) -> None:
    """Write a line in white with a dark outline; ``at`` is its lower left corner."""
    size, (x, y), off = _LETTERS * thick, at, max(1, thick // 3)
    # OpenCV 5 draws letters of one weight, so a thicker text is no outline
    around = [(x + a, y + b) for a in (-off, off) for b in (-off, off)]
    for place in around:
        cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, INK, 1, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, MIDDLE, 1, cv2.LINE_AA)


def _thickness(side_px: int) -> int:
    """Return the thickness of a line in an image with this longer side."""
    return max(1, round(side_px / 400))


def _tint(name: str) -> tuple[int, int, int]:
    return {"left": LEFT, "right": RIGHT}.get(side_of(name) or "", MIDDLE)
