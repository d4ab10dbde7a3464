"""Start the processes of a run on this machine, and end them all when one is lost.

Nothing here imports torch before it is needed: the process that starts the others does no work.
"""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from ...core.errors import KincapError, MissingPartError
from ...core.stop_signals import on_stop_signals

LOOK_EVERY_S: Final = 0.05
NOTICE_S: Final = 5.0
"""Seconds for the others to find out, at their next step, that a process is gone; then they are
asked to end, as by Ctrl-C."""
END_S: Final = 30.0
"""Seconds after which they are killed."""


def processes_asked(gpus: int | None, run: Path | None, device: str | None) -> int:
    """Return how many processes are to be started; 1: this one trains.

    Args:
        gpus: ``--gpus``, or None.
        run: The folder of ``--resume``; without ``--gpus`` it decides.
        device: ``--device``, or None.

    Raises:
        KincapError: The number is not possible, or not that of ``torchrun``.
        MissingPartError: This machine has fewer GPUs.
    """
    if gpus is not None and gpus < 1:
        raise KincapError(f"--gpus: {gpus} is too few; give 1 or more")
    there = os.environ.get("WORLD_SIZE")
    if there is not None:
        if gpus is not None and str(gpus) != there:
            raise KincapError(
                f"--gpus {gpus}: torchrun has started {there} processes; leave --gpus out"
            )
        return 1
    count, kind = gpus or 1, device or "auto"
    if run is not None:
        from ..run.config_file import read_config

        config = read_config(run)
        count, kind = gpus or config.processes, device or config.device
    if count > 1 and kind != "cpu":
        import torch

        found = torch.cuda.device_count()
        if found < count:
            raise MissingPartError(
                f"--gpus {count}: torch finds {found} on this machine; give --gpus "
                f"{max(found, 1)}, or --device cpu for processes of the CPU"
            )
    return count


BAD_INPUT: Final = 2
"""Exit code."""


def launch(count: int, words: Sequence[str]) -> int:
    """Run a command of kincap in several processes and return the exit code.

    The first process prints as the command alone would. Where another one fails by itself, its last
    line is the reason.

    Args:
        count: Number of processes.
        words: The command line after ``kincap``.

    Raises:
        KincapError: A process was killed, or another than the first one failed (exit 1).
    """
    own = dict(
        os.environ, WORLD_SIZE=str(count), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(_free_port())
    )
    own.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    asked = 0
    processes: list[subprocess.Popen[bytes]] = []

    def ask() -> None:
        nonlocal asked
        asked += 1
        for process in processes:
            _ask_to_end(process)

    with ExitStack() as files, on_stop_signals(ask):
        errors = [files.enter_context(tempfile.TemporaryFile()) for _ in range(count)]
        try:
            for rank, error in enumerate(errors):
                processes.append(_start(words, own, rank, error))
            first_lost = _wait(processes)
        finally:
            for process in processes:
                if process.poll() is None:
                    process.kill()
                process.wait()
            lines = [_last_line(error) for error in errors]
    if first_lost is None or asked:
        return processes[0].returncode if processes[0].returncode >= 0 else 1
    code = processes[first_lost].returncode
    if code < 0:
        others = [line for rank, line in enumerate(lines) if rank != first_lost and line]
        raise KincapError(
            f"process {first_lost} of {count} was ended by {signal.Signals(-code).name}"
            + (f" ({others[0]})" if others and first_lost == 0 else ""),
            exit_code=1,
        )
    if code == BAD_INPUT == processes[0].returncode:
        return code  # all processes refuse the same input; the first one has said why
    if first_lost and lines[first_lost]:
        raise KincapError(f"process {first_lost} of {count}: {lines[first_lost]}", exit_code=code)
    return code


def _start(
    words: Sequence[str], own: dict[str, str], rank: int, error: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Start a process; only the first one writes where this one does."""
    quiet = rank > 0
    return subprocess.Popen(
        [sys.executable, "-m", "kincap", *words],
        env={**own, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if quiet else None,
        stderr=error if quiet else None,
        # Ctrl-C reaches them once, through this process
        start_new_session=sys.platform != "win32",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )


def _wait(processes: Sequence["subprocess.Popen[bytes]"]) -> int | None:
    """Wait for the end of all; return which failed first, or None."""
    lost, since, is_asked = None, 0.0, False
    while any(process.poll() is None for process in processes):
        time.sleep(LOOK_EVERY_S)
        if lost is None:
            lost, since = _first_failed(processes), time.monotonic()
            continue
        waited_s = time.monotonic() - since
        if waited_s > NOTICE_S and not is_asked:
            is_asked = True
            for process in processes:
                _ask_to_end(process)
        if waited_s > END_S:
            for process in processes:
                process.kill()
    return _first_failed(processes) if lost is None else lost


def _first_failed(processes: Sequence["subprocess.Popen[bytes]"]) -> int | None:
    failed = [rank for rank, one in enumerate(processes) if one.poll()]
    # of two that are found at once, the one that was killed is the cause
    return min(failed, key=lambda rank: processes[rank].returncode, default=None)


def _ask_to_end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.send_signal(getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM))


def _last_line(file: IO[bytes]) -> str:
    file.seek(0)
    lines = file.read().decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("kincap: ") if lines else ""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
