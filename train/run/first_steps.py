"""Passes before the first step: how many threads are fastest, and which batch fits in memory."""

import copy
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from typing import Final

import torch
from torch import nn

from ...core.skeleton import KEYPOINTS_13, Skeleton
from ..batch_source import BatchSource, PeopleBatch, StepBatch, each_tensor
from ..data import normalised
from ..loss import pose_loss
from ..people.loss import people_loss

FEWEST_STEPS: Final = 100
"""Shorter runs are not measured: it would take as long as it saves."""

PASSES: Final = 3
_NO_MEMORY: Final = ("can't allocate memory", "could not create a primitive")
"""Texts of torch and of oneDNN, which says no more, where memory of a CPU runs out."""

ENOUGH_S: Final = 2.0
"""Passes that are timed for each number of threads, or the time that is enough for fewer."""


def choose_threads(
    net: nn.Module, source: BatchSource, steps: int, device: torch.device, size: int
) -> int:
    """Return the number of CPU threads that makes a training pass fastest.

    Args:
        net: The net; it is left as it is.
        source: The training batches.
        steps: Steps of the run.
        device: The device; threads matter on a CPU only.
        size: Side of the net's input, pixels.
    """
    most = torch.get_num_threads()
    if device.type != "cpu" or most == 1 or steps < FEWEST_STEPS:
        return most
    probe, batch = copy.deepcopy(net), source.batch(0)
    state = torch.get_rng_state()
    seconds = {}
    for count in sorted({1, max(1, most // 2), most}):
        with threads(count):
            run_pass(probe, batch, size)  # the first one allocates
            seconds[count] = _seconds_a_pass(probe, batch, size)
    torch.set_rng_state(state)
    return min(seconds, key=lambda count: seconds[count])


def _seconds_a_pass(net: nn.Module, batch: StepBatch, size: int) -> float:
    """Return the fastest of a few passes: other work on the machine only adds time."""
    began, fastest = time.monotonic(), float("inf")
    for _ in range(PASSES):
        start = time.monotonic()
        run_pass(net, batch, size)
        fastest = min(fastest, time.monotonic() - start)
        if time.monotonic() - began > ENOUGH_S:
            break
    return fastest


def run_pass(
    net: nn.Module, batch: StepBatch, size: int, skeleton: Skeleton = KEYPOINTS_13
) -> None:
    """Run a net forward and backward over a batch, without a step.

    Args:
        net: The net; its gradients and batch statistics change.
        batch: Images of people, or crops in the middle of their margins.
        size: Side of the crops, pixels.
        skeleton: The keypoints.
    """
    net.train()
    if isinstance(batch, PeopleBatch):
        loss = people_loss(net, batch, skeleton)
    else:
        border = (batch.images.shape[1] - size) // 2
        crops = batch.images[:, border : border + size, border : border + size, :3]
        images = crops.permute(0, 3, 1, 2).float()
        loss = pose_loss(net(normalised(images)), batch.targets, batch.weight)
    torch.autograd.backward(loss)
    net.zero_grad(set_to_none=True)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with a number of threads; another number may change the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if an error says that no memory is left, of a GPU or of the machine."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _NO_MEMORY)


def largest_batch(net: nn.Module, batch: StepBatch, size: int) -> int:
    """Return how many samples of a batch fit in memory: its half, a quarter, ...; 0: not even one.

    The fewest come first, since a pass that fails leaves less memory for the next one.

    Args:
        net: The net of a run that ends; its gradients and batch statistics change.
        batch: The batch that does not fit.
        size: Side of the net's input, pixels.

    Raises:
        RuntimeError: A pass fails for another reason.
    """
    net.zero_grad(set_to_none=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    fitting = [0]
    failed: list[Exception] = []

    def measure() -> None:
        count = len(batch.images) // 2
        counts = [count >> halvings for halvings in range(count.bit_length())]
        try:
            for count in reversed(counts):
                run_pass(net, each_tensor(batch, itemgetter(slice(count))), size)
                fitting.append(count)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                failed.append(error)

    # where oneDNN got no memory for a kernel, it refuses every new kernel in that thread from then
    # on (findings/torch_conv_fails_on_after_out_of_memory.sh): another thread has to measure
    thread = threading.Thread(target=measure, name="fitting batch")
    try:
        thread.start()
        thread.join()
    except RuntimeError:  # not even memory for the stack of a thread
        return 0
    for error in failed:
        raise error
    return fitting[-1]
