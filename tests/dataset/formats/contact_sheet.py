"""Draw the people of a public set: ``python -m tests.dataset.formats.contact_sheet SET:PATH PNG``.

Skeletons are drawn on their pictures, or on blank where the set has labels alone. Look at it once
before a set is trained on.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from kincap.core.geometry import scale_box, snap_box, square_box, tight_box
from kincap.core.skeleton import KEYPOINT_NAMES, LIMBS
from kincap.dataset.formats.people import People
from kincap.dataset.public.settings import parse_added

INK = {"r_": (40, 130, 255), "l_": (235, 165, 30)}


def draw(people: People, path: Path, count: int = 40, cell: int = 200, first: int = 0) -> None:
    """Draw people evenly spread over a set, or ``count`` from ``first`` on."""
    usable = np.flatnonzero(people.labels.labelled.any(axis=1))
    chosen = usable[np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int)]
    if first:
        chosen = usable[first - 1 : first - 1 + count]
    columns = min(10, len(chosen))
    page = np.full((-(-len(chosen) // columns) * cell, columns * cell, 3), 255, np.uint8)
    for place, row in enumerate(chosen.tolist()):
        y, x = divmod(place, columns)
        page[y * cell : (y + 1) * cell, x * cell : (x + 1) * cell] = one(people, row, cell)
    assert cv2.imwrite(str(path), page)


def one(people: People, row: int, cell: int) -> np.ndarray:
    """Return one person's cell."""
    labels = people.labels
    tight = tight_box(labels.xy[row], labels.labelled[row])
    x0, y0, side = snap_box(square_box(scale_box(tight, 1.3))).tolist()
    picture = people.root / people.pictures[people.picture[row]]
    image = cv2.imread(str(picture)) if picture.is_file() else None
    square = np.full((side, side, 3), 235, np.uint8)
    if image is not None:
        height, width = image.shape[:2]
        top, left, bottom, right = (
            max(y0, 0),
            max(x0, 0),
            min(y0 + side, height),
            min(x0 + side, width),
        )
        square[top - y0 : bottom - y0, left - x0 : right - x0] = image[top:bottom, left:right]
    square = cv2.resize(square, (cell, cell))
    at = (labels.xy[row] - (x0, y0) + 0.5) * cell / side - 0.5
    for a, b in LIMBS:
        if labels.labelled[row, [a, b]].all():
            ends = [tuple(np.round(at[k]).astype(int).tolist()) for k in (a, b)]
            cv2.line(square, *ends, INK.get(KEYPOINT_NAMES[b][:2], (0, 200, 0)), 2, cv2.LINE_AA)
    for k in np.flatnonzero(labels.labelled[row]):
        point = tuple(np.round(at[k]).astype(int).tolist())
        ink = INK.get(KEYPOINT_NAMES[k][:2], (0, 200, 0))
        cv2.circle(square, point, 3, ink, -1 if labels.visible[row, k] else 1, cv2.LINE_AA)
    text = f"{row + 1} {people.problem[row]}"
    cv2.putText(square, text, (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 255), 1, cv2.LINE_AA)
    return square


def main() -> None:
    """Draw the sheet that the command line asks for."""
    (added,) = parse_added(sys.argv[1:2])
    draw(added.format.load(added.path, added.options), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
