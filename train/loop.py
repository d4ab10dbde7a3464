"""The training loop, the same for every net."""

import copy
import math
import time
from typing import Final

import numpy as np
import torch
from torch import nn

from ..core.errors import KincapError, MissingPartError
from ..core.progress import OnProgress
from .augment import augment
from .data import Samples, batches, to_pixels
from .loss import pose_loss
from .recipe import Recipe
from .run.interrupt import Interrupt
from .run.track import Learned, Track
from .settings import TrainSettings

MOST_VALIDATIONS: Final = 50
"""A run of more epochs validates less often than once an epoch."""

GPUS: Final = ("cuda", "mps", "xpu")
"""Kinds of devices that ``--device`` accepts besides the CPU."""


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
        raise KincapError(f"--device: {name!r} is not a device; use auto, cpu or cuda")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (AssertionError, RuntimeError, NotImplementedError):
        raise MissingPartError(
            f"--device: torch finds no {name} on this machine; use --device cpu"
        ) from None
    return device


def count_steps(recipe: Recipe, samples: int) -> tuple[int, int]:
    """Return how many steps a run takes, and how many are between two validations."""
    an_epoch = math.ceil(samples / min(recipe.batch, samples))
    steps = recipe.steps or max(recipe.epochs * an_epoch, recipe.least_steps)
    return steps, max(an_epoch, math.ceil(steps / MOST_VALIDATIONS))


def learn(
    settings: TrainSettings,
    net: nn.Module,
    train: Samples,
    track: Track,
    device: torch.device,
    interrupt: Interrupt,
    on_progress: OnProgress | None = None,
) -> Learned:
    """Train a net; validate and save as it goes.

    Args:
        settings: The recipe.
        net: The net to start from; changed.
        train: The training samples.
        track: Validates, keeps figures and saves.
        device: The device to compute on.
        interrupt: The request to end early.
        on_progress: Called after each step, and while validating, with steps done, steps in all,
            and a line of figures.

    Returns:
        The validations that matter.

    Raises:
        KincapError: The loss is not a number (exit 1), the weights can't be saved (exit 1), or
            the run was interrupted (exit 130, the weights of this step saved).
    """
    recipe = settings.recipe
    rng = np.random.default_rng(settings.seed)
    torch.manual_seed(settings.seed)  # dropout
    if settings.shuffle_labels:
        train = train.shuffled(settings.seed)
    net = net.to(device)
    kept = copy.deepcopy(net) if recipe.ema else net
    optimizer = _optimizer(net, recipe)
    steps, every = count_steps(recipe, len(train))

    def validating(done: int, of: int) -> None:
        if on_progress:
            on_progress(step, steps, f"validating {done}/{of}")
        interrupt.check()

    step = 0
    try:
        track.validate(kept, step, validating)
        for chosen in batches(len(train), recipe.batch, rng):
            began = time.monotonic()
            images, targets, weight = augment(
                train.images(chosen),
                train.targets[chosen],
                train.weight[chosen],
                recipe.augment,
                rng,
                train.skeleton,
            )
            net.train()
            output = net(to_pixels(images, device))
            loss = pose_loss(
                output, torch.from_numpy(targets).to(device), torch.from_numpy(weight).to(device)
            )
            rate = _rate(recipe, step + 1, steps)
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            if recipe.ema:
                _average(kept, net, recipe.ema, step + 1)
            step += 1  # only now the weights are those of the step

            track.add_loss(step, steps, loss.detach(), rate)
            track.pace.add_step(step, time.monotonic() - began)
            if step % every == 0 or step == steps:
                track.validate(kept, step, validating)
            if on_progress:
                on_progress(step, steps, track.note)
            if step == steps:
                break
            interrupt.check()
    except KeyboardInterrupt:
        raise track.interrupted(kept, step, steps, interrupt.is_urgent) from None
    return track.finish(kept, step)


def _optimizer(net: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimiser; biases and normalisation are not pulled towards zero."""
    weights = [p for p in net.parameters() if p.ndim > 1]
    others = [p for p in net.parameters() if p.ndim <= 1]
    groups = [
        {"params": weights, "weight_decay": recipe.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr)
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum)


def _rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the learning rate of a step, counted from 1."""
    rise = min(1.0, step / recipe.warmup_steps) if recipe.warmup_steps else 1.0
    fall = 0.5 + 0.5 * math.cos(math.pi * (step - 1) / steps) if recipe.cosine else 1.0
    return recipe.lr * rise * fall


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
