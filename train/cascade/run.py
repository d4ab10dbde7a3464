"""Train the stages of a cascade one after another, each in a folder of its own in the run's.

``stage2``, ``stage3`` ... have what every run's folder has; their checkpoints are of the whole
cascade so far. ``stages.json`` says how the run ended.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ...core.errors import CheckpointError, KincapError
from ...core.files.file_io import write_atomic
from ...core.progress import OnProgress
from ..batch_random import step_seed
from ..batch_source import load_ahead
from ..checkpoint import Checkpoint, load_checkpoint, load_resumable
from ..checkpoint_files import READABLE
from ..data import Samples
from ..loop import count_steps, learn, validate_every
from ..nets.registry import build_net
from ..run.interrupt import Interrupt
from ..run.run_folder import RunFolder
from ..run.run_plan import OnNotice, Pace
from ..run.track import EXIT_INTERRUPTED, Track
from ..run.trainer import Trainer
from ..settings import TrainSettings
from ..validate import run_net
from .batches import StageBatches
from .displacements import Displacements, measure_displacements
from .judge import StageJudge, pdj, refine_poses, stage_of
from .settings import CascadeSettings
from .stored import Cascade

SUMMARY: Final = "stages.json"
SEARCH: Final = "sigma.json"
LEAST_GAIN: Final = 0.2
"""Points of mean PDJ that ``auto`` asks of a stage."""
HELD_OUT: Final = 50
"""Validation images that values of sigma are compared on."""
SEARCH_SHARE: Final = 0.25
"""Share of a stage's steps that a value of sigma is tried with."""


@dataclass(frozen=True)
class StageWork:
    """All that the later stages of a run need.

    Attributes:
        settings: Of the first stage.
        cascade: Of the later ones.
        data: The data set's file name.
        seen: Every session that the nets learn from or have learnt from; None: not known.
        train: The training split; its images are as large as the cascade takes them.
        val: The validation split, likewise.
        view: Side of these images, pixels.
        run: The run's folder.
        device: The device.
        interrupt: The request to end early.
        on_progress: See ``loop.learn``.
        on_notice: See ``finetune.finetune``.
    """

    settings: TrainSettings
    cascade: CascadeSettings
    data: str
    seen: list[dict[str, str]] | None
    train: Samples
    val: Samples
    view: int
    run: RunFolder
    device: torch.device
    interrupt: Interrupt
    on_progress: OnProgress | None
    on_notice: OnNotice | None

    def listen(self, what: str) -> Callable[[int, int], None]:
        """Return what takes the progress of a pass, and ends it where that was asked for."""

        def on_batch(done: int, of: int) -> None:
            if self.on_progress is not None:
                self.on_progress(done, of, what)
            self.interrupt.check()

        return on_batch


@dataclass(frozen=True)
class StagesResult:
    """The stages of a finished run.

    Attributes:
        best: Checkpoint of the cascade.
        last: The last checkpoint of its last stage.
        sigma: Side of the squares, torso diameters.
        stages: For each stage ``stage``, ``steps``, ``kept`` and ``pdj`` on the validation split.
    """

    best: Path
    last: Path
    sigma: float
    stages: list[dict[str, Any]]


def are_finished(run: Path) -> bool:
    """Return True if all stages of a run's folder are trained."""
    return (run / SUMMARY).is_file()


def train_stages(work: StageWork) -> StagesResult:
    """Train stages 2 and later, or go on with them.

    Raises:
        CheckpointError: A checkpoint in the run's folder is damaged or of another run.
        KincapError: See ``loop.learn``.
    """
    try:
        return _train_stages(work)
    except KeyboardInterrupt:
        raise KincapError(
            f"interrupted between two stages; kincap {work.settings.kind} --resume "
            f"{work.run.folder} goes on",
            exit_code=EXIT_INTERRUPTED,
        ) from None


def _train_stages(work: StageWork) -> StagesResult:
    asked, skeleton = work.cascade, work.val.skeleton
    path, last = work.run.best, work.run.last
    current = load_checkpoint(path, skeleton)
    cascade = Cascade(current.size, _choose_sigma(work, current), ())
    before = _pdj_of(work, current)
    stages = [{"stage": 1, "steps": current.trained.get("step"), "kept": True, "pdj": before}]
    while current.stages < asked.stages:
        number = current.stages + 1
        folder = _train_stage(work, current, cascade, number)
        made = load_checkpoint(folder.best, skeleton)
        found = _pdj_of(work, made)
        kept = not asked.auto or _gain(before, found) >= LEAST_GAIN
        stages.append({"stage": number, "steps": made.trained["step"], "kept": kept, "pdj": found})
        if not kept:
            if work.on_notice is not None:
                work.on_notice(
                    f"stage {number} is left out: PDJ on the validation split is not better by "
                    f"{LEAST_GAIN} points"
                )
            break
        assert made.cascade is not None
        current, cascade, before = made, made.cascade, found
        path, last = folder.best, folder.last
    result = StagesResult(path, last, cascade.sigma, stages)
    text = {"best": path.relative_to(work.run.folder).as_posix(), "sigma": cascade.sigma}
    _write(work.run.folder / SUMMARY, {**text, "stages": stages})
    return result


def _train_stage(work: StageWork, before: Checkpoint, cascade: Cascade, number: int) -> RunFolder:
    """Train one stage, or go on with it, and return its folder."""
    stage_run = work.run.inner(f"stage{number}")
    with stage_run.hold():
        state, net = None, None
        if stage_run.last.exists():
            saved, state = load_resumable(stage_run.last, work.val.skeleton)
            if saved.cascade is None or saved.stages != number:
                raise CheckpointError(f"{stage_run.last}: not of stage {number} of this run")
            new = saved.cascade.stages[-1]
            net = saved.build().get_submodule(f"stages.{number - 2}")
        else:
            at_view = before.at_view(work.view)
            poses = run_net(
                at_view, work.train, work.device, on_batch=work.listen("displacements")
            ).poses
            new = stage_of(before, _errors(work, poses))
            torch.manual_seed(step_seed(work.settings.seed, number))
            net = build_net(new.model, new.width, new.size, len(work.val.skeleton))
        errors = Displacements(new.mean.numpy(), new.covariance.numpy())
        settings = _stage_settings(work, number)
        source = _source(work, errors, cascade.sigma, settings)
        steps = count_steps(settings.recipe, source)
        on_val = run_net(
            before.at_view(work.view), work.val, work.device,
            on_batch=work.listen("validating"),
        )  # fmt: skip
        judge = StageJudge(before, cascade, new, work.view, work.val, on_val, work.device)
        notice = work.on_notice
        if notice is not None:
            notice(
                f"stage {number}: {steps} steps of {source.batch_size} of {len(source)} joints, "
                f"sigma {cascade.sigma:g}"
            )
        pace = Pace(steps, validate_every(steps, source), notice)
        track = Track(
            settings, work.data, work.seen, work.train, work.val, stage_run, work.device, pace,
            notice, judge,
        )  # fmt: skip
        trainer = Trainer(settings, net, steps, work.device, source.skeleton)
        if state is not None:
            try:
                trainer.load_state(state["trainer"])
                track.load_state(state, trainer.step)
            except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AttributeError):
                raise CheckpointError(
                    f"{stage_run.last}: its state doesn't fit the run; remove the folder "
                    f"{stage_run.folder} and resume"
                ) from None
        learn(trainer, source, track, work.device, work.interrupt, _named(work, number))
    return stage_run


def _named(work: StageWork, number: int) -> OnProgress | None:
    """Return what takes the progress of a stage under its name."""
    tell = work.on_progress
    if tell is None:
        return None
    return lambda done, of, note: tell(done, of, f"stage {number}: {note}")


def _stage_settings(work: StageWork, number: int) -> TrainSettings:
    first = work.settings
    recipe = work.cascade.stage_recipe(first.recipe, first.model, first.kind)
    return replace(first, recipe=recipe, seed=step_seed(first.seed, number))


def _source(
    work: StageWork, errors: Displacements, sigma: float, settings: TrainSettings
) -> StageBatches:
    return StageBatches(
        work.train, work.view, errors, sigma, settings.size, settings.recipe.batch, settings.seed
    )


def _errors(work: StageWork, poses: Any) -> Displacements:
    train = work.train
    return measure_displacements(
        poses, train.targets, train.weight, train.skeleton, full=work.cascade.full_covariance
    )


def _pdj_of(work: StageWork, checkpoint: Checkpoint) -> dict[str, Any]:
    net = checkpoint.at_view(work.view).to(work.device)
    return pdj(run_net(net, work.val, work.device, on_batch=work.listen("validating")).poses,
               work.val)  # fmt: skip


def _gain(before: dict[str, Any], after: dict[str, Any]) -> float:
    return float((after["mean"] or 0.0) - (before["mean"] or 0.0))


def _choose_sigma(work: StageWork, first: Checkpoint) -> float:
    """Return the best sigma of those that were asked for, by a short second stage of each."""
    sigmas = work.cascade.sigmas
    if len(sigmas) == 1:
        return sigmas[0]
    path = work.run.folder / SEARCH
    found: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.is_file() else {}
    rng = np.random.default_rng(work.settings.seed)
    rows = np.sort(rng.permutation(len(work.val))[:HELD_OUT])
    held_out = work.val.take(rows)
    at_view = first.at_view(work.view).to(work.device)
    poses = run_net(at_view, work.train, work.device, on_batch=work.listen("displacements")).poses
    start = run_net(at_view, held_out, work.device).poses
    errors, settings = _errors(work, poses), _stage_settings(work, 2)
    for sigma in sigmas:
        if f"{sigma:g}" in found:
            continue
        source = _source(work, errors, sigma, settings)
        steps = math.ceil(SEARCH_SHARE * count_steps(settings.recipe, source))
        torch.manual_seed(settings.seed)
        net = build_net(first.model, first.width, first.size, len(work.val.skeleton))
        trainer = Trainer(settings, net, steps, work.device, source.skeleton)
        tell = work.listen(f"sigma {sigma:g}")
        with load_ahead(source, 0, steps, work.device) as batches:
            for batch in batches:
                trainer.learn(batch)
                tell(trainer.step, steps)
        refined = refine_poses(
            trainer.kept, first.size, sigma, work.view, held_out, start, work.device
        )
        found[f"{sigma:g}"] = pdj(refined, held_out)
        _write(path, found)
    best = max(sigmas, key=lambda one: _rank(found[f"{one:g}"]))
    if work.on_notice is not None:
        table = ", ".join(f"{s:g}: {found[f'{s:g}']['0.2'] or 0:.1f}" for s in sigmas)
        work.on_notice(f"sigma {best:g}; PDJ@0.2 of {len(rows)} validation crops: {table}")
    return best


def _rank(found: dict[str, Any]) -> tuple[float, float]:
    return found["0.2"] or 0.0, found["mean"] or 0.0


def _write(path: Path, content: dict[str, Any]) -> None:
    try:
        write_atomic(path, json.dumps(content, indent=1).encode(), READABLE)
    except OSError as error:
        raise KincapError(f"{path}: can't be written ({error.strerror})", exit_code=1) from None
