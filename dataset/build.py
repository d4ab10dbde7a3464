"""Build kinect13.h5 from recordings: plan from the tables, then cut the pictures in parallel."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..core.errors import DatasetError
from ..core.files.fault_injection import default_io
from ..core.files.file_io import LockFile
from ..core.files.output_folder import check_file_name
from ..core.memory.freed import give_back_freed
from ..core.progress import OnProgress
from .crop import BLOCK_ROWS, Block, DamagedPictureError, cut_block
from .files_beside import write_beside
from .filters import REASONS
from .images.made_crops import MadeCrops
from .kinect13.format import IMAGES, ImageShape
from .outputs import Outputs, report_path, result_json
from .plan import BuildPlan, make_fold_plans, make_plan
from .report_page.command import command_of
from .scheduler.scheduler import Scheduler, open_scheduler
from .settings import BuildSettings
from .split.folds import Fold
from .unfinished import Part

__all__ = ["BuildResult", "BuildSettings", "build", "build_folds"]


@dataclass(frozen=True)
class BuildResult:
    """Result of a build, or of a dry run.

    Attributes:
        out: The data set.
        candidates: Tracked bodies in colour frames, and colour frames without one.
        kept: Candidates that became rows.
        rejected: The others by the first reason that applied.
        rejected_all: By every reason that applied.
        splits: Rows by split.
        sessions: The same counts by session.
        findings: By kind of finding how often it was found, how many kept rows it concerns, and
            how many of those it costs weights, and how many candidates are left out.
        keypoints: Of the kept rows: under ``weight`` by keypoint how many have weight, under
            ``rejected`` by filter and keypoint how many it takes the weight of.
        repaired: By repair (``swapped_back``, ``lag_corrected``) how many kept rows it changed.
        leaks: Report on the split (``split.leaks``).
        balance: What ``--balance`` left (``split.balance``); None without.
        warnings: What a person should look at.
        given_labels: Of the labels of ``--labels`` how many there are, and how many are in kept
            rows; None without.
        label_error: Distance of the labels from the ground truth (``dataset.label_error``); None
            except for simulated sessions.
        full_frames: Frames by split, and those without people; None with ``--layout crops``.
        resumed_rows: Rows that an interrupted build had made already.
        sha256: Of the data set; None after a dry run.
        sheet: The sheet of examples; None after a dry run.
        fold: ``number`` of the fold and its ``outfits``, which are validation; None without
            ``--folds``.
        report: The HTML report; None after a dry run, or where none was wanted.
    """

    out: Path
    candidates: int
    kept: int
    rejected: dict[str, int]
    rejected_all: dict[str, int]
    splits: dict[str, int]
    sessions: dict[str, dict[str, Any]]
    findings: dict[str, dict[str, int]]
    leaks: dict[str, Any]
    keypoints: dict[str, Any]
    repaired: dict[str, int]
    warnings: tuple[str, ...]
    balance: dict[str, Any] | None = None
    given_labels: dict[str, int] | None = None
    label_error: dict[str, Any] | None = None
    full_frames: dict[str, dict[str, int]] | None = None
    resumed_rows: int = 0
    sha256: str | None = None
    sheet: Path | None = None
    fold: dict[str, Any] | None = None
    report: Path | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report that scripts read."""
        return result_json(self)


def build(settings: BuildSettings, on_progress: OnProgress | None = None) -> BuildResult:
    """Build a data set; a build that was killed goes on where it was.

    Worker processes are spawned: a script of your own calls this under
    ``if __name__ == "__main__":``, or with one worker.

    Args:
        settings: What to build, and from what.
        on_progress: Called with rows done, rows in all, and the present step.

    Returns:
        Counts and paths.

    Raises:
        DatasetError: Bad settings, nothing to build from, an empty split, an output that is not
            ours, another plan begun (exit 2); a damaged picture (exit 1, nothing at the
            destination).
        SessionError: A session is being recorded, left by a killed recorder or damaged.
    """
    settings.check()
    settings = settings.with_shared_paths()
    if settings.sheet is not None:
        check_file_name("--sheet", settings.sheet, (".png",), DatasetError)
    tell = on_progress or (lambda done, total, note: None)
    sheet = settings.sheet or settings.out.with_name(settings.out.name + ".png")
    report = report_path(settings.out, settings.report, settings.makes_report)
    outputs = Outputs(settings.out, sheet, report, settings.blur_faces)
    outputs.check()
    with open_scheduler(settings.scheduler, settings.workers) as scheduler:
        scheduler.check_paths(settings.recordings, settings.out.parent)
        plan = make_plan(settings, scheduler, tell)
        return _build(settings, plan, outputs, scheduler, tell, command_of(settings))


def build_folds(
    settings: BuildSettings, on_progress: OnProgress | None = None
) -> list[BuildResult]:
    """Build a data set for each fold: ``kinect13.fold1.h5`` and so on.

    A fold that an earlier, interrupted build has finished is proved by its checksum and kept.

    Args:
        settings: What to build, with ``folds``.
        on_progress: As in ``build``.

    Returns:
        The result of each fold.

    Raises:
        DatasetError: As in ``build``, or more folds than outfits (exit 2).
        SessionError: As in ``build``.
    """
    settings.check()
    settings = settings.with_shared_paths()
    tell = on_progress or (lambda done, total, note: None)
    every = [
        fold_outputs(
            settings.out,
            number + 1,
            with_report=settings.makes_report,
            blur_faces=settings.blur_faces,
        )
        for number in range(settings.folds or 0)
    ]
    for outputs in every:
        outputs.check()
    results = []
    made: MadeCrops | None = None
    with open_scheduler(settings.scheduler, settings.workers) as scheduler:
        scheduler.check_paths(settings.recordings, settings.out.parent)
        for fold, plan in make_fold_plans(settings, scheduler, tell):
            outputs = every[fold.number - 1]
            sources = dict(plan.pictures)
            if made is not None:
                plan.pictures.update({name: made.within(one) for name, one in sources.items()})
            told = _within(tell, f"fold {fold.number} of {settings.folds}")
            own = replace(settings, out=outputs.out)
            command = command_of(settings)
            results.append(_build(own, plan, outputs, scheduler, told, command, fold))
            if made is None and not settings.dry_run:
                made = MadeCrops.of(outputs.out, sources)
    return results


def fold_outputs(
    out: Path, number: int, *, with_report: bool = True, blur_faces: bool = False
) -> Outputs:
    """Return the files of a fold: its number is part of their names."""
    path = out.with_name(f"{out.stem}.fold{number}{out.suffix}")
    report = report_path(path, None, with_report)
    return Outputs(path, path.with_name(path.name + ".png"), report, blur_faces)


def _about_fold(fold: Fold | None) -> dict[str, Any] | None:
    """Return what a result says about its fold."""
    return None if fold is None else {"number": fold.number, "outfits": list(fold.outfits)}


def _within(tell: OnProgress, where: str) -> OnProgress:
    """Return a progress that says where it is."""
    return lambda done, total, note: tell(done, total, f"{where}: {note}")


def _build(
    settings: BuildSettings,
    plan: BuildPlan,
    outputs: Outputs,
    scheduler: Scheduler,
    tell: OnProgress,
    command: str,
    fold: Fold | None = None,
) -> BuildResult:
    """Make the file of a plan with the processes of a scheduler."""
    if settings.dry_run:
        return _result(settings, plan, fold=_about_fold(fold))
    made = write_data_set(
        outputs,
        plan,
        plan.shape or settings.image_shape,
        scheduler,
        tell,
        restart=settings.restart,
        origin={
            "recordings": str(settings.recordings.absolute()),
            "command": command,
        },
        keep_finished=fold is not None,
    )
    return _result(
        settings,
        plan,
        resumed_rows=made.resumed_rows,
        sha256=made.sha256,
        sheet=outputs.sheet,
        fold=_about_fold(fold),
        report=outputs.report,
    )


@dataclass(frozen=True)
class Written:
    """Result of pass 2.

    Attributes:
        resumed_rows: Rows that an interrupted build had made already.
        sha256: Of the data set.
    """

    resumed_rows: int
    sha256: str


def write_data_set(
    outputs: Outputs,
    plan: BuildPlan,
    shape: ImageShape,
    scheduler: Scheduler,
    on_progress: OnProgress,
    *,
    restart: bool,
    origin: dict[str, Any],
    keep_finished: bool = False,
) -> Written:
    """Make the files of a data set, or go on where a killed build was.

    Args:
        outputs: The files; checked.
        plan: What they will hold.
        shape: Shape of its images.
        scheduler: The processes that cut pictures.
        on_progress: Called with rows done, rows in all, and the present step.
        restart: Throw away what an interrupted build of another plan has done.
        origin: What the file beside the data set says about where its rows came from.
        keep_finished: Keep a data set that an earlier build of the same plan has finished.

    Raises:
        DatasetError: As in ``build``.
    """
    lock = _lock(outputs)
    try:
        io = default_io()
        part = Part(outputs, plan, shape, io)
        give_back_freed()  # of the tables that the plan was made from
        if keep_finished and not restart and (checksum := _finished(outputs, part.plan_sha256)):
            return Written(plan.rows, checksum)
        resumed = _resumed_rows(part, plan) if part.open(restart) else 0
        try:
            _cut_pictures(part, plan, shape, scheduler, on_progress)
        except BaseException:
            part.revoke()
            raise
        on_progress(plan.rows, plan.rows, "checking the file")
        checksum = part.finish()
        plan.forget_rows()
        give_back_freed()
        write_beside(outputs, plan, part.plan_sha256, checksum, origin, io)
    finally:
        lock.release()
    return Written(resumed, checksum)


def _finished(outputs: Outputs, plan_sha256: str) -> str | None:
    """Return the checksum of a data set that was made by the same plan and is whole, or None."""
    try:
        about = json.loads(outputs.about.read_bytes())
        if about["plan_sha256"] != plan_sha256 or not outputs.sheet.exists():
            return None
        with outputs.out.open("rb") as file:
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return checksum if about.get("sha256") == checksum else None


def _lock(outputs: Outputs) -> LockFile:
    """Take the lock of a data set; its empty file stays for ever.

    Raises:
        DatasetError: Another build holds it, or the folder can't be written to.
    """
    lock = LockFile(outputs.lock)
    try:
        if lock.try_acquire():
            return lock
    except OSError as err:
        raise DatasetError(f"{outputs.lock}: {err.strerror or err}; take another --out") from err
    raise DatasetError(f"{outputs.out}: another build is making it; wait for that to end")


def _cut_pictures(
    part: Part, plan: BuildPlan, shape: ImageShape, scheduler: Scheduler, on_progress: OnProgress
) -> None:
    """Cut what is not done yet and note each block."""
    done = sum(_done_rows(part, plan).values())
    total = sum(map(len, plan.pixels.values()))
    on_progress(done, total, "cutting pictures")
    blocks = list(_blocks(part, plan, shape))
    try:
        for block, crc in scheduler.run(cut_block, blocks):
            part.mark(block.dataset, block.number, crc)
            done += len(block.pictures)
            on_progress(done, total, "cutting pictures")
    except DamagedPictureError:
        # going on would meet it again, and leaving it out or repairing it makes another plan
        part.discard()
        raise
    except OSError as err:
        raise DatasetError(
            f"{part.path}: {err.strerror or err}; run the same build again to go on", exit_code=1
        ) from err


def _blocks(part: Part, plan: BuildPlan, shape: ImageShape) -> Iterator[Block]:
    """Yield the blocks that are not done."""
    for name, pictures in plan.pixels.items():
        for number in range(-(-len(pictures) // BLOCK_ROWS)):
            if number in part.done[name]:
                continue
            first = number * BLOCK_ROWS
            offset = part.places[name] + first * part.row_bytes(name)
            rows = pictures.take(slice(first, first + BLOCK_ROWS))
            yield Block(name, number, part.path, offset, shape.side, rows, part.token)


def _resumed_rows(part: Part, plan: BuildPlan) -> int:
    """Return how many rows have their image already."""
    done = _done_rows(part, plan)
    return sum(rows for name, rows in done.items() if name.endswith(f"/{IMAGES}"))


def _done_rows(part: Part, plan: BuildPlan) -> dict[str, int]:
    """Return how many rows of each dataset of pixels are done."""
    return {
        name: sum(
            min(BLOCK_ROWS, len(plan.pixels[name]) - number * BLOCK_ROWS) for number in blocks
        )
        for name, blocks in part.done.items()
    }


def _result(settings: BuildSettings, plan: BuildPlan, **more: Any) -> BuildResult:
    """Return the counts of a plan."""
    counts = plan.meta.counts
    return BuildResult(
        out=settings.out,
        candidates=counts["candidates"],
        kept=counts["kept"],
        full_frames=counts.get("full_frames"),
        rejected={reason: counts["rejected"][reason] for reason in REASONS},
        rejected_all={reason: counts["rejected_all"][reason] for reason in REASONS},
        splits=counts["splits"],
        sessions=counts["sessions"],
        findings=counts["findings"],
        leaks=counts["leaks"],
        balance=counts.get("balance"),
        keypoints=counts["keypoints"],
        repaired=counts["repaired"],
        given_labels=counts.get("given_labels"),
        warnings=plan.warnings,
        label_error=plan.label_error,
        **more,
    )
