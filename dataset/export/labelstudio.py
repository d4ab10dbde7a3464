"""Label Studio: ``tasks/SPLIT.json`` to import, and ``labeling_config.xml`` for the project."""

import json
from pathlib import Path
from typing import Any, Final

from ...core.skeleton import Skeleton
from .export_format import ExportFormat
from .labels import SplitLabels

ABOUT: Final[str] = "Label Studio tasks, JSON, with a labelling interface"
KEYPOINT: Final = "keypoint"
VISIBILITY: Final = "visibility"
BOX: Final = "box"
PERSON: Final = "person"
OCCLUDED: Final = "occluded"
VISIBLE: Final = "visible"
LOCAL_FILES: Final = "/data/local-files/?d="
"""Beginning of the address of pictures that Label Studio serves from its own disk."""


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write the tasks of each split, and the labelling interface."""
    (folder / "tasks").mkdir()
    for one in splits:
        text = json.dumps(tasks_of(one), allow_nan=False)
        (folder / "tasks" / f"{one.split}.json").write_text(text, encoding="utf-8")
    (folder / "labeling_config.xml").write_text(_interface(splits[0].skeleton), encoding="utf-8")


def tasks_of(one: SplitLabels) -> list[dict[str, Any]]:
    """Return a task for each picture, its people as an annotation that can be corrected."""
    results: list[list[dict[str, Any]]] = [[] for _ in one.pictures]
    boxes = one.boxes().tolist()
    for row, picture in enumerate(one.picture.tolist()):
        results[picture] += _person(one, row, boxes[row])
    return [
        {
            "data": {"image": f"{LOCAL_FILES}{one.folder}/{name}"},
            "annotations": [{"result": result}],
        }
        for name, result in zip(one.pictures, results, strict=True)
    ]


def _person(one: SplitLabels, row: int, box: list[float]) -> list[dict[str, Any]]:
    """Return the regions of one person: the box, each labelled keypoint, and its visibility.

    Positions are percentages of the picture, from its edges. What is unlabelled has no region.
    """
    width, height = one.size_px
    about = {
        "to_name": "image", "original_width": width, "original_height": height, "image_rotation": 0
    }  # fmt: skip
    x0, y0, x1, y1 = box
    person = f"p{row}"
    regions: list[dict[str, Any]] = [
        {
            **about,
            "id": person,
            "type": "rectanglelabels",
            "from_name": BOX,
            "value": {
                "x": _percent(x0, width),
                "y": _percent(y0, height),
                "width": 100 * (x1 - x0) / width,
                "height": 100 * (y1 - y0) / height,
                "rotation": 0,
                "rectanglelabels": [PERSON],
            },
        }
    ]
    for index, name in enumerate(one.skeleton.points):
        v = int(one.visibility[row, index])
        if not v:
            continue
        x, y = one.points[row, index].tolist()
        place = {"x": _percent(x, width), "y": _percent(y, height), "width": 0.5}
        region = {**about, "id": f"{person}_{name}"}
        regions += [
            {
                **region,
                "type": "keypointlabels",
                "from_name": KEYPOINT,
                "parentID": person,
                "value": {**place, "keypointlabels": [name]},
            },
            {
                **region,
                "type": "choices",
                "from_name": VISIBILITY,
                "value": {**place, "choices": [OCCLUDED if v == 1 else VISIBLE]},
            },
        ]
    return regions


def _percent(pixel: float, size: int) -> float:
    """Return a position as a percentage of the picture."""
    return 100 * (pixel + 0.5) / size


def _interface(skeleton: Skeleton) -> str:
    """Return the labelling interface; ``model_index`` gives exporters the keypoints' order."""
    labels = "\n".join(
        f'    <Label value="{name}" model_index="{index}"/>'
        for name, index in skeleton.index.items()
    )
    return f"""<View>
  <Image name="image" value="$image" zoom="true"/>
  <RectangleLabels name="{BOX}" toName="image" model_index="0">
    <Label value="{PERSON}" model_index="0"/>
  </RectangleLabels>
  <KeyPointLabels name="{KEYPOINT}" toName="image">
{labels}
  </KeyPointLabels>
  <Choices name="{VISIBILITY}" toName="image" perRegion="true" choice="single">
    <Choice value="{VISIBLE}"/>
    <Choice value="{OCCLUDED}"/>
  </Choices>
</View>
"""


FORMAT: Final = ExportFormat(write)
