"""Examples of people of public sets who were left out, a few for each reason."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...core.geometry import image_to_crop, snapped_xyxy
from ..boxes import person_boxes
from ..faces.regions import faces_in_crop
from ..report_page.rejected import EXAMPLE_PX, EXAMPLES, FEWEST_KEYPOINTS, Rejected
from .person_table import PersonTable
from .picture_facts import PictureFacts
from .picture_files import PictureFiles


def rejected_people(
    table: PersonTable,
    reasons: Sequence[str],
    names: Sequence[str],
    paths: Sequence[Path],
    facts: PictureFacts,
) -> tuple[Rejected, ...]:
    """Choose examples, spread evenly over the people of each reason.

    Args:
        table: All people, with their destination.
        reasons: Reasons to leave a person out, in the order in which they are counted.
        names: Of the sets.
        paths: Of all pictures.
        facts: Of these pictures.
    """
    found = []
    for reason in reasons:
        people = np.flatnonzero(table.side == reason)
        if not len(people):
            continue
        chosen = np.unique(np.linspace(0, len(people) - 1, EXAMPLES).round().astype(int))
        found += [_example(table, int(p), reason, names, paths, facts) for p in people[chosen]]
    return tuple(found)


def _example(
    table: PersonTable,
    person: int,
    reason: str,
    names: Sequence[str],
    paths: Sequence[Path],
    facts: PictureFacts,
) -> Rejected:
    """Return one person as an example."""
    picture, labels = int(table.picture[person]), table.labels
    width, height = facts.size_px[picture].tolist()
    side = max(width, height, 2)
    # the whole picture, where too little is labelled to cut a person out
    placed = np.array([[(width - side) // 2, (height - side) // 2, side]], np.int64)
    points, labelled = labels.xy[[person]], labels.labelled[[person]]
    visibility = np.where(labelled, np.where(labels.visible[[person]], 2, 1), 0).astype(np.uint8)
    if labelled.sum() >= FEWEST_KEYPOINTS:
        placed = person_boxes(points, visibility, labelled)
    box = snapped_xyxy(placed)
    others = np.flatnonzero(table.picture == picture)
    return Rejected(
        reason=reason,
        caption=f"{names[int(table.session[person])]}, {paths[picture].name}",
        pictures=PictureFiles(
            (paths[picture],), facts.content[[picture]], np.zeros(1, np.int64),
            placed[:, [0, 1, 2, 2]],
        ),
        keypoints_px=image_to_crop(points, box, EXAMPLE_PX)[0],
        visibility=visibility[0],
        trusted=labelled[0],
        faces_px=faces_in_crop(
            labels.xy[others], labels.labelled[others].astype(np.uint8), box, EXAMPLE_PX
        ),
    )  # fmt: skip
