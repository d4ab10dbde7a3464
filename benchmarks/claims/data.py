"""The data of the claims: public sets and one's own sessions, both simulated."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.off_the_shelf.command import kincap
from kincap.core.skeleton import KEYPOINT
from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13

OUTFITS: Final = 7
FEW_FRAMES: Final = 24
LEGS: Final = [KEYPOINT[f"{side}_{part}"] for side in "lr" for part in ("knee", "ankle")]
COMPLETE, PARTIAL, CLOSE, GENERAL, OWN, FEW = (
    "complete.h5", "partial.h5", "close.h5", "general.h5", "own.h5", "few.h5",
)  # fmt: skip


def prepare(folder: Path, frames: int, size: int) -> None:
    """Record and build what is not there yet.

    Args:
        folder: For all files.
        frames: Of each own session; public sets have three times as many.
        size: Side of the crops, pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scenes = {
        name: f"scene=wild,seed={seed},frames={3 * frames}"
        for name, seed in (("wilda", 701), ("wildb", 702), ("wildtest", 703))
    }
    scenes |= {f"clothing{n + 1}": f"outfit={n},seed={n},frames={frames}" for n in range(OUTFITS)}
    # the same clothes, another recording
    scenes["test1"] = f"outfit=0,seed=9001,frames={frames}"
    scenes["few1"] = f"outfit=0,seed=77,frames={3 * FEW_FRAMES}"
    for name, scene in scenes.items():
        if (folder / "recordings" / name).exists():
            continue
        kincap("record", "--session", name, "--outfit", name.replace("few", "clothing"), "--source",
               f"simulator:{scene},fps=3,pace=fast", "--recordings", folder / "recordings",
               "--no-report")  # fmt: skip
    for out, words in (
        (COMPLETE, ("--sessions", "wilda", "--val", "0.15")),
        ("whole.h5", ("--sessions", "wildb", "--val", "0.15")),
        (GENERAL, ("--sessions", "wildtest", "--val", "0.1", "--test", "0.8")),
        (OWN, ("--sessions", "[ct]*", "--val", "0.2", "--test", "test1")),
        (FEW, ("--sessions", "few1", "--val", "0.4", "--guard", "0.5")),
    ):
        if not (folder / out).exists():
            kincap("build", *words, "--size", size, "--margin", "1.5", "--recordings",
                   folder / "recordings", "--out", folder / out)  # fmt: skip
    if not (folder / PARTIAL).exists():
        hide_legs(folder / "whole.h5", folder / PARTIAL)
    if not (folder / CLOSE).exists():
        hide_legs(folder / "whole.h5", folder / CLOSE, close=True)


def hide_legs(whole: Path, out: Path, *, close: bool = False) -> None:
    """Write the training rows of a data set without labels of knees and ankles.

    Args:
        whole: A data set with a margin of 1.5.
        out: The file to write.
        close: Show the upper body alone, as sets of films do: the upper two thirds of each crop.
    """
    with open_kinect13(whole) as dataset:
        rows = dataset.split("train")
        count, size = len(rows), rows.size
        keypoints = np.array(rows.keypoints_px)
        visibility, weight = np.array(rows.visibility), np.array(rows.weight)
        boxes, images = np.array(rows.bbox_xyxy_px), rows.images(np.arange(count))
        meta = replace(dataset.meta)
    visibility[:, LEGS], weight[:, LEGS], keypoints[:, LEGS] = 0, 0, -1
    if close:
        images, keypoints, boxes = _closer(images, keypoints, visibility, boxes, size)
    fields = {
        "images": images, "keypoints_px": keypoints, "visibility": visibility, "weight": weight,
        "bbox_xyxy_px": boxes, "session": np.zeros(count, dtype=np.uint16),
    }  # fmt: skip
    write_kinect13(out, {"train": fields}, replace(meta, sessions=meta.sessions[:1]))


def _closer(images, keypoints, visibility, boxes, size):
    """Return the upper two thirds of crops, enlarged to their size."""
    import cv2

    side = 2 * size // 3
    left = (size - side) // 2
    cut = images[:, :side, left : left + side]
    larger = np.stack([cv2.resize(one, (size, size)) for one in cut])
    factor = size / side
    moved = (keypoints + 0.5 - (left, 0)) * factor - 0.5
    keypoints = np.where(visibility[..., None] > 0, moved, -1).astype(np.float32)
    pixel = (boxes[:, 2] - boxes[:, 0]) / size
    corner = boxes[:, :2] + np.stack([left * pixel, 0 * pixel], axis=1)
    closer = np.concatenate([corner, corner + (side * pixel)[:, None]], axis=1)
    return larger, keypoints, closer.astype(np.float32)
