"""One training step: forward, backward, optimiser, and the running mean of the weights."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from ...core.skeleton import KEYPOINTS_13, Skeleton
from ..augment import augment
from ..batch_random import BatchRandom, step_seed
from ..batch_source import PeopleBatch, StepBatch
from ..data import normalised
from ..loss import WholeBatch, within
from ..nets.dropout import set_dropout
from ..people.loss import people_loss
from ..presence.phases import Phases
from ..ranks.group import ALONE, Ranks
from ..recipe import Recipe
from ..settings import TrainSettings
from .device_use import in_precision


class Trainer:
    """A net with all that changes while it learns.

    Args:
        settings: The recipe and the seed.
        net: The net to start from; changed.
        steps: Steps of the whole run.
        device: The device to compute on.
        skeleton: The keypoints.
        ranks: This process among those that share each batch.

    Attributes:
        net: The net that learns.
        size: Side of the net's input, pixels.
        phases: Which of its weights learn, and from which loss.
        kept: The net that is validated and saved: the running mean, or ``net``.
        steps: Steps of the whole run.
        step: Steps done.
        rate: Learning rate of the last step.
    """

    def __init__(
        self,
        settings: TrainSettings,
        net: nn.Module,
        steps: int,
        device: torch.device,
        skeleton: Skeleton = KEYPOINTS_13,
        ranks: Ranks = ALONE,
    ) -> None:
        self._skeleton, self.size = skeleton, settings.size
        self._recipe, self._seed = settings.recipe, settings.seed
        self.steps, self._device, self._ranks = steps, device, ranks
        self.net = net.to(device)
        set_dropout(self.net, self._recipe.dropout)
        if device.type == "cuda" or self._recipe.precision != "float32":
            # as the pictures are on a GPU: convolutions then copy neither; on a CPU those of 16
            # bits take 0.8 to 0.9 of the time
            self.net = self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's
        self.kept = copy.deepcopy(self.net) if self._recipe.ema else self.net
        module = ranks.shared(self.net, device)
        compiled = torch.compile(module) if self._recipe.compile else module
        self._module = in_precision(compiled, self._recipe.precision, device)
        self._scaler = torch.amp.GradScaler(device.type, enabled=self._recipe.precision == "fp16")
        self._optimizer = _optimizer(self.net, self._recipe)
        self.phases = Phases(self.net, self._recipe, steps, ranks.ranks)
        self.step, self.rate = 0, 0.0

    def learn(self, batch: StepBatch) -> Tensor:
        """Learn from the next step's batch, or from this process's share of it.

        Returns:
            The loss of the whole batch, a scalar on the device.
        """
        ranks = self._ranks
        # random numbers follow from the step alone, so that a resumed run draws the same
        torch.manual_seed(step_seed(self._seed, self.step, ranks.rank))
        self.net.train()
        self.phases.begin(self.step)
        loss = self._loss(batch)
        first, count = self.phases.span(self.step)
        self.rate = _rate(self._recipe, self.step + 1 - first, count)
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate
        self._optimizer.zero_grad(set_to_none=True)
        # gradients become the mean over the processes, losses are shares of a sum
        torch.autograd.backward(self._scaler.scale(loss * ranks.ranks))
        self.phases.keep_others(self.step)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        if self._recipe.ema:
            _average(self.kept, self.net, self._recipe.ema, self.step + 1)
        self.step += 1  # only now the weights are those of the step
        return ranks.sum(loss.detach())

    def _loss(self, batch: StepBatch) -> Tensor:
        """Return this process's share of the loss of the whole batch."""
        ranks = self._ranks
        if isinstance(batch, PeopleBatch):
            return (
                people_loss(self._module, batch, self._skeleton, self._recipe.keypoint_weight)
                / ranks.ranks
            )
        whole = len(batch.images) * ranks.ranks
        random = BatchRandom(self._seed, self.step, whole, self._device, ranks.part)
        is_light = self.step >= self.steps * (1 - self._recipe.light_end)
        changes = self._recipe.augment.light if is_light else self._recipe.augment
        changed = augment(batch, changes, random, self._skeleton, self.size)
        if self._recipe.beyond is not None:
            near = within(changed.targets, changed.weight, self._recipe.beyond)
            changed = changed._replace(weight=near)
        shared = WholeBatch(ranks.ranks, ranks.sum(changed.weight.sum()))
        images = normalised(changed.images)
        given = (images,) if changed.previous is None else (images, changed.previous)
        return self.phases.loss(
            self._module(*given), changed.targets, changed.weight,
            self._recipe.norm, None if ranks.ranks == 1 else shared, self.step,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return all that a later process needs to go on, besides the weights of ``kept``."""
        return {
            "step": self.step,
            "net": {} if self.kept is self.net else _on_cpu(self.net.state_dict()),
            "optimizer": _on_cpu(self._optimizer.state_dict()),
            "scaler": self._scaler.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state; ``net`` was given with the weights of ``kept``.

        Args:
            state: What ``state`` returned.

        Raises:
            ValueError: It is that of another optimiser.
        """
        stored, own = state["optimizer"], self._optimizer.state_dict()
        if _kind(stored["param_groups"][0]) != _kind(own["param_groups"][0]):
            raise ValueError("the state of another optimiser")
        if self.kept is not self.net:
            self.net.load_state_dict(state["net"])
        self._optimizer.load_state_dict(stored)
        self._scaler.load_state_dict(state.get("scaler", {}))
        self.step = state["step"]


def _kind(group: dict[str, Any]) -> set[str]:
    """Return which of the values that one kind of optimiser has are in a group of its state."""
    return {"momentum", "betas", "lr_decay"} & set(group)


def _on_cpu(content: Any) -> Any:
    """Return a nested state with its tensors on the CPU."""
    if isinstance(content, Tensor):
        return content.detach().cpu().contiguous()
    if isinstance(content, dict):
        return {key: _on_cpu(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_on_cpu(value) for value in content]
    return content


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
    if recipe.optimizer == "adagrad":
        return torch.optim.Adagrad(groups, lr=recipe.lr)
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
