"""Boxes, crops and mirroring in pixels: positions of keypoints in images and crops.

Pixel centres are at integers: a picture of W columns reaches from -0.5 to W - 0.5. A box
``bbox_xyxy_px`` holds its edges, not its outermost centres. Crops are square boxes of whole pixels
resized to S x S; a network's targets are crop units, 0 and 1 at the crop's edges. All functions are
pure and work on float64.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BOX_SCALE: Final = 1.2
"""A person's box is the tight box of the keypoints, this much larger about its centre."""
MIN_SIDE_PX: Final = 2
"""The smallest box that a crop is cut from."""


FARTHEST_M: Final = 20.0
"""A joint farther from the sensor than this is not measured."""


def as_floats(values: ArrayLike) -> Floats:
    """Return values as float64, without a warning if a file holds a signalling NaN."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values, np.float64)


def lengths(vectors: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the lengths of vectors, bit for bit as ``np.linalg.norm``, many times as fast.

    Args:
        vectors: (..., 2 or 3); NaN where unknown.

    Returns:
        (...,) lengths.
    """
    squares = vectors[..., 0] * vectors[..., 0]
    for axis in range(1, vectors.shape[-1]):
        squares = squares + vectors[..., axis] * vectors[..., axis]
    return np.asarray(np.sqrt(squares))


def has_place_px(points: ArrayLike, size_px: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which positions in an image exist. With ``has_place_m`` the one rule for all readers.

    Sensors and files write "no position" as zeros, NaN or infinities. A joint close to the sensor's
    plane is mapped far outside of the image, which is not a position either.

    Args:
        points: (..., 2) pixels.
        size_px: Width and height of the image.

    Returns:
        (...,) bool; False for zeros, for values that are not finite, and farther than a whole image
        outside of the image.
    """
    points = as_floats(points)
    limit = np.asarray(size_px, np.float64)
    with np.errstate(invalid="ignore"):
        inside = ((points > -limit) & (points < 2 * limit)).all(axis=-1)
    return np.asarray(inside & points.any(axis=-1))


def has_place_m(points: ArrayLike) -> NDArray[np.bool_]:
    """Return which positions in camera space exist. With ``has_place_px`` the rule for all readers.

    Args:
        points: (..., 3) metres, camera space.

    Returns:
        (...,) bool; False for zeros, for values that are not finite, and farther away than
        ``FARTHEST_M`` on any axis.
    """
    points = as_floats(points)
    with np.errstate(invalid="ignore"):
        near = (np.abs(points) < FARTHEST_M).all(axis=-1)
    return np.asarray(near & points.any(axis=-1))


def unmirror_points(points: ArrayLike, width: int) -> Floats:
    """Return points of a mirrored image in pixels of the un-mirrored one (and the reverse).

    Args:
        points: (..., 2) x and y, pixels.
        width: Columns of the image.

    Returns:
        (..., 2) float64; x became W - 1 - x.
    """
    turned = as_floats(points).copy()
    turned[..., 0] = width - 1 - turned[..., 0]
    return turned


def tight_box(points: ArrayLike, labelled: ArrayLike) -> Floats:
    """Return the smallest box around each person's labelled keypoints.

    Args:
        points: (..., K, 2) pixels.
        labelled: (..., K) bool; other points are left out.

    Returns:
        (..., 4) float64 x0, y0, x1, y1; NaN where nothing is labelled.
    """
    points = as_floats(points)
    there = np.asarray(labelled, np.bool_)[..., None]
    low = np.where(there, points, np.inf).min(axis=-2)
    high = np.where(there, points, -np.inf).max(axis=-2)
    box = np.concatenate([low, high], axis=-1)
    box[~there.any(axis=(-2, -1))] = np.nan
    return box


def scale_box(bbox_xyxy: ArrayLike, factor: float = BOX_SCALE) -> Floats:
    """Grow boxes about their centres, both sides by the same factor.

    Args:
        bbox_xyxy: (..., 4); a side shorter than 1 pixel counts as 1 pixel.
        factor: How much larger.

    Returns:
        (..., 4) float64.
    """
    centre, side = _centre_side(bbox_xyxy)
    half = np.maximum(side, 1) * factor / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def square_box(bbox_xyxy: ArrayLike) -> Floats:
    """Grow the short side of boxes about the centre until it is as long as the other.

    Args:
        bbox_xyxy: (..., 4).

    Returns:
        (..., 4) float64; never moved into the image.
    """
    centre, side = _centre_side(bbox_xyxy)
    half = side.max(axis=-1, keepdims=True) / 2
    return np.concatenate([centre - half, centre + half], axis=-1)


def snap_box(square_xyxy: ArrayLike) -> NDArray[np.int64]:
    """Put square boxes on whole pixels.

    Args:
        square_xyxy: (..., 4) from ``square_box``; no NaN.

    Returns:
        (..., 3) int64 x0, y0, side: the crop is columns x0 .. x0 + side - 1 and as many rows from
        y0, inside the image or not.
    """
    centre, sides = _centre_side(square_xyxy)
    side = np.maximum(MIN_SIDE_PX, np.ceil(sides.max(axis=-1, keepdims=True)))
    corner = np.floor(centre - side / 2 + 1)
    return np.concatenate([corner, side], axis=-1).astype(np.int64)


def snapped_xyxy(placed: ArrayLike) -> Floats:
    """Return the edges of snapped boxes.

    Args:
        placed: (..., 3) x0, y0, side.

    Returns:
        (..., 4) float64 ``bbox_xyxy_px``.
    """
    placed = np.asarray(placed, np.float64)
    corner, side = placed[..., :2] - 0.5, placed[..., 2:]
    return np.concatenate([corner, corner + side], axis=-1)


def image_to_crop(points: ArrayLike, bbox_xyxy_px: ArrayLike, size: int) -> Floats:
    """Return points of the image in pixels of the crop of a square box.

    Args:
        points: (..., K, 2) pixels of the image.
        bbox_xyxy_px: (..., 4) square boxes.
        size: Side S of the crop, pixels.

    Returns:
        (..., K, 2) float64 crop pixels u, v.
    """
    corner, scale = _corner_scale(bbox_xyxy_px, size)
    return (as_floats(points) - corner) * scale - 0.5


def stored_x0(x0: ArrayLike, side: ArrayLike, width: int) -> NDArray[np.int64]:
    """Return the first column of the mirrored image that a crop of the un-mirrored one shows.

    Args:
        x0: First column of the crop in the un-mirrored image.
        side: Columns of the crop.
        width: Columns of the image.
    """
    return width - (np.asarray(x0, np.int64) + np.asarray(side, np.int64))


def _centre_side(bbox_xyxy: ArrayLike) -> tuple[Floats, Floats]:
    """Return the centres (..., 2) and sides (..., 2) of boxes."""
    box = np.asarray(bbox_xyxy, np.float64)
    low, high = box[..., :2], box[..., 2:]
    return (low + high) / 2, high - low


def _corner_scale(bbox_xyxy_px: ArrayLike, size: int) -> tuple[Floats, Floats]:
    """Return the upper left edge (..., 1, 2) and crop pixels per image pixel (..., 1, 1)."""
    box = np.asarray(bbox_xyxy_px, np.float64)[..., None, :]
    return box[..., :2], size / (box[..., 2:3] - box[..., 0:1])
