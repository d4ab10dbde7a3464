"""Train the detector of people on whole frames: the sensor's boxes are the labels."""

import copy
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from ... import __version__
from ...core.errors import CheckpointError, DatasetError, KincapError
from ...core.files.output_folder import check_parent
from ...core.progress import OnProgress
from ...dataset.kinect13.format import LAYOUTS
from ...dataset.kinect13.reader import open_kinect13
from ..batch_source import shuffled_rows
from ..checkpoint import copy_checkpoint, refuse_same
from ..data import normalised
from ..loop import choose_device
from ..run.interrupt import Interrupt, interrupt_on_signals
from ..run.run_folder import RunFolder, check_run_name
from ..run.track import EXIT_INTERRUPTED
from .checkpoint import DetectorCheckpoint, is_detector, load_detector, save_detector
from .frames import Frames
from .loss import detector_loss, detector_targets
from .measure import DetectionScore, SplitDetections
from .net import PersonNet
from .settings import DetectOptions

VALIDATIONS: Final = 6
WARMUP_STEPS: Final = 50
EMA: Final = 0.99
WEIGHT_DECAY: Final = 0.02


@dataclass(frozen=True)
class DetectResult:
    """Files and figures of a finished run.

    Attributes:
        run: The run's folder.
        best: The best checkpoint in it.
        last: The last one.
        out: The copy of the best one that was asked for, or None.
        steps: Steps done.
        val: The best checkpoint on the validation split, at its threshold.
        test: The same on the test split, or None where the data set has none.
    """

    run: Path
    best: Path
    last: Path
    out: Path | None
    steps: int
    val: DetectionScore
    test: DetectionScore | None

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``."""
        return {
            "schema": "kincap/train-detector/1",
            "run": str(self.run),
            "best": str(self.best),
            "last": str(self.last),
            "out": None if self.out is None else str(self.out),
            "steps": self.steps,
            "val": self.val.to_json(),
            "test": None if self.test is None else self.test.to_json(),
        }


def finetune_detector(
    options: DetectOptions, on_progress: OnProgress | None = None
) -> DetectResult:
    """Train a detector and leave the best and the last checkpoint.

    Raises:
        CheckpointError: ``init`` is not a detector, or ``--out`` would replace something else.
        DatasetError: The data set has crops, no people, or lacks a split.
        KincapError: A flag has no possible value; the loss diverged; the run was interrupted.
    """
    options.check()
    if options.name is not None:
        check_run_name(options.name)
    _check_out(options.out, options.init)
    device = choose_device(options.device)
    net = PersonNet() if options.init is None else load_detector(options.init).build()
    with (
        open_kinect13(options.data, layouts=LAYOUTS) as dataset,
        interrupt_on_signals() as interrupt,
    ):
        train, val = Frames(dataset, "train"), Frames(dataset, "val")
        for name, frames in (("train", train), ("val", val)):
            if not frames.people:
                raise DatasetError(
                    f"{options.data}: no labelled people in {name}; record and build more"
                )
        run = RunFolder(options.runs, "finetune", options.name or "detector")
        run.write_config(_config(options, device))
        if options.init is None:
            torch.manual_seed(options.seed)
            net = PersonNet()
        best = _learn(options, net, train, val, run, device, interrupt, on_progress)
        chosen = load_detector(run.best)
        test = None
        if "test" in dataset.splits:
            frames = Frames(dataset, "test")
            test = SplitDetections(chosen.build(), frames, torch.device("cpu")).score(
                best.threshold
            )
    if options.out is not None:
        try:
            copy_checkpoint(run.best, options.out)
        except OSError as error:
            raise KincapError(
                f"--out: {options.out} can't be written ({error.strerror}); the best checkpoint "
                f"is {run.best}", exit_code=1,
            ) from None  # fmt: skip
    steps = options.count_steps(len(train))
    return DetectResult(run.folder, run.best, run.last, options.out, steps, best, test)


def _learn(
    options: DetectOptions,
    net: PersonNet,
    train: Frames,
    val: Frames,
    run: RunFolder,
    device: torch.device,
    interrupt: Interrupt,
    on_progress: OnProgress | None,
) -> DetectionScore:
    """Train; validate and save as it goes. Return the best validation."""
    steps = options.count_steps(len(train))
    every = math.ceil(steps / VALIDATIONS)
    net = net.to(device)
    kept = copy.deepcopy(net)
    optimizer = torch.optim.AdamW(net.parameters(), lr=options.lr, weight_decay=WEIGHT_DECAY)
    best: DetectionScore | None = None
    batch = min(options.batch, len(train))
    losses: list[float] = []
    try:
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = options.lr * _share(step, steps)
            loss = _step(net, train, optimizer, (options.seed, step), batch, device)
            if not math.isfinite(loss):
                raise KincapError(
                    f"step {step + 1}: the loss is {loss}; try a smaller --lr", exit_code=1
                )
            _average(kept, net, step)
            losses.append(loss)
            if (step + 1) % every == 0 or step + 1 == steps:
                found = SplitDetections(kept, val, device).best()
                trained = {"step": step + 1, "data": options.data.name}
                checkpoint = DetectorCheckpoint(
                    {k: v.detach().cpu().clone() for k, v in kept.state_dict().items()},
                    found.threshold, {**trained, "val": found.to_json()},
                )  # fmt: skip
                save_detector(run.last, checkpoint)
                # at first there may be no detection, and so no error of that kind
                if best is None or _errors(found) <= _errors(best):
                    best = found
                    save_detector(run.best, checkpoint)
                # after the weights: a line of figures costs less than they do
                mean_loss = sum(losses) / len(losses)
                run.add_metrics({"step": step + 1, "loss": mean_loss, **_row(found)})
                losses.clear()
            if on_progress:
                on_progress(step + 1, steps, f"loss {loss:.3f}")
            if step + 1 < steps:
                interrupt.check()
    except KeyboardInterrupt:
        saved = f"the checkpoints in {run.folder} are those of the last validation"
        if best is None:
            saved = "nothing was saved yet"
        raise KincapError(f"interrupted; {saved}", exit_code=EXIT_INTERRUPTED) from None
    except OSError as error:
        raise KincapError(
            f"--runs: {run.folder} can't be written ({error.strerror})", exit_code=1
        ) from None
    assert best is not None
    return best


def _step(
    net: PersonNet,
    train: Frames,
    optimizer: torch.optim.Optimizer,
    seeds: tuple[int, int],
    batch: int,
    device: torch.device,
) -> float:
    """Learn from the batch of a step, which follows from seed and step alone."""
    seed, step = seeds
    rows = shuffled_rows(len(train), batch, step, seed)
    changed = train.changed(np.asarray(rows), np.random.default_rng((seed, step)))
    targets = detector_targets(changed.boxes, changed.ignored)
    pixels = torch.from_numpy(changed.images).permute(0, 3, 1, 2).to(device).float()
    net.train()
    on_device = (targets[0].to(device), targets[1].to(device), targets[2].to(device))
    loss = detector_loss(net(normalised(pixels)), on_device)
    optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(loss)
    optimizer.step()
    return float(loss.detach())


def _share(step: int, steps: int) -> float:
    """Return the learning rate of a step as a share of its peak."""
    rise = min(1.0, (step + 1) / WARMUP_STEPS)
    return rise * (0.5 + 0.5 * math.cos(math.pi * step / steps))


def _average(kept: PersonNet, net: PersonNet, step: int) -> None:
    """Move the running mean of the weights towards the net."""
    share = 1 - min(EMA, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, now in zip(kept.state_dict().values(), net.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, share)
            else:
                mean.copy_(now)


def _errors(found: DetectionScore) -> int:
    return found.missed + found.false


def _row(found: DetectionScore) -> dict[str, float | int | None]:
    return {
        "fn_percent": found.fn_percent, "fp_percent": found.fp_percent,
        "threshold": found.threshold,
    }  # fmt: skip


def _check_out(out: Path | None, init: Path | None) -> None:
    """Refuse to write in place of anything but a detector, or of the one that the run starts from.

    Raises:
        CheckpointError: See above; or there is no such folder.
    """
    if out is None:
        return
    check_parent("--out", out, CheckpointError)
    if init is not None:
        refuse_same(out, init)
    if not out.exists():
        return
    try:
        replaceable = is_detector(out)
    except CheckpointError:
        replaceable = False
    if not replaceable:
        raise CheckpointError(
            f"--out: {out} exists and is not a detector of kincap; choose another name or remove it"
        )


def _config(options: DetectOptions, device: torch.device) -> dict[str, Any]:
    """Return the content of config.toml; what is None is left out."""
    flat = {k: v for k, v in asdict(options).items() if v is not None}
    return {
        "kincap_version": __version__,
        "torch_version": str(torch.__version__),
        "task": "detect",
        **{k: str(v) if isinstance(v, Path) else v for k, v in flat.items()},
        "device": str(device),
    }
