"""The processes of a run: each learns from its rows of every batch.

A process finds out that it is one of several from the environment variables that ``torchrun`` sets,
and so does ``kincap --gpus N``. The first process alone validates, saves and prints.
"""

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeVar

import torch
from torch import Tensor, distributed, nn

from ...core.errors import KincapError, MissingPartError
from ..batch_source import RankRows
from .batch_norm import span_processes

Value = TypeVar("Value")

LONGEST_WAIT: Final = timedelta(minutes=30)
"""A process that is silent for longer is lost; the others wait while the first one validates."""

_LOST: Final = (
    "connection", "closed by peer", "timed out", "timeout", "broken pipe", "socket", "nccl",
    "read error", "write error", "gloo",
)  # fmt: skip
"""Words in the messages of torch and of gloo where another process is gone."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of a run.

    Attributes:
        rank: Which process, from 0; the first one validates, saves and prints.
        ranks: Number of processes.
        local_rank: Which process of this machine, from 0.
    """

    rank: int = 0
    ranks: int = 1
    local_rank: int = 0

    @property
    def part(self) -> RankRows:
        """Return the share of each batch that this process learns from."""
        return RankRows(self.rank, self.ranks)

    @property
    def is_first(self) -> bool:
        """Return True for the process that validates, saves and prints."""
        return self.rank == 0

    def check_batch(self, batch: int) -> None:
        """Refuse a batch that can't be shared equally.

        Raises:
            KincapError: Its size is not a multiple of the number of processes.
        """
        if batch % self.ranks:
            less = batch - batch % self.ranks
            advice = f"give --batch {less}" if less else f"give --gpus {batch} or less"
            raise KincapError(
                f"--gpus: {self.ranks} processes can't share batches of {batch} equally; {advice}"
            )

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of the values of all processes, without gradients."""
        if self.ranks == 1:
            return value
        total = value.detach().clone()
        distributed.all_reduce(total)
        return total

    def largest(self, value: int) -> int:
        """Return the largest of the values of all processes."""
        if self.ranks == 1:
            return value
        found = torch.tensor([value])
        distributed.all_reduce(found, distributed.ReduceOp.MAX)
        return int(found)

    def check_same(self, flag: str, value: str) -> None:
        """Refuse a file that has other bytes in another process.

        Args:
            flag: The flag that names the file.
            value: Its SHA-256.

        Raises:
            KincapError: It differs from the first process's.
        """
        if self.first(value) != value:
            raise KincapError(
                f"{flag}: process {self.rank} of {self.ranks} has another file than the first one; "
                "copy the same file to every machine"
            )

    def first(self, value: Value) -> Value:
        """Return the value of the first process, in all of them."""
        if self.ranks == 1:
            return value
        box: list[Any] = [value]
        distributed.broadcast_object_list(box, src=0)
        found: Value = box[0]
        return found

    def shared(self, net: nn.Module, device: torch.device) -> nn.Module:
        """Return a module that computes as the net does and sums gradients over the processes.

        Args:
            net: The net; its batch statistics become those of all processes.
            device: Its device.
        """
        if self.ranks == 1:
            return net
        span_processes(net, self.ranks)
        # says that gradients of 1x1 layers are copied with other strides: it costs no time here
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        ddp = nn.parallel.DistributedDataParallel
        # all processes have the same batch statistics already; torch 2.13 has renamed the switch
        is_new = "forward_sync_buffers" in inspect.signature(ddp).parameters
        sync: dict[str, Any] = {"forward_sync_buffers" if is_new else "broadcast_buffers": False}
        return ddp(net, device_ids=[device.index] if device.type == "cuda" else None, **sync)

    def is_lost(self, error: BaseException) -> bool:
        """Return True if an error says that another process is gone."""
        return (
            self.ranks > 1
            and isinstance(error, RuntimeError)
            and any(word in str(error).lower() for word in _LOST)
        )


ALONE: Final = Ranks()


def ranks_of(environment: Mapping[str, str]) -> Ranks:
    """Return the place of a process among others, from its environment variables.

    Raises:
        KincapError: They are not numbers that fit together.
    """
    if "RANK" not in environment or "WORLD_SIZE" not in environment:
        return ALONE
    words = [environment.get(name, "0") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")]
    try:
        rank, ranks, local = map(int, words)
    except ValueError:
        rank, ranks, local = -1, 0, -1
    if not 0 <= rank < ranks or local < 0:
        raise KincapError(
            f"RANK={words[0]}, WORLD_SIZE={words[1]}, LOCAL_RANK={words[2]}: expected what "
            "torchrun sets; unset them, or start the command with torchrun or --gpus"
        )
    return Ranks(rank, ranks, local)


def own_device(device: torch.device, ranks: Ranks) -> torch.device:
    """Return the device of this process: where there are several, each has a GPU of its own.

    Raises:
        KincapError: One GPU was named for all.
        MissingPartError: There are fewer GPUs than processes.
    """
    if ranks.ranks == 1 or device.type == "cpu":
        return device
    if device.type != "cuda" or device.index is not None:
        raise KincapError(f"--device {device}: several processes need --device cuda, or cpu")
    count = torch.cuda.device_count()
    if ranks.local_rank >= count:
        raise MissingPartError(
            f"--gpus: torch finds {count} on this machine; give --gpus {count}, or --device cpu"
        )
    return torch.device("cuda", ranks.local_rank)


@contextmanager
def joined(ranks: Ranks, device: torch.device) -> Iterator[None]:
    """Meet the other processes of a run.

    Args:
        ranks: This process.
        device: Its device.

    Raises:
        KincapError: They can't be reached (exit 1).
    """
    if ranks.ranks == 1:
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        distributed.init_process_group(
            backend, rank=ranks.rank, world_size=ranks.ranks, timeout=LONGEST_WAIT
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise KincapError(
            f"process {ranks.rank} of {ranks.ranks}: can't reach the others ({reason})", exit_code=1
        ) from None
    try:
        yield
    except RuntimeError as error:
        if not ranks.is_lost(error):
            raise
        raise KincapError(
            f"process {ranks.rank} of {ranks.ranks}: another process of this run has ended",
            exit_code=1,
        ) from None
    finally:
        distributed.destroy_process_group()
