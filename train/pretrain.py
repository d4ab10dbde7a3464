"""Pretrain: learn from many people and places first, from fresh weights."""

from .finetune import TrainResult, train_run
from .loop import OnProgress
from .settings import TrainOptions


def pretrain(options: TrainOptions, on_progress: OnProgress | None = None) -> TrainResult:
    """Train from fresh (Xavier) weights at the higher rate of pretraining.

    Args:
        options: What was asked for.
        on_progress: See ``loop.learn``.

    Raises:
        CheckpointError: ``--out`` is something else already.
        DatasetError: The data set is none, or lacks a split.
        KincapError: A flag has no possible value; the loss diverged; Ctrl-C.
    """
    return train_run("pretrain", options, None, on_progress)
