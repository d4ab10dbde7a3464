"""The training loop: one plain recipe for every network."""

import copy
import math
from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from torch import nn

from ..core.errors import KincapError, MissingPartError
from .augment import augment
from .data import Samples, batches, to_pixels
from .loss import pose_loss
from .settings import TrainSettings
from .track import Learned, Track

OnProgress = Callable[[int, int, str], None]

MOST_VALIDATIONS: Final = 50
"""A run of more epochs validates less often than once an epoch."""

EXIT_INTERRUPTED: Final = 130

GPUS: Final = ("cuda", "mps", "xpu")
"""Kinds of devices that ``--device`` accepts beside the processor."""


def choose_device(name: str) -> torch.device:
    """Return the device that ``--device`` names: ``auto`` is a GPU where torch finds one.

    Raises:
        KincapError: There is no such kind of device.
        MissingPartError: This machine has none of that kind.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    # torch knows more kinds, but they hold no values or run none of our layers
    if name.partition(":")[0] not in ("cpu", *GPUS):
        raise KincapError(f"--device: {name!r} is no device; use auto, cpu or cuda")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError, NotImplementedError):
        raise MissingPartError(
            f"--device: torch finds no {name} on this machine; use --device cpu"
        ) from None
    return device


def count_steps(settings: TrainSettings, samples: int) -> tuple[int, int]:
    """Return how many steps a run takes, and how many lie between two validations."""
    an_epoch = math.ceil(samples / min(settings.batch, samples))
    steps = settings.steps or max(settings.epochs * an_epoch, settings.least_steps)
    return steps, max(an_epoch, math.ceil(steps / MOST_VALIDATIONS))


def learn(
    settings: TrainSettings,
    net: nn.Module,
    train: Samples,
    track: Track,
    device: torch.device,
    on_progress: OnProgress | None = None,
) -> Learned:
    """Train a network; validate and save as it goes.

    Args:
        settings: The recipe.
        net: The network to start from; changed.
        train: What it learns from.
        track: What validates, keeps figures and saves.
        device: Where to compute.
        on_progress: Called after each step with steps done, steps in all, and a line of figures.

    Returns:
        The validations that matter.

    Raises:
        KincapError: The loss stopped being a number (exit 1), or Ctrl-C (exit 130, the last
            weights saved).
    """
    rng = np.random.default_rng(settings.seed)
    torch.manual_seed(settings.seed)  # dropout
    if settings.shuffle_labels:
        train = train.shuffled(settings.seed)
    net = net.to(device)
    kept = copy.deepcopy(net) if settings.ema else net
    optimizer = _optimizer(net, settings)
    steps, every = count_steps(settings, len(train))

    step = 0
    try:
        track.validate(kept, step)
        for chosen in batches(len(train), settings.batch, rng):
            step += 1
            images, targets, weight = augment(
                train.images(chosen),
                train.targets[chosen],
                train.weight[chosen],
                settings.augment,
                rng,
            )
            net.train()
            output = net(to_pixels(images, device))
            loss = pose_loss(
                output, torch.from_numpy(targets).to(device), torch.from_numpy(weight).to(device)
            )
            rate = _rate(settings, step, steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            if settings.ema:
                _average(kept, net, settings.ema, step)

            track.add_loss(step, steps, loss.detach(), rate)
            if step % every == 0 or step == steps:
                track.validate(kept, step)
            if on_progress:
                on_progress(step, steps, track.note)
            if step == steps:
                break
    except KeyboardInterrupt:
        saved = track.save_last(kept, step)
        raise KincapError(
            f"interrupted after {step} of {steps} steps; the weights so far are in {saved}",
            exit_code=EXIT_INTERRUPTED,
        ) from None
    return track.learned()


def _optimizer(net: nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """Return the optimiser; biases and normalisation are not pulled towards zero."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=settings.lr)
    return torch.optim.SGD(groups, lr=settings.lr, momentum=settings.momentum)


def _rate(settings: TrainSettings, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 1."""
    rise = min(1.0, step / settings.warmup_steps) if settings.warmup_steps else 1.0
    fall = 0.5 + 0.5 * math.cos(math.pi * (step - 1) / steps) if settings.cosine else 1.0
    return settings.lr * rise * fall


def _average(kept: nn.Module, net: nn.Module, decay: float, step: int) -> None:
    """Move the running mean of weights and of batch statistics towards the network.

    Early on the mean is over fewer steps than ``decay`` says, or it would show the start for
    hundreds of steps.
    """
    share = 1 - min(decay, (1 + step) / (10 + step))
    with torch.no_grad():
        for mean, now in zip(kept.state_dict().values(), net.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, share)
            else:
                mean.copy_(now)
