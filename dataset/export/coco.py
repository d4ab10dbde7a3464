"""COCO keypoints: ``annotations/SPLIT.json`` for pycocotools and everything that reads COCO."""

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from .export_format import ExportFormat
from .labels import DECIMALS, SplitLabels

ABOUT: Final[str] = "COCO keypoints, JSON; read by pycocotools and most pose tools"
CATEGORY: Final = 1


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write one file for each split."""
    (folder / "annotations").mkdir()
    for one in splits:
        text = json.dumps(coco_of(one), allow_nan=False)
        (folder / "annotations" / f"{one.split}.json").write_text(text, encoding="utf-8")


def coco_of(one: SplitLabels) -> dict[str, Any]:
    """Return the COCO object of a split.

    Ids count from 1: an evaluator takes annotation 0 for a miss. Keypoints have pixel centres at
    integers, as in COCO; boxes have their edges at 0 and the picture's width. ``area``, which
    scales OKS, is that of the person's mask, or of the box where there is none.
    """
    width, height = one.size_px
    return {
        "info": {"description": f"kincap export, {one.split}"},
        "licenses": [],
        "categories": [
            {
                "id": CATEGORY,
                "name": "person",
                "supercategory": "person",
                "keypoints": list(one.skeleton.points),
                "skeleton": [[a + 1, b + 1] for a, b in one.skeleton.bone_indices],
            }
        ],
        "images": [
            {"id": number, "file_name": name, "width": width, "height": height}
            for number, name in enumerate(one.pictures, start=1)
        ],
        "annotations": _annotations(one),
    }


def _annotations(one: SplitLabels) -> list[dict[str, Any]]:
    """Return an annotation for each person."""
    box = one.boxes()
    bbox_xywh = np.concatenate([box[:, :2] + 0.5, box[:, 2:] - box[:, :2]], axis=1)
    size = bbox_xywh[:, 2:].round(DECIMALS)
    areas = np.where(np.isfinite(one.mask_px), one.mask_px, size[:, 0] * size[:, 1])
    visibility = np.where(one.rejected[:, None], 0, one.visibility)
    labelled = visibility > 0
    # COCO's own way to say "unlabelled" is 0, 0, 0
    points = np.where(labelled[..., None], one.points, 0)
    triples = np.concatenate([points, visibility[..., None]], axis=-1).round(DECIMALS)
    return [
        {
            "id": number,
            "image_id": image + 1,
            "category_id": CATEGORY,
            # an evaluator neither asks for a person whose keypoints may be wrong nor minds one
            "iscrowd": int(rejected),
            "keypoints": [
                int(value) if place % 3 == 2 else value for place, value in enumerate(keypoints)
            ],
            "num_keypoints": count,
            "bbox": bbox,
            "area": round(area, DECIMALS),
            "session": session,
            "color_seq": seq,
            # more digits than a number of JavaScript has
            "tracking_id": str(person),
        }
        for number, (
            image,
            keypoints,
            count,
            bbox,
            area,
            session,
            seq,
            person,
            rejected,
        ) in enumerate(
            zip(
                one.picture.tolist(),
                triples.reshape(len(one), -1).tolist(),
                labelled.sum(axis=1).tolist(),
                bbox_xywh.round(DECIMALS).tolist(),
                areas.tolist(),
                one.sessions,
                one.columns["color_seq"].tolist(),
                one.columns["tracking_id"].tolist(),
                one.rejected.tolist(),
                strict=True,
            ),
            start=1,
        )
    ]


FORMAT: Final = ExportFormat(write)
