"""Pretrain: learn from many people and places first, from fresh weights."""

from ..core.progress import OnProgress
from ..core.skeleton import KEYPOINTS_13, Skeleton
from .finetune import TrainResult, train_run
from .run.run_plan import OnNotice
from .settings import TrainOptions


def pretrain(
    options: TrainOptions,
    on_progress: OnProgress | None = None,
    on_notice: OnNotice | None = None,
    skeleton: Skeleton = KEYPOINTS_13,
) -> TrainResult:
    """Train from fresh weights at the higher rate of pretraining.

    Args:
        options: The options.
        on_progress: See ``loop.learn``.
        on_notice: See ``finetune.finetune``.
        skeleton: The keypoints of the data set and of the net.

    Raises:
        CheckpointError: ``--out`` is something that kincap did not make.
        DatasetError: The data set is not one, or lacks a split.
        KincapError: A flag has no possible value; the disk is full; the loss diverged; the run was
            interrupted.
    """
    return train_run("pretrain", options, None, on_progress, on_notice, skeleton)
