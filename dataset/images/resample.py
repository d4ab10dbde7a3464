"""Cut windows out of decoded images and bring them to another size, un-mirrored."""

import numpy as np

from .parts import Image, ImagePart, Window


def resize_window(
    part: ImagePart, window: Window, mirrored: bool, size_px: tuple[int, int]
) -> Image:
    """Cut a window out of an image, un-mirror it and resize it by the pixels' areas.

    Args:
        part: The part of the image that the window shows, not reduced.
        window: Of the image as stored; outside of the image is black.
        mirrored: Whether the image is.
        size_px: Width and height of the result.

    Returns:
        (H, W, 3) uint8: by area where it gets smaller, bilinear where it gets larger.
    """
    # late: reading sessions (for a dry run) needs no OpenCV
    import cv2

    height, width = part.image.shape[:2]
    x0, y0 = window.x0 - part.x0, window.y0 - part.y0
    left, top = max(x0, 0), max(y0, 0)
    right, bottom = min(x0 + window.width, width), min(y0 + window.height, height)
    if (left, top, right, bottom) == (x0, y0, x0 + window.width, y0 + window.height):
        cut = part.image[top:bottom, left:right]
    else:
        cut = np.zeros((window.height, window.width, 3), np.uint8)
        if left < right and top < bottom:
            cut[top - y0 : bottom - y0, left - x0 : right - x0] = part.image[top:bottom, left:right]
    if mirrored:
        # before it is resized: sums in the other order are not the same to the last bit
        cut = np.asarray(cv2.flip(cut, 1), np.uint8)
    if (window.width, window.height) == size_px:
        return np.ascontiguousarray(cut)
    smaller = window.width > size_px[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cut, size_px, interpolation=how), np.uint8)


def resample_window(
    part: ImagePart, window: Window, mirrored: bool, size_px: tuple[int, int]
) -> Image:
    """Resample a window of a reduced image, bilinear and un-mirrored in one step.

    Args:
        part: The part of the image that the window shows, reduced or not.
        window: Of the image as stored, not reduced; outside of the image is black.
        mirrored: Whether the image is.
        size_px: Width and height of the result.

    Returns:
        (H, W, 3) uint8.
    """
    import cv2

    step_x, step_y = window.width / size_px[0], window.height / size_px[1]
    # the middle of the result's first pixel, in pixels of the image whose first edge is 0
    first_x = window.x0 + (window.width - step_x / 2 if mirrored else step_x / 2)
    first_y = window.y0 + step_y / 2
    by = part.reduction
    to_part = np.array(
        [
            [(-step_x if mirrored else step_x) / by, 0, first_x / by - 0.5 - part.x0],
            [0, step_y / by, first_y / by - 0.5 - part.y0],
        ]
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part.image, to_part, size_px, flags=how), np.uint8)
