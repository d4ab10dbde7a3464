"""Real pictures: COCO, LSP-extended and PARSE to learn from, PoseTrack18 to measure on."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from kincap.dataset.formats import coco, lspet, parse, posetrack18
from kincap.dataset.formats.options import LoadOptions
from kincap.dataset.formats.people import USABLE, People
from kincap.dataset.kinect13.format import LAYOUTS
from kincap.dataset.kinect13.reader import Split, open_kinect13, write_kinect13
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


def real_file(folder: Path, data: Path, simulated: Path) -> Path:
    """Return a data set of whole frames of real and simulated people; made if missing.

    The real ones are all samples of COCO, LSP-extended and PARSE, fitted into 16:9. People without
    keypoints, groups under one label, and people whose sides are not sure are people that the loss
    passes over. There are as many simulated frames as real ones.

    Args:
        folder: Where it is made.
        data: The folder of real data.
        simulated: A data set of whole frames, whose height the pictures get too.
    """
    out = folder / "real.h5"
    if out.exists():
        return out
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "val": []}
    with open_kinect13(simulated, layouts=LAYOUTS) as dataset:
        size = dataset.image_shape.image_px
        for people in _sets(data):
            for number, (picture, who) in enumerate(_pictures(people)):
                split = "train" if number % EVERY_VAL else "val"
                rows[split].append(_row(picture, people, who[:MOST_PEOPLE], size))
        some = dataset.split("train")
        for n in np.linspace(0, len(some) - 1, len(rows["train"])).astype(np.int64):
            rows["train"].append(_simulated_row(some, n))
    splits = {
        split: {name: np.stack([one[name] for one in some]) for name in some[0]}
        for split, some in rows.items()
    }
    return write_kinect13(out, splits)


def _sets(data: Path) -> Iterator[People]:
    for part in ("by", "restricted"):
        yield coco.load(data / "coco" / part, LoadOptions())
    yield lspet.load(data / "lspet", LoadOptions())
    yield parse.load(data / "parse", LoadOptions())


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
        is_usable = people.problem[row] == USABLE
        at = people.labels.xy[row].copy()
        if not is_usable and np.isfinite(people.bbox_xyxy[row]).all():
            x0, y0, x1, y1 = people.bbox_xyxy[row]
            at[:] = np.nan
            at[:4] = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)]
        if not np.isfinite(at).all(axis=1).any():
            continue
        points[place] = (at + 0.5) * fit.scale - 0.5 + (fit.left, fit.top)
        weight[place] = people.labels.labelled[row] * is_usable
        person[place] = 2 if weight[place].any() else 1
    return {"images": image, "keypoints_px": points, "weight": weight, "person": person}


def _simulated_row(some: Split, n: int) -> dict[str, Any]:
    """Return a frame of a data set with as many places for people as a real picture has."""
    few = some.person.shape[1]
    points = np.full((MOST_PEOPLE, 13, 2), np.nan, np.float32)
    weight = np.zeros((MOST_PEOPLE, 13), np.float32)
    person = np.zeros(MOST_PEOPLE, np.uint8)
    seen = some.visibility[n] > 0
    points[:few] = np.where(seen[..., None], some.keypoints_px[n], np.nan)
    weight[:few], person[:few] = some.weight[n] * seen, some.person[n]
    image = some.images(np.array([n]))[0]
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
