"""CVAT for images 1.1: ``annotations.xml`` with a skeleton for each person."""

import json
from pathlib import Path
from typing import Any, Final
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from ...core.skeleton import Skeleton
from .export_format import ExportFormat
from .labels import DECIMALS, SplitLabels

ABOUT: Final[str] = "CVAT for images 1.1, XML with skeletons"
PERSON: Final = "person"
PIXEL_CENTRE: Final = 0.5
"""CVAT counts pixels from the picture's edge."""


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write ``annotations.xml``, and ``cvat_labels.json`` for the constructor of a new task."""
    skeleton = splits[0].skeleton
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    meta = SubElement(SubElement(root, "meta"), "task")
    SubElement(meta, "name").text = "kincap export"
    SubElement(meta, "size").text = str(sum(len(one.pictures) for one in splits))
    SubElement(meta, "mode").text = "annotation"
    _add_labels(SubElement(meta, "labels"), skeleton)
    number = 0
    for one in splits:
        number = _add_images(root, one, number)
    indent(root)
    ElementTree(root).write(folder / "annotations.xml", encoding="utf-8", xml_declaration=True)
    text = json.dumps([_label(skeleton)], indent=1) + "\n"
    (folder / "cvat_labels.json").write_text(text, encoding="utf-8")


def _add_images(root: Element, one: SplitLabels, number: int) -> int:
    """Add the pictures of a split, counted from a number on; return the next number."""
    people: dict[int, list[int]] = {}
    for row, picture in enumerate(one.picture.tolist()):
        people.setdefault(picture, []).append(row)
    middles = (one.boxes()[:, :2] + one.boxes()[:, 2:]) / 2
    width, height = one.size_px
    for index, name in enumerate(one.pictures):
        about = {"id": number, "name": name, "subset": one.split, "width": width, "height": height}
        image = SubElement(root, "image", {key: str(value) for key, value in about.items()})
        number += 1
        for row in people.get(index, ()):
            person = SubElement(
                image, "skeleton", {"label": PERSON, "source": "manual", "z_order": "0"}
            )
            for point, label in enumerate(one.skeleton.points):
                v = int(one.visibility[row, point])
                # who shows a hidden point in the editor finds it in the person's middle
                x, y = (one.points[row, point] if v else middles[row]) + PIXEL_CENTRE
                SubElement(
                    person,
                    "points",
                    {
                        "label": label,
                        "source": "manual",
                        "outside": str(int(v == 0)),
                        "occluded": str(int(v == 1)),
                        "points": f"{x:.{DECIMALS}f},{y:.{DECIMALS}f}",
                    },
                )
    return number


def _add_labels(labels: Element, skeleton: Skeleton) -> None:
    """Add the skeleton's label, and those of its points."""
    for name in (PERSON, *skeleton.points):
        label = SubElement(labels, "label")
        SubElement(label, "name").text = name
        SubElement(label, "type").text = "skeleton" if name == PERSON else "points"
        SubElement(label, "attributes")
        if name == PERSON:
            SubElement(label, "svg").text = _drawing(skeleton)
        else:
            SubElement(label, "parent").text = PERSON


def _label(skeleton: Skeleton) -> dict[str, Any]:
    """Return the skeleton as CVAT's constructor of labels takes it."""
    points = [{"name": name, "type": "points", "attributes": []} for name in skeleton.points]
    return {
        "name": PERSON,
        "type": "skeleton",
        "attributes": [],
        "sublabels": points,
        "svg": _drawing(skeleton),
    }


def _drawing(skeleton: Skeleton) -> str:
    """Return the drawing of the skeleton that CVAT needs: its points in a row, and its bones."""
    places = {name: (8 + 6 * (i % 14), 10 + 10 * (i % 5)) for name, i in skeleton.index.items()}
    parts = []
    for first, second in skeleton.bones:
        (x1, y1), (x2, y2) = places[first], places[second]
        parts.append(
            f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="black" stroke-width="0.5" '
            f'data-type="edge" data-node-from="{skeleton.index[first] + 1}" '
            f'data-node-to="{skeleton.index[second] + 1}"></line>'
        )
    for name, index in skeleton.index.items():
        x, y = places[name]
        parts.append(
            f'<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{x}" cy="{y}" stroke-width="0.1" '
            f'data-type="element node" data-element-id="{index + 1}" data-node-id="{index + 1}" '
            f'data-label-name="{name}"></circle>'
        )
    return "".join(parts)


FORMAT: Final = ExportFormat(write)
