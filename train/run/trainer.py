"""One training step: forward, backward, optimiser, and the running mean of the weights."""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from ...core.skeleton import KEYPOINTS_13, Skeleton
from ..augment import augment
from ..batch_random import BatchRandom, step_seed
from ..batch_source import WHOLE, PeopleBatch, RankRows, StepBatch
from ..data import normalised
from ..loss import pose_loss
from ..people.loss import people_loss
from ..recipe import Recipe
from ..settings import TrainSettings


class Trainer:
    """A net with all that changes while it learns.

    Args:
        settings: The recipe and the seed.
        net: The net to start from; changed.
        steps: Steps of the whole run.
        device: The device to compute on.
        skeleton: The keypoints.
        part: The rows of each batch that this process learns from.

    Attributes:
        net: The net that learns.
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
        part: RankRows = WHOLE,
    ) -> None:
        self._skeleton, self._size = skeleton, settings.size
        self._recipe, self._seed = settings.recipe, settings.seed
        self.steps, self._device, self._part = steps, device, part
        self.net = net.to(device)
        self.kept = copy.deepcopy(self.net) if self._recipe.ema else self.net
        self._optimizer = _optimizer(self.net, self._recipe)
        self.step, self.rate = 0, 0.0

    def learn(self, batch: StepBatch) -> Tensor:
        """Learn from the batch of the next step and return its loss, a scalar on the device."""
        # random numbers follow from the step alone, so that a resumed run draws the same
        torch.manual_seed(step_seed(self._seed, self.step, self._part.rank))
        whole = len(batch.images) * self._part.ranks
        random = BatchRandom(self._seed, self.step, whole, self._device, self._part)
        self.net.train()
        if isinstance(batch, PeopleBatch):
            loss = people_loss(self.net, batch, self._skeleton)
        else:
            changed = augment(batch, self._recipe.augment, random, self._skeleton, self._size)
            found = self.net(normalised(changed.images))
            loss = pose_loss(found, changed.targets, changed.weight, self._recipe.norm)
        self.rate = _rate(self._recipe, self.step + 1, self.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = self.rate
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self._optimizer.step()
        if self._recipe.ema:
            _average(self.kept, self.net, self._recipe.ema, self.step + 1)
        self.step += 1  # only now the weights are those of the step
        return loss.detach()

    def state(self) -> dict[str, Any]:
        """Return all that a later process needs to go on, besides the weights of ``kept``."""
        return {
            "step": self.step,
            "net": {} if self.kept is self.net else _on_cpu(self.net.state_dict()),
            "optimizer": _on_cpu(self._optimizer.state_dict()),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a state; ``net`` was given with the weights of ``kept``.

        Args:
            state: What ``state`` returned.
        """
        if self.kept is not self.net:
            self.net.load_state_dict(state["net"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step = state["step"]


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
