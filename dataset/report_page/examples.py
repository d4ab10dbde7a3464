"""Pictures of the report: rows of the data set, and candidates that were left out."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...core.errors import DatasetError
from ...core.skeleton import Skeleton
from ..faces.blur import FaceBlur, blur_disks
from ..images.masks import NO_PERSON
from ..kinect13.reader import Kinect13
from ..sheets.examples import choose_examples, draw_example, draw_person, shown_picture
from .markup import Markup, figure, join, tag, text
from .rejected import EXAMPLE_PX, Rejected

EXAMPLES: Final = 15
MASK_EXAMPLES: Final = 5
_OWN_RGB: Final = (40, 130, 255)
_OTHER_RGB: Final = (200, 200, 200)
_SIDE_PX: Final = 202
_JPEG_QUALITY: Final = 82


def kept_examples(dataset: Kinect13, faces: FaceBlur | None) -> Markup:
    """Return pictures of rows, spread evenly over each split.

    Args:
        dataset: An open data set.
        faces: Blurs the faces; None: they are shown.
    """
    shown = []
    for example in choose_examples(dataset, EXAMPLES):
        split, row = example.split, example.row
        session = dataset.meta.sessions[int(split.session[row])]
        image = draw_example(split, row, dataset.meta.skeleton, faces)
        quality = _names(int(split.quality[row]), dataset.meta.quality_bits.get("quality", {}))
        caption = f"{split.name}: {session}, frame {int(split.color_seq[row])}"
        shown.append(_figure(image, f"{caption}; {quality}" if quality else caption))
    return tag("div", join(shown), "figures")


def mask_examples(dataset: Kinect13, faces: FaceBlur | None) -> Markup | None:
    """Return some rows with their masks laid over; None where the data set has none.

    Args:
        dataset: An open data set.
        faces: Blurs the faces; None: they are shown.
    """
    shown = []
    for example in choose_examples(dataset, MASK_EXAMPLES):
        split, row = example.split, example.row
        if not split.has_masks:
            return None
        image = shown_picture(split, row, faces).astype(np.float64)
        mask = split.masks([row])[0]
        is_own = mask == split.slot[row]
        for where, color in ((is_own, _OWN_RGB), (~is_own & (mask != NO_PERSON), _OTHER_RGB)):
            image[where] = 0.45 * image[where] + 0.55 * np.array(color)
        # what is no one's is darker, so that the outline shows
        image[mask == NO_PERSON] *= 0.6
        square = cv2.resize(
            image.astype(np.uint8)[..., ::-1], (EXAMPLE_PX, EXAMPLE_PX),
            interpolation=cv2.INTER_LINEAR,
        )  # fmt: skip
        session = dataset.meta.sessions[int(split.session[row])]
        share = f"{100 * is_own.mean():.0f} % of the image"
        shown.append(_figure(square, f"{session}, frame {int(split.color_seq[row])}: {share}"))
    return tag("div", join(shown), "figures")


def left_out_examples(
    rejected: Sequence[Rejected],
    skeleton: Skeleton,
    meanings: dict[str, str],
    *,
    blur_faces: bool,
) -> Markup:
    """Return pictures of candidates that were left out, by reason.

    Args:
        rejected: The candidates.
        skeleton: Their keypoints.
        meanings: By reason its meaning in words.
        blur_faces: Blur the faces.
    """
    parts = []
    for reason, group in groupby(rejected, key=lambda one: one.reason):
        shown = [_left_out(one, skeleton, blur_faces=blur_faces) for one in group]
        meaning = meanings.get(reason, "")
        title = f"{reason}: {meaning}" if meaning else reason
        parts += [tag("h3", title), tag("div", join(shown), "figures")]
    return join(parts)


def _left_out(one: Rejected, skeleton: Skeleton, *, blur_faces: bool) -> Markup:
    """Return the picture of one candidate; grey where it can't be decoded."""
    try:
        with one.pictures.open() as reader:
            picture = reader.crop(0, EXAMPLE_PX)
    except (DatasetError, OSError):
        picture = np.full((EXAMPLE_PX, EXAMPLE_PX, 3), 128, np.uint8)
        return _figure(picture, f"{one.caption}: its picture can't be decoded")
    if blur_faces:
        blur_disks(picture, one.faces_px)
    there = (one.visibility > 0) & np.isfinite(one.keypoints_px).all(axis=-1)
    image = draw_person(picture, one.keypoints_px, there, one.trusted, skeleton)
    return _figure(image, one.caption)


def _figure(image: NDArray[Any], caption: str) -> Markup:
    """Return a picture, (320, 320, 3) BGR, with its caption."""
    small = cv2.resize(image, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    assert done, "OpenCV encodes BGR as JPEG"
    return figure(data.tobytes(), "jpeg", caption, text(caption), "example")


def _names(bits: int, names: dict[str, int]) -> str:
    """Return the names of the bits that are set."""
    return ", ".join(name for name, bit in names.items() if bits >> bit & 1)
