"""Real pictures with several people: the COCO samples to learn from, PoseTrack18 to measure on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from kincap.dataset.formats import coco, posetrack18
from kincap.dataset.formats.options import LoadOptions
from kincap.dataset.formats.people import NO_KEYPOINTS, People
from kincap.dataset.kinect13.reader import write_kinect13
from kincap.engines.own_detector import fit_image
from kincap.predict.people.by_torch import people_engine
from kincap.train.checkpoint import load_checkpoint
from kincap.train.metrics.mean_ap import ImageKeypoints, mean_ap
from kincap.train.metrics.oks import ImagePeople, average_precision

MOST_PEOPLE = 20
EVERY_VAL = 5
"""One picture in five is for validation."""
HEAD_SHARE = 0.6
"""MPII's head size is this share of the diagonal of the head's box; right is within half of it."""


def coco_file(folder: Path, data: Path, height: int) -> Path:
    """Return a data set of whole frames of the COCO samples, fitted into 16:9; made if missing.

    People without keypoints, and groups under one label, are people that the loss passes over.

    Args:
        folder: Where it is made.
        data: The folder of real data.
        height: Of the frames, pixels.
    """
    out = folder / f"coco{height}.h5"
    if out.exists():
        return out
    size = 8 * round(height * 16 / 9 / 8), height
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "val": []}
    for part in ("by", "restricted"):
        people = coco.load(data / "coco" / part, LoadOptions())
        for number, (picture, who) in enumerate(_pictures(people)):
            split = "train" if number % EVERY_VAL else "val"
            rows[split].append(_row(picture, people, who[:MOST_PEOPLE], size))
    splits = {
        split: {name: np.stack([one[name] for one in some]) for name in some[0]}
        for split, some in rows.items()
    }
    return write_kinect13(out, splits)


def _pictures(people: People) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield each picture, RGB, with the rows of its people."""
    for index, name in enumerate(people.pictures):
        picture = cv2.imread(str(people.root / name))
        if picture is not None:
            yield picture[..., ::-1].copy(), np.flatnonzero(people.picture == index)


def _row(
    picture: np.ndarray, people: People, who: np.ndarray, size: tuple[int, int]
) -> dict[str, Any]:
    image, fit = fit_image(picture, size)
    points = np.full((MOST_PEOPLE, 13, 2), np.nan, np.float32)
    weight = np.zeros((MOST_PEOPLE, 13), np.float32)
    person = np.zeros(MOST_PEOPLE, np.uint8)
    for place, row in enumerate(who):
        is_usable = people.problem[row] not in (NO_KEYPOINTS, "crowd")
        at = people.labels.xy[row].copy()
        if not is_usable:
            x0, y0, x1, y1 = people.bbox_xyxy[row]
            at[:] = np.nan
            at[:4] = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]
        if not np.isfinite(at).all(axis=1).any():
            continue
        points[place] = (at + 0.5) * fit.scale - 0.5 + (fit.left, fit.top)
        weight[place] = people.labels.labelled[row] * is_usable
        person[place] = 2 if weight[place].any() else 1
    return {"images": image, "keypoints_px": points, "weight": weight, "person": person}


def _head_boxes(people: People) -> dict[int, list[float]]:
    """Return the head box, xywh, of each annotation that has one, by its id."""
    found = {}
    for file in people.files:
        for one in json.loads(file.read_text("utf-8"))["annotations"]:
            if one.get("bbox_head"):
                found[int(one["id"])] = one["bbox_head"]
    return found


def posetrack_figures(weights: Path, data: Path) -> dict[str, Any]:
    """Return mAP by head boxes, and OKS AP, of a net on the PoseTrack18 samples.

    Args:
        weights: The checkpoint.
        data: The folder of real data.
    """
    checkpoint = load_checkpoint(weights)
    engine = people_engine(checkpoint, torch.device("cpu"))
    people = posetrack18.load(data / "mmpose_samples" / "posetrack18", LoadOptions())
    heads = _head_boxes(people)
    images, found = [], 0
    for picture, rows in _pictures(people):
        seen = engine.people(picture)
        found += len(seen.score)
        box = people.bbox_xyxy[rows]
        image = ImagePeople(
            truth_px=np.nan_to_num(people.labels.xy[rows]),
            counted=people.labels.labelled[rows],
            area_px2=np.nan_to_num(np.prod(box[:, 2:] - box[:, :2], axis=1)),
            box_xyxy_px=np.nan_to_num(box),
            pred_px=seen.keypoints_px.astype(np.float64),
            score=seen.score.astype(np.float64),
        )
        head = np.array([heads.get(int(number), (0, 0, 0, 0)) for number in people.person_id[rows]])
        tolerance = 0.5 * HEAD_SHARE * np.hypot(*head[:, 2:].T)
        images.append(ImageKeypoints(image, tolerance, seen.confidence.astype(np.float64)))
    return {
        "pictures": len(images),
        "people": int(sum(one.people.counted.any(axis=1).sum() for one in images)),
        "without_head_box": int(sum((one.tolerance_px == 0).sum() for one in images)),
        "found": found,
        "map": mean_ap(images),
        "oks": average_precision([one.people for one in images]),
    }
