"""Evaluate: all figures of one or more checkpoints on one split, and what beats what."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.errors import CheckpointError, DatasetError, KincapError
from ...core.skeleton import KEYPOINTS_13, Skeleton
from ...dataset.faces.blur import FaceBlur
from ...dataset.kinect13.format import Meta
from ...dataset.kinect13.reader import Kinect13, Split, open_kinect13
from ...engines.teacher_process import TeacherProcess
from ..checkpoint import Checkpoint, load_checkpoint
from ..data import Samples, load_samples
from ..loop import choose_device
from ..metrics.keypoint_errors import ErrorReport, diagnose
from ..metrics.pck import THRESHOLDS
from ..mirror import Images
from ..nets.registry import finds_people
from ..presence.report_page import best_and_worst, more_parts
from ..validate import OnBatch, counted, frame_errors, has_torso, in_image, torso_words
from .baselines import upright_pose
from .compare import blocks_of_rows, difference, groups_of_rows, shares
from .conclusion import conclusion
from .figures import Figures, figures_of, hits_of, images_of_people
from .gate import Minimum, missed, parse_minimum
from .net_result import NetResult, Passes, measure
from .off_the_shelf import OffTheShelf, off_the_shelf
from .page import Evaluation, check_page, save_page
from .predictions import PredictedPoses, check_predictions, save_predictions
from .sheet import (
    CROPS,
    MOST_CROPS,
    Sheet,
    check_sheet,
    percent,
    save_sheet,
    spread,
    worst_rows,
)
from .stages import stage_figures

SCHEMA: Final = "kincap/evaluate/1"
SPLITS: Final = ("val", "test")
BOXES: Final = ("auto", "truth", "jittered", "tracked")
"""Boxes by name; any other text is a file."""


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
        blur_faces: Blur the faces in the sheet and the report.
        others: More nets, compared with the first on the same rows.
        boxes: ``"truth"``: the label's; ``"jittered"``: shifted and scaled; ``"tracked"``: from
            the net's pose in the frame before; a file of boxes; ``"auto"``: the label's, and
            tracked ones beside them where frames are consecutive.
        report: File for the report (HTML), or None.
        predictions: File for the poses (JSON), or None.
        minimums: Figures that have to be reached, as ``pck@0.2=0.9``.
        teacher: A net of others to measure beside, as ``--teacher`` takes it; None: none.
        recordings: The folder of all sessions, for the whole images that the teacher looks at.
        sheet_worst: Show the crops with the largest errors on the sheet, else an even choice.
        crops: How many crops the sheet shows and the list of the worst ones has.
    """

    checkpoint: Path
    data: Path = Path("kinect13.h5")
    split: str = "val"
    include_inferred: bool = False
    sheet: Path | None = None
    device: str = "auto"
    blur_faces: bool = False
    others: tuple[Path, ...] = ()
    boxes: str = "auto"
    report: Path | None = None
    predictions: Path | None = None
    minimums: tuple[str, ...] = ()
    sheet_worst: bool = False
    crops: int = CROPS
    errors: bool = False
    teacher: str | None = None
    recordings: Path = Path("recordings")


@dataclass(frozen=True)
class EvaluateResult:
    """Figures of an evaluation and the terms that they were measured on.

    Attributes:
        settings: As given.
        samples: Crops in the split.
        nets: The nets, as asked for.
        mean_pose: Figures of the mean pose of the first net's training data, placed in each crop.
        upright: Figures of an upright person, placed in each crop.
        differences: The first net minus each of the others.
        by: PCK of the first net by session, outfit and cue.
        worst: Frames with the largest errors of the first net, the worst one of each two seconds
            first.
        conclusion: Sentences.
        missed: Minimums that the first net does not reach, a line each.
        skeleton: The keypoints.
        problems: Files that could not be saved, a line each.
        errors: Kinds of wrong keypoints of the first net; None: they were not asked for.
        off_the_shelf: A net of others on the same rows; None: it was not asked for.
        stages: Figures of the first net by stage; None: it has one alone, or the boxes are not
            those of the labels.
    """

    settings: EvaluateSettings
    samples: int
    nets: tuple[NetResult, ...]
    mean_pose: Figures
    upright: Figures
    differences: tuple[dict[str, Any], ...]
    by: dict[str, dict[str, Any]]
    conclusion: tuple[str, ...]
    missed: tuple[str, ...]
    worst: tuple[dict[str, Any], ...] = ()
    skeleton: Skeleton = KEYPOINTS_13
    problems: tuple[str, ...] = ()
    errors: ErrorReport | None = None
    off_the_shelf: OffTheShelf | None = None
    stages: list[dict[str, Any]] | None = None

    @property
    def net(self) -> NetResult:
        """The net that was asked for first."""
        return self.nets[0]

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``: percentages, None where nothing was counted."""
        asked, net = self.settings, self.net
        first, second = self.skeleton.torso
        score = net.mirrored.score
        return {
            "schema": SCHEMA,
            "data": str(asked.data),
            "split": asked.split,
            "counted": "visibility >= 1" if asked.include_inferred else "weight > 0",
            "normaliser": f"|{first} - {second}|",
            "boxes": "truth" if asked.boxes == "auto" else asked.boxes,
            "samples": self.samples,
            "frames": score.frames,
            "skipped": score.skipped,
            **net.to_json(),
            "mean_pose": {**self.mean_pose.to_json(), "of": "checkpoint"},
            "upright": self.upright.to_json(),
            "by": self.by,
            "worst": list(self.worst),
            "compared": [
                {**other.to_json(), "difference": found}
                for other, found in zip(self.nets[1:], self.differences, strict=True)
            ],
            "off_the_shelf": self.off_the_shelf and self.off_the_shelf.to_json(),
            "stages": self.stages,
            "conclusion": list(self.conclusion),
            "missed": list(self.missed),
            "errors": None if self.errors is None else self.errors.to_json(),
            "sheet": _saved(asked.sheet, "--sheet", self.problems),
            "report": _saved(asked.report, "--report", self.problems),
            "predictions": _saved(asked.predictions, "--save-predictions", self.problems),
        }


def _saved(path: Path | None, flag: str, problems: Sequence[str]) -> str | None:
    """Return the name of a file that was asked for and written."""
    is_lost = any(line.startswith(flag) for line in problems)
    return None if path is None or is_lost else str(path)


def evaluate(
    settings: EvaluateSettings,
    skeleton: Skeleton = KEYPOINTS_13,
    on_batch: OnBatch | None = None,
) -> EvaluateResult:
    """Measure checkpoints on a split of a data set.

    Args:
        settings: The checkpoints, the split and the options.
        skeleton: The keypoints of all.
        on_batch: Called with crops done and crops in all, over all nets.

    Raises:
        CheckpointError: A file is not a checkpoint.
        DatasetError: The file is not a data set, or lacks the split.
        KincapError: A flag has no possible value.
    """
    minimums = _check(settings, skeleton)
    device = choose_device(settings.device)
    paths = (settings.checkpoint, *settings.others)
    checkpoints = [_of_crops(path, skeleton) for path in paths]
    with contextlib.ExitStack() as stack:
        # before any work: it may be missing
        teacher = settings.teacher and stack.enter_context(TeacherProcess(settings.teacher))
        dataset = stack.enter_context(open_kinect13(settings.data, skeleton))
        nets = []
        for n, (path, checkpoint) in enumerate(zip(paths, checkpoints, strict=True)):
            samples = load_samples(dataset, settings.split, checkpoint.size, in_memory=False)
            _check_measurable(settings, samples)
            passes = Passes(on_batch, n, len(paths))
            found = measure(
                path, checkpoint, dataset, samples, passes,
                boxes_of=settings.boxes, include_inferred=settings.include_inferred, device=device,
            )  # fmt: skip
            nets.append(found)
        beside = None
        if teacher:
            beside = off_the_shelf(
                teacher, dataset, samples, nets[0].hits, checkpoints[0], settings.recordings,
                include_inferred=settings.include_inferred, on_rows=on_batch,
            )  # fmt: skip
        result = _assemble(settings, nets, checkpoints[0], samples, dataset, minimums, beside)
        rows = dataset.split(settings.split)
        if checkpoints[0].cascade is not None and settings.boxes in ("auto", "truth"):
            samples = load_samples(dataset, settings.split, checkpoints[0].size, in_memory=False)
            stages = stage_figures(
                checkpoints[0], samples, nets[0].poses, nets[0].mirrored, blocks_of_rows(rows),
                device, include_inferred=settings.include_inferred,
            )  # fmt: skip
            result = replace(result, stages=stages)
        frame_error = frame_errors(nets[0].poses, samples, settings.include_inferred)
        worst = worst_rows(frame_error, blocks_of_rows(rows), settings.crops)
        result = replace(result, worst=_listed(worst, frame_error, rows, dataset.meta))
        chosen = worst if settings.sheet_worst else spread(len(samples), settings.crops)
        pictures = rows.images(chosen) if settings.sheet or settings.report else None
        if pictures is not None and settings.blur_faces:
            pictures = FaceBlur(dataset).blurred(rows, chosen, pictures)
        cases = None
        if settings.report is not None:
            ends = best_and_worst(frame_error)
            own = rows.images(ends)
            if settings.blur_faces:
                own = FaceBlur(dataset).blurred(rows, ends, own)
            cases = _sheet(result, samples, rows, dataset.meta, own, ends)
        return _save(result, samples, rows, dataset, pictures, chosen, checkpoints[0], cases)


def _of_crops(path: Path, skeleton: Skeleton) -> Checkpoint:
    """Return the checkpoint of a net of crops.

    Raises:
        CheckpointError: It is not one.
    """
    checkpoint = load_checkpoint(path, skeleton)
    if finds_people(checkpoint.model):
        raise CheckpointError(
            f"{path}: this net finds everyone in whole images and is measured alone; give it as "
            "the only checkpoint, with --data of build --layout full"
        )
    return checkpoint


def _check(settings: EvaluateSettings, skeleton: Skeleton) -> list[Minimum]:
    """Refuse flags that have no possible value and files that can't be written."""
    if settings.split not in SPLITS:
        raise KincapError(f"--split: {settings.split!r} is not one of {', '.join(SPLITS)}")
    if settings.boxes not in BOXES and not Path(settings.boxes).is_file():
        raise KincapError(
            f"--boxes: {settings.boxes!r} is not one of {', '.join(BOXES)}, and no such file exists"
        )
    if not 1 <= settings.crops <= MOST_CROPS:
        raise KincapError(f"--crops: {settings.crops} is outside 1 to {MOST_CROPS}")
    for path, check in (
        (settings.sheet, check_sheet),
        (settings.report, check_page),
        (settings.predictions, check_predictions),
    ):
        if path is not None:
            check(path)
    thresholds = tuple(f"{a:g}" for a in THRESHOLDS)
    groups = tuple(skeleton.group_indices)
    return [parse_minimum(text, groups, thresholds) for text in settings.minimums]


def _check_measurable(settings: EvaluateSettings, samples: Samples) -> None:
    """Refuse a split in which no row can be measured.

    Raises:
        DatasetError: It is one.
    """
    if has_torso(samples, settings.include_inferred):
        return
    advice = "build it from more frames"
    if has_torso(samples, include_inferred=True):
        advice = "--include-inferred counts keypoints without weight too"
    raise DatasetError(
        f"{settings.data}: no row of its {settings.split} split can be measured: none has "
        f"{torso_words(samples.skeleton)} with weight, the ends of the torso; {advice}"
    )


def _assemble(
    settings: EvaluateSettings,
    nets: list[NetResult],
    checkpoint: Checkpoint,
    samples: Samples,
    dataset: Kinect13,
    minimums: list[Minimum],
    beside: OffTheShelf | None,
) -> EvaluateResult:
    """Return the result of the nets' figures: baselines, comparisons, words."""
    rows = dataset.split(settings.split)
    block, inferred = blocks_of_rows(rows), settings.include_inferred
    groups, net = samples.skeleton.group_indices, nets[0]
    mean = figures_of(checkpoint.mean_pose.numpy(), samples, block, inferred)
    found = [difference(net.hits, other.hits, block, groups) for other in nets[1:]]
    names = [str(other.checkpoint) for other in nets[1:]]
    own = net.mirrored.to_json()
    others = dict(zip(names, found, strict=True))
    if beside is not None:
        others |= {f"{beside.teacher}, {how}": one for how, one in beside.difference.items()}
    lines = conclusion(own, mean.to_json(), others)
    missing = [line for one in minimums if (line := missed(one, own["pck"]))]
    return EvaluateResult(
        settings=settings,
        samples=len(samples),
        nets=tuple(nets),
        mean_pose=mean,
        upright=figures_of(upright_pose(samples.skeleton), samples, block, inferred),
        differences=tuple(found),
        by={
            kind: {name: shares(net.hits, of, groups) for name, of in named.items()}
            for kind, named in groups_of_rows(rows, dataset.meta)
        },
        conclusion=tuple(lines),
        missed=tuple(missing),
        skeleton=samples.skeleton,
        errors=_errors(net, samples, rows, inferred) if settings.errors else None,
        off_the_shelf=beside,
    )


def _errors(net: NetResult, samples: Samples, rows: Split, include_inferred: bool) -> ErrorReport:
    """Return the kinds of a net's wrong keypoints; rows of one frame are people of one image."""
    pred, truth = in_image(net.poses, samples)
    known = counted(samples, include_inferred)
    frames = np.stack([rows.session, rows.color_seq]).astype(np.int64)
    image = np.unique(frames, axis=1, return_inverse=True)[1].reshape(-1)
    people = images_of_people(pred, truth, known, samples, net.confidence, image)
    return diagnose(people, samples.skeleton)


def _listed(
    chosen: npt.NDArray[np.int64], error: npt.NDArray[np.float64], rows: Split, meta: Meta
) -> tuple[dict[str, Any], ...]:
    """Return where some rows are from, with their errors in % of the torso."""
    return tuple(
        {
            "session": meta.sessions[int(rows.session[n])],
            "take": int(rows.take[n]),
            "color_seq": int(rows.color_seq[n]),
            # more digits than a number of JavaScript has
            "tracking_id": str(int(rows.tracking_id[n])),
            "error_torso": float(error[n]),
        }
        for n in chosen
        if not np.isnan(error[n])
    )


def _save(
    result: EvaluateResult,
    samples: Samples,
    rows: Split,
    dataset: Kinect13,
    pictures: Images | None,
    shown: npt.NDArray[np.int64],
    built: Checkpoint,
    cases: Sheet | None,
) -> EvaluateResult:
    """Write what was asked for; the figures are worth more than a file that can't be written."""
    asked, problems = result.settings, []
    net = result.net
    poses_px = in_image(net.poses, samples)[0]
    poses_saved = PredictedPoses(poses_px, net.confidence, net.sha256)

    def sheet() -> Sheet:
        assert pictures is not None
        return _sheet(result, samples, rows, dataset.meta, pictures, shown)

    def save_report(path: Path) -> None:
        hits = [(str(net.checkpoint), net.hits) for net in result.nets]
        beside = result.off_the_shelf
        if beside is not None:
            hits += [(f"{beside.teacher}, {row.how}", row.hits) for row in beside.rows]
        inferred = asked.include_inferred
        hits.append(("mean pose", hits_of(built.mean_pose.numpy(), samples, inferred)))
        parts = more_parts(result.to_json(), built, samples, cases, net.checkpoint)
        save_page(path, Evaluation(result.to_json(), hits, sheet(), samples.skeleton, parts))

    for path, save in (
        (asked.sheet, lambda path: save_sheet(path, sheet())),
        (asked.report, save_report),
        (
            asked.predictions,
            lambda path: save_predictions(path, poses_saved, rows, dataset.meta),
        ),
    ):
        if path is not None:
            try:
                save(path)
            except KincapError as error:
                problems.append(str(error))
    return replace(result, problems=tuple(problems))


def _sheet(
    result: EvaluateResult,
    samples: Samples,
    rows: Split,
    meta: Meta,
    pictures: Images,
    shown: npt.NDArray[np.int64],
) -> Sheet:
    """Return the content of the overlay sheet."""
    asked, net = result.settings, result.net
    here, mean = net.mirrored.score.pck, result.mean_pose.score.pck
    figures = ", ".join(
        f"PCK@{a} {percent(here[a]['all'])} (mean pose {percent(mean[a]['all'])})" for a in here
    )
    if "wrist" in here["0.2"]:
        wrist, by_mean = percent(here["0.2"]["wrist"]), percent(mean["0.2"]["wrist"])
        figures += f", wrist@0.2 {wrist} ({by_mean})"
    errors = frame_errors(net.poses, samples, asked.include_inferred)
    return Sheet(
        pictures=pictures,
        predicted=net.poses[shown],
        truth=samples.targets[shown],
        labelled=samples.visibility[shown] >= 1,
        counted=counted(samples, asked.include_inferred)[shown],
        errors=errors[shown],
        places=[(meta.sessions[int(rows.session[n])], int(rows.color_seq[n])) for n in shown],
        truth_of="Kinect" if np.isfinite(rows.time_s).all() else "label",
        title=f"{net.checkpoint.name} on {asked.split} of {asked.data.name}, "
        f"{len(samples)} crops, {net.model} at {net.size} px",
        figures=figures,
        skeleton=samples.skeleton,
    )
