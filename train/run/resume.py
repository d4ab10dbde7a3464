"""Go on with a run that was interrupted, from its last.ckpt."""

from dataclasses import dataclass, replace
from pathlib import Path

from ...core.errors import KincapError
from ...core.progress import OnProgress
from ...core.skeleton import KEYPOINTS_13, Skeleton
from ...dataset.kinect13.format import LAYOUTS
from ...dataset.kinect13.reader import open_kinect13
from ..checkpoint import check_output, load_resumable
from ..finetune import PreparedRun, TrainResult, load_splits
from ..loop import choose_device, count_steps
from ..outfits import sessions_left_out
from .config_file import data_sha256, read_config
from .first_steps import threads
from .interrupt import interrupt_on_signals
from .run_folder import RunFolder
from .run_plan import OnNotice


@dataclass(frozen=True)
class ResumeOptions:
    """Options of a run that goes on.

    Attributes:
        run: The run's folder.
        kind: The command, ``"pretrain"`` or ``"finetune"``.
        device: The device; None: that of the run.
        out: File that the best checkpoint is copied to; None: that of the run.
        data: Where the data set is now; None: where it was.
    """

    run: Path
    kind: str
    device: str | None = None
    out: Path | None = None
    data: Path | None = None


def resume(
    options: ResumeOptions,
    on_progress: OnProgress | None = None,
    on_notice: OnNotice | None = None,
    skeleton: Skeleton = KEYPOINTS_13,
) -> TrainResult:
    """Go on with a run exactly: on the same device, threads and torch, bit for bit.

    Args:
        options: The run.
        on_progress: See ``loop.learn``.
        on_notice: See ``finetune.finetune``.
        skeleton: The keypoints of the data set and of the net.

    Raises:
        CheckpointError: last.ckpt is damaged, or has no state.
        DatasetError: The data set is not one.
        KincapError: The folder is not that of a run of this kind; the run is finished, or goes on
            in another process; the data set is not the one that it started with.
    """
    config = read_config(options.run)
    if config.settings.kind != options.kind:
        raise KincapError(
            f"--resume: {options.run} is a run of {config.settings.kind}; use "
            f"kincap {config.settings.kind} --resume {options.run}"
        )
    if options.out is not None:
        check_output(options.out, keep=None if config.init == "none" else Path(config.init))
        config = replace(config, out=str(options.out))
    run = RunFolder.reopen(options.run)
    data = Path(config.data[0].path) if options.data is None else options.data
    device = choose_device(config.device if options.device is None else options.device)
    with (
        open_kinect13(data, skeleton, LAYOUTS) as dataset,
        interrupt_on_signals() as interrupt,
        run.hold(),
        threads(config.threads),
    ):
        if data_sha256(data) != config.data[0].sha256:
            raise KincapError(
                f"--resume: {data} is not the file that {options.run} learnt from (its SHA-256 is "
                "another); name the unchanged one with --data, or start a new run with --init "
                f"{options.run / 'last.ckpt'}"
            )
        last, state = load_resumable(run.last, skeleton)
        away = sessions_left_out(dataset, config.leave_out, config.outfit)
        splits = load_splits(dataset, config.settings, away)
        done, steps = last.trained.get("step"), count_steps(config.settings.recipe, splits.source)
        if done == steps or state.get("stopped"):
            raise KincapError(
                f"--resume: {options.run} is finished ({done} steps); start a new run with "
                f"--init {run.best}"
            )
        if on_notice is not None:
            on_notice(f"{options.kind}: {options.run} goes on after step {done} of {steps}")
        sessions = last.trained.get("sessions")
        job = PreparedRun(config, splits, sessions, last.build(), run, device, interrupt, state)
        return job.carry_out(on_progress, on_notice)
