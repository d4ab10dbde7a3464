"""Commands of kincap as processes that begin with the libraries of training loaded.

PyTorch takes two seconds to load, more than most small commands then work. One process loads it
once and forks for each command; the child has its own arguments, folder, environment and streams,
and ends as any process does. Tests of how kincap starts use ``python -m kincap``.
"""

import atexit
import gc
import json
import os
import random
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parents[1]
READ_AT_START = ("OMP_", "OPENBLAS_", "HDF5_", "KINCAP_", "LANG", "LC_", "LD_", "MPL", "PYTHON")
"""Begins of the names of variables that a library may have read when it was loaded."""
STARTS_WITHIN_S = 120


def run_kincap(
    *words: object, cwd: Path, timeout: float = 240, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run ``kincap WORDS`` in a process of its own and return what it said.

    Args:
        words: The command line.
        cwd: Its working folder.
        timeout: Seconds after which it is killed.
        env: Further variables of its environment. A process of Python is started if they are such
            as a library may read when it is loaded.

    Raises:
        TimeoutExpired: It took longer.
    """
    env = {**os.environ, "OMP_NUM_THREADS": "1", **env}
    if hasattr(os, "fork") and _at_start(env) == _at_start(_loaded().env):
        return _loaded().run([str(word) for word in words], cwd, env, timeout)
    return subprocess.run(
        [sys.executable, "-m", "kincap", *map(str, words)], cwd=cwd, capture_output=True,
        text=True, timeout=timeout, env=env, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def _at_start(env: dict[str, str]) -> dict[str, str]:
    """Return the variables that libraries read when they are loaded."""
    return {name: value for name, value in env.items() if name.startswith(READ_AT_START)}


@cache
def _loaded() -> "_LoadedProcess":
    """Return the process that forks for this one; it ends with it."""
    process = _LoadedProcess()
    atexit.register(process.close)
    return process


class _LoadedProcess:
    """The process that forks."""

    def __init__(self) -> None:
        self.env = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm_start"], cwd=ROOT, env=self.env, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1,
        )  # fmt: skip
        self._said = selectors.DefaultSelector()
        assert self._process.stdout is not None
        self._said.register(self._process.stdout, selectors.EVENT_READ)
        assert self._answer(STARTS_WITHIN_S) == "ready"

    def run(
        self, words: list[str], cwd: Path, env: dict[str, str], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run one command."""
        with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
            streams = [f"/proc/{os.getpid()}/fd/{file.fileno()}" for file in (out, err)]
            asked = {"words": words, "cwd": str(cwd), "env": env, "streams": streams}
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(asked) + "\n")
            pid = self._answer(STARTS_WITHIN_S)
            try:
                code = self._answer(timeout)
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._answer(STARTS_WITHIN_S)
                raise subprocess.TimeoutExpired(["kincap", *words], timeout) from None
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(["kincap", *words], code, *said)

    def _answer(self, timeout: float) -> Any:
        """Return its next line."""
        if not self._said.select(timeout):
            raise TimeoutError
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._said.close()
        self._process.communicate()


def _serve() -> None:
    """Load the libraries, then fork for each line of stdin, until that ends."""
    for module in ("kincap.predict.predict", "kincap.train.finetune"):
        import_module(module)
    from kincap.cli.main import main

    assert len(os.listdir("/proc/self/task")) == 1, "a process of several threads is not forked"
    asked, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w", buffering=1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    gc.collect()
    gc.freeze()  # or each child's first collection would copy all pages
    answers.write('"ready"\n')
    while line := asked.readline():
        pid = os.fork()
        if pid == 0:
            asked.close()
            answers.close()
            _become(**json.loads(line))
            _end(main)
        answers.write(f"{pid}\n")
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}\n")


def _become(words: list[str], cwd: str, env: dict[str, str], streams: list[str]) -> None:
    """Take the arguments, folder, environment and streams of a command."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, path in enumerate(streams, start=1):
        file = os.open(path, os.O_WRONLY)
        os.dup2(file, number)
        os.close(file)
    random.seed()
    sys.argv = [str(ROOT / "__main__.py"), *words]
    sys.modules["__main__"].__package__ = "kincap"


def _end(main: Callable[[], None]) -> NoReturn:
    """Run a command and end as Python does, but for taking every module apart: 0.6 s of PyTorch."""
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
