"""All figures of a net that finds everyone in whole images, on one split of a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ...core.errors import KincapError
from ...core.skeleton import KEYPOINTS_13, Skeleton
from ...dataset.kinect13.format import LAYOUTS
from ...dataset.kinect13.reader import Kinect13, open_kinect13
from ..checkpoint import Checkpoint, load_checkpoint
from ..evaluation.gate import missed, parse_minimum
from ..loop import choose_device
from ..metrics.keypoint_errors import ErrorReport, diagnose
from ..metrics.mean_ap import ImageKeypoints, mean_ap
from ..metrics.oks import ImagePeople, average_precision
from ..metrics.pck import THRESHOLDS, Score
from ..validate import OnBatch, score_poses
from .assembly import AssembledPeople
from .find import SEVERAL_SCALES, FindSettings, find_people
from .frames import PeopleSamples, load_people
from .run import image_people, poses_of_people, torch_maps

MAP_TORSO: Final = 0.2
"""Largest distance of a right keypoint for the mAP, in torsos: a data set has no head boxes."""
EDGE: Final = 0.5


@dataclass(frozen=True)
class PeopleFigures:
    """Figures of one way to look at the images.

    Attributes:
        score: PCK of the labelled people; a person who was not found counts as wrong.
        oks: AP, AP50 and AP75 over OKS, of medium and of large people, over all that was found.
        map: mAP of the keypoints by group, and ``all``.
        found: People found in all frames.
        images: True and found people of each frame, pixels of the colour images.
    """

    score: Score
    oks: dict[str, float | None]
    map: dict[str, float | None]
    found: int
    images: list[ImagePeople]

    def to_json(self) -> dict[str, Any]:
        """Return the figures of ``--json``: percentages, None where nothing was counted."""
        return {
            "pck": self.score.pck,
            "median_error_torso": self.score.median_error_torso,
            "oks": self.oks,
            "map": self.map,
            "found": self.found,
        }


@dataclass(frozen=True)
class PeopleEvaluation:
    """Figures of a net of several people.

    Attributes:
        frames: Frames of the split.
        people: Labelled people in them.
        single: Figures at one size of the image.
        mirrored: The maps averaged with those of the mirrored image.
        scales: The maps averaged over several sizes too; None: not asked for.
        errors: Kinds of wrong keypoints, of ``mirrored``; None: not asked for.
    """

    frames: int
    people: int
    single: PeopleFigures
    mirrored: PeopleFigures
    scales: PeopleFigures | None = None
    errors: ErrorReport | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the part of the report that is about the net."""
        return {
            "samples": self.people,
            "frames": self.frames,
            **self.mirrored.to_json(),
            "single": self.single.to_json(),
            "pck_single": self.single.score.pck,
            "several_scales": None if self.scales is None else self.scales.to_json(),
            "map_tolerance_torso": MAP_TORSO,
            "errors": None if self.errors is None else self.errors.to_json(),
        }


def evaluate_people(
    checkpoint: Checkpoint,
    dataset: Kinect13,
    split: str,
    device: torch.device,
    *,
    several_scales: bool = False,
    errors: bool = False,
    on_batch: OnBatch | None = None,
) -> PeopleEvaluation:
    """Measure a net on every frame of a split.

    Args:
        checkpoint: The net.
        dataset: An open data set of whole frames.
        split: ``"val"`` or ``"test"``.
        device: Where the net runs.
        several_scales: True to look at four sizes of each image too.
        errors: True to tell the kinds of wrong keypoints.
        on_batch: Called after each frame with frames done and frames in all.
    """
    samples = load_people(dataset, split, checkpoint.size)
    run = torch_maps(checkpoint.build().to(device), device)
    ways = [FindSettings(checkpoint.size), FindSettings(checkpoint.size, mirrored=True)]
    if several_scales:
        ways.append(FindSettings(checkpoint.size, scales=SEVERAL_SCALES, mirrored=True))
    found: list[list[AssembledPeople]] = [[] for _ in ways]
    count = len(samples.frames)
    for n in range(count):
        image = samples.frames.images(np.array([n]))[0]
        for people, way in zip(found, ways, strict=True):
            people.append(find_people(run, image, way, samples.skeleton))
        if on_batch:
            on_batch(n + 1, count)
    figures = [people_figures(samples, people) for people in found]
    return PeopleEvaluation(
        frames=count,
        people=len(samples),
        single=figures[0],
        mirrored=figures[1],
        scales=figures[2] if several_scales else None,
        errors=diagnose(figures[1].images, samples.skeleton) if errors else None,
    )


def people_figures(samples: PeopleSamples, found: list[AssembledPeople]) -> PeopleFigures:
    """Return the figures of what was found in each frame of a split, pixels of the frames."""
    skeleton = samples.skeleton
    images = [_in_colour(samples, n, people) for n, people in enumerate(found)]
    keypoints = [
        ImageKeypoints(image, _tolerance(image, skeleton), people.confidence.astype(np.float64))
        for image, people in zip(images, found, strict=True)
    ]
    return PeopleFigures(
        score=score_poses(poses_of_people(samples, found), samples),
        oks=average_precision(images, skeleton),
        map=mean_ap(keypoints, skeleton),
        found=sum(len(people.score) for people in found),
        images=images,
    )


def _in_colour(samples: PeopleSamples, frame: int, people: AssembledPeople) -> ImagePeople:
    """Return the people of a frame in pixels of the colour image."""
    image = image_people(samples.frames, frame, people, samples.skeleton)
    there = samples.frames.there[frame]
    scale = samples.colour_px[frame]

    def placed(points: np.ndarray[Any, np.dtype[np.float64]]) -> Any:
        return (points + EDGE) * scale - EDGE

    box = image.box_xyxy_px[there]
    return ImagePeople(
        truth_px=placed(image.truth_px[there]),
        counted=image.counted[there],
        area_px2=image.area_px2[there] * float(scale.prod()),
        box_xyxy_px=np.concatenate([placed(box[:, :2]), placed(box[:, 2:])], axis=1),
        pred_px=placed(image.pred_px),
        score=image.score,
    )


def _tolerance(image: ImagePeople, skeleton: Skeleton) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the tolerance (G,) of each person, pixels; by the size where the torso is unknown."""
    a, b = skeleton.torso_indices
    torso = np.hypot(*(image.truth_px[:, a] - image.truth_px[:, b]).T)
    height = image.box_xyxy_px[:, 3] - image.box_xyxy_px[:, 1]
    known = image.counted[:, a] & image.counted[:, b]
    return np.asarray(MAP_TORSO * np.where(known, torso, height / 3), np.float64)


@dataclass(frozen=True)
class PeopleEvaluateSettings:
    """Settings of an evaluation.

    Attributes:
        checkpoint: The net.
        data: A data set of whole frames.
        split: ``"val"`` or ``"test"``.
        device: See ``loop.choose_device``.
        several_scales: True to look at four sizes of each image too.
        errors: True to tell the kinds of wrong keypoints.
        minimums: Figures that have to be reached, as ``pck@0.2=0.9``.
    """

    checkpoint: Path
    data: Path = Path("kinect13.h5")
    split: str = "val"
    device: str = "auto"
    several_scales: bool = False
    errors: bool = False
    minimums: tuple[str, ...] = ()


@dataclass(frozen=True)
class PeopleReport:
    """An evaluation and the terms that it was measured on.

    Attributes:
        settings: As given.
        model: Name of the net.
        size: Height of the frames as the net sees them.
        found: The figures.
        missed: Minimums that are not reached, a line each.
    """

    settings: PeopleEvaluateSettings
    model: str
    size: int
    found: PeopleEvaluation
    missed: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``."""
        asked = self.settings
        return {
            "schema": "kincap/evaluate/1",
            "data": str(asked.data),
            "split": asked.split,
            "checkpoint": str(asked.checkpoint),
            "model": self.model,
            "size": self.size,
            "counted": "weight > 0",
            **self.found.to_json(),
            "missed": list(self.missed),
        }


def evaluate_people_file(
    settings: PeopleEvaluateSettings,
    skeleton: Skeleton = KEYPOINTS_13,
    on_batch: OnBatch | None = None,
) -> PeopleReport:
    """Measure a checkpoint on a data set of whole frames.

    Args:
        settings: The checkpoint, the split and the options.
        skeleton: The keypoints of both.
        on_batch: Called with frames done and frames in all.

    Raises:
        CheckpointError: The file is not a checkpoint.
        DatasetError: The data set is not one of whole frames, or lacks the split.
        KincapError: A flag has no possible value.
    """
    thresholds, groups = tuple(f"{a:g}" for a in THRESHOLDS), tuple(skeleton.group_indices)
    minimums = [parse_minimum(text, groups, thresholds) for text in settings.minimums]
    if settings.split not in ("val", "test"):
        raise KincapError(f"--split: {settings.split!r} is not one of val, test")
    device = choose_device(settings.device)
    checkpoint = load_checkpoint(settings.checkpoint, skeleton)
    with open_kinect13(settings.data, skeleton, LAYOUTS) as dataset:
        found = evaluate_people(
            checkpoint, dataset, settings.split, device, several_scales=settings.several_scales,
            errors=settings.errors, on_batch=on_batch,
        )  # fmt: skip
    missing = [line for one in minimums if (line := missed(one, found.mirrored.score.pck))]
    return PeopleReport(settings, checkpoint.model, checkpoint.size, found, tuple(missing))
