"""Evaluate: the paper's table for one checkpoint on one split, and a sheet to look at."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError
from ..core.skeleton import KEYPOINTS_13, Skeleton
from ..dataset.faces.blur import FaceBlur
from ..dataset.kinect13.reader import Kinect13, open_kinect13
from .augment import Floats, Images
from .checkpoint import Checkpoint, load_checkpoint
from .data import Samples, load_samples, mean_pose, read_targets
from .loop import choose_device
from .metrics.pck import Score
from .sheet import Sheet, check_sheet, percent, save_sheet, spread
from .validate import counted, frame_errors, run_net, score_poses

SCHEMA = "kincap/evaluate/1"
SPLITS = ("val", "test")


@dataclass(frozen=True)
class EvaluateSettings:
    """Settings of an evaluation.

    Attributes:
        checkpoint: The net.
        data: A kinect13.h5.
        split: ``"val"`` or ``"test"``.
        include_inferred: Count every labelled keypoint, else those of weight above 0.
        sheet: File for the overlay sheet (PNG), or None.
        device: See ``loop.choose_device``.
        blur_faces: Blur the faces in the sheet.
    """

    checkpoint: Path
    data: Path = Path("kinect13.h5")
    split: str = "val"
    include_inferred: bool = False
    sheet: Path | None = None
    device: str = "auto"
    blur_faces: bool = False


@dataclass(frozen=True)
class EvaluateResult:
    """Figures of an evaluation and the terms that they were measured on.

    Attributes:
        settings: As given.
        model: Name of the net.
        size: Side of its input, pixels.
        samples: Crops in the split.
        mirrored: Poses averaged over the crop and its mirrored copy.
        single: Poses of the crop alone.
        mean_pose: The mean of the training targets, placed in each crop.
        mean_pose_of: Owner of the training targets: ``"data"`` (the data set) or ``"checkpoint"``.
        mirror_training: True if the net has seen mirrored copies.
        skeleton: The keypoints.
        sheet_problem: Why the sheet could not be saved, or None.
    """

    settings: EvaluateSettings
    model: str
    size: int
    samples: int
    mirrored: Score
    single: Score
    mean_pose: Score
    mean_pose_of: str
    mirror_training: bool
    skeleton: Skeleton = KEYPOINTS_13
    sheet_problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``: percentages, None where nothing was counted."""
        asked = self.settings
        first, second = self.skeleton.torso
        return {
            "schema": SCHEMA,
            "checkpoint": str(asked.checkpoint),
            "data": str(asked.data),
            "split": asked.split,
            "model": self.model,
            "size": self.size,
            "counted": "visibility >= 1" if asked.include_inferred else "weight > 0",
            "normaliser": f"|{first} - {second}|",
            "samples": self.samples,
            "frames": self.mirrored.frames,
            "skipped": self.mirrored.skipped,
            "pck": self.mirrored.pck,
            "median_error_torso": self.mirrored.median_error_torso,
            "pck_single": self.single.pck,
            "median_error_torso_single": self.single.median_error_torso,
            "mean_pose": {
                "pck": self.mean_pose.pck,
                "median_error_torso": self.mean_pose.median_error_torso,
                "of": self.mean_pose_of,
            },
            "mirror_training": self.mirror_training,
            "sheet": None if asked.sheet is None or self.sheet_problem else str(asked.sheet),
        }


def evaluate(settings: EvaluateSettings, skeleton: Skeleton = KEYPOINTS_13) -> EvaluateResult:
    """Measure a checkpoint on a split of a data set.

    Args:
        settings: The checkpoint, the split and the options.
        skeleton: The keypoints of both.

    Raises:
        CheckpointError: The file is not a checkpoint.
        DatasetError: The file is not a data set, or lacks the split.
        KincapError: A flag has no possible value.
    """
    if settings.split not in SPLITS:
        raise KincapError(f"--split: {settings.split!r} is not one of {', '.join(SPLITS)}")
    if settings.sheet is not None:
        check_sheet(settings.sheet)
    device = choose_device(settings.device)
    checkpoint = load_checkpoint(settings.checkpoint, skeleton)
    net = checkpoint.build().to(device)
    with open_kinect13(settings.data, skeleton) as dataset:
        samples = load_samples(dataset, settings.split, checkpoint.size)
        mean, mean_of = _mean_pose(dataset, checkpoint)
        single, _ = run_net(net, samples, device)
        other, _ = run_net(net, samples, device, mirrored=True)
        shown = spread(len(samples))
        pictures = dataset.split(settings.split).images(shown) if settings.sheet else None
        if pictures is not None and settings.blur_faces:
            pictures = FaceBlur(dataset).blurred(dataset.split(settings.split), shown, pictures)
    poses: Floats = np.float32(0.5) * (single + other)

    def score(of: Floats) -> Score:
        return score_poses(of, samples, settings.include_inferred)

    result = EvaluateResult(
        settings=settings,
        model=checkpoint.model,
        size=checkpoint.size,
        samples=len(samples),
        mirrored=score(poses),
        single=score(single),
        mean_pose=score(mean),
        mean_pose_of=mean_of,
        mirror_training=checkpoint.mirror_training,
        skeleton=skeleton,
    )
    if settings.sheet is not None and pictures is not None:
        try:
            save_sheet(settings.sheet, _sheet(result, samples, poses, pictures, shown))
        except KincapError as error:
            # the figures are worth more than their picture
            return replace(result, sheet_problem=str(error))
    return result


def _sheet(
    result: EvaluateResult,
    samples: Samples,
    poses: Floats,
    pictures: Images,
    shown: npt.NDArray[np.int64],
) -> Sheet:
    """Return the content of the overlay sheet."""
    asked = result.settings
    here, mean = result.mirrored.pck, result.mean_pose.pck
    figures = ", ".join(
        f"PCK@{a} {percent(here[a]['all'])} (mean pose {percent(mean[a]['all'])})" for a in here
    )
    if "wrist" in here["0.2"]:
        wrist, by_mean = percent(here["0.2"]["wrist"]), percent(mean["0.2"]["wrist"])
        figures += f", wrist@0.2 {wrist} ({by_mean})"
    errors = frame_errors(poses, samples, asked.include_inferred)
    return Sheet(
        pictures=pictures,
        predicted=poses[shown],
        truth=samples.targets[shown],
        labelled=samples.visibility[shown] >= 1,
        counted=counted(samples, asked.include_inferred)[shown],
        errors=errors[shown],
        title=f"{asked.checkpoint.name} on {asked.split} of {asked.data.name}, "
        f"{len(samples)} crops, {result.model} at {result.size} px",
        figures=figures,
        skeleton=samples.skeleton,
    )


def _mean_pose(dataset: Kinect13, checkpoint: Checkpoint) -> tuple[Floats, str]:
    """Return the mean of the training targets (13, 2), crop units, and whose they are."""
    if "train" in dataset.splits and len(dataset.split("train")):
        return mean_pose(*read_targets(dataset.split("train"))), "data"
    return checkpoint.mean_pose.numpy(), "checkpoint"
