"""A signal while kincap loads or works ends it with one line and 130, however it was started."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to one process there")

SCRIPT = [str(Path(sys.executable).with_name("kincap"))]
MODULE = [sys.executable, "-m", "kincap"]


def _interrupt(command: list[str], folder: Path, number: int, after_s: float) -> tuple[int, str]:
    """Start a command, send it a signal, and return its exit code and stderr."""
    running = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        time.sleep(after_s)
        running.send_signal(number)
        _, said = running.communicate(timeout=60)
    finally:
        running.kill()
    return running.returncode, said


@pytest.mark.parametrize("command", [SCRIPT, MODULE], ids=["kincap", "python -m kincap"])
def test_a_signal_while_kincap_loads_is_one_line(command: list[str], tmp_path: Path) -> None:
    if not Path(command[0]).exists():
        pytest.skip("kincap is not installed as a command here")
    ended = 0
    numbers = (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for turn in range(4):
        code, said = _interrupt(
            [*command, "finetune", "--data", "none.h5"], tmp_path, numbers[turn], 0.2 + 0.45 * turn
        )
        if code == 130:
            ended += 1
            assert said == "kincap: interrupted\n"
        else:
            # too early, before Python ran anything of kincap's, or too late
            assert f"{os.sep}cli{os.sep}" not in said, said
            assert "__main__.py" not in said, said
    assert ended >= 1


def test_a_signal_that_lands_where_python_forgets_it_still_ends_the_command(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys, time, weakref\n"
        "from kincap.cli import main as command_line\n"
        "class Owner: pass\n"
        "def lose(_ref):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "def work(*_args, **_more):\n"
        "    owner = Owner()\n"
        "    ref = weakref.ref(owner, lose)\n"
        "    del owner\n"
        "    time.sleep(2)\n"
        "command_line.make_app = lambda words: work\n"
        "command_line.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "list"], cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 130
    assert done.stderr == "kincap: interrupted\n"


def test_an_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    # as under nohup: the version is printed although the signal comes first
    code = (
        "import os, runpy, signal, sys\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "sys.argv = ['kincap', '--version']\n"
        "from kincap.__main__ import main\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout.startswith("kincap ")
