"""Keys on a real terminal: each acts at once, and the terminal is as before, whatever happens."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from kincap.capture.operator.terminal.keys import actions_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pty is needed")

if sys.platform != "win32":
    from ..pty_terminal import PYTHON, on_terminal

PROGRAM = """
import sys, time
from kincap.capture.operator.terminal.keys import keys_pressed
got = []
with keys_pressed(lambda action: (got.append(action), print("got", action, flush=True))) as on:
    print("ready", on, flush=True)
    for _ in range({turns}):
        if "stop" in got:
            break
        time.sleep(0.02)
    {last}
print("ended", flush=True)
"""


def program(last: str = "pass", turns: int = 1500) -> list[str]:
    """Return a command that reads keys until q, then does something."""
    return [*PYTHON, PROGRAM.format(last=last, turns=turns)]


def test_keys_are_told_from_the_codes_of_other_keys() -> None:
    assert actions_of(" mrq") == ["pause", "mark", "retake", "stop"]
    assert actions_of("MQx\r") == ["mark", "stop"]
    assert actions_of("\x1b[A") == []
    assert actions_of("m\x1bOq\x1b[1;5Cr\x1bm") == ["mark", "retake"]
    assert actions_of("") == []


def test_each_key_acts_at_once_and_is_not_shown(tmp_path: Path) -> None:
    with on_terminal(program(), tmp_path) as terminal:
        terminal.wait_for("ready True")
        assert terminal.state() != terminal.usual
        for key, action in ((" ", "pause"), ("m", "mark"), ("R", "retake")):
            terminal.type(key)
            terminal.wait_for(f"got {action}")
        terminal.type("\x1b[A\x1b[Bq")
        terminal.type("q")
        assert terminal.end() == 0
        assert terminal.is_restored()
        assert "mR" not in terminal.output.replace("\r\n", "")


@pytest.mark.parametrize("last", ["raise ValueError", "sys.exit(3)"])
def test_the_terminal_is_restored_after_an_error(last: str, tmp_path: Path) -> None:
    with on_terminal(program(last), tmp_path) as terminal:
        terminal.wait_for("ready True")
        terminal.type("q")
        assert terminal.end() != 0
        assert terminal.is_restored()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1])
def test_the_terminal_is_restored_after_a_signal(number: int, tmp_path: Path) -> None:
    with on_terminal(program(), tmp_path) as terminal:
        terminal.wait_for("ready True")
        terminal.process.send_signal(number)
        assert terminal.end() in (-number, 130)
        assert terminal.is_restored()


def test_ctrl_c_and_ctrl_backslash_act_as_before(tmp_path: Path) -> None:
    for typed, number in (("\x03", signal.SIGINT), ("\x1c", signal.SIGQUIT)):
        with on_terminal(program(), tmp_path) as terminal:
            terminal.wait_for("ready True")
            terminal.type(typed)
            assert terminal.end() == -number
            assert terminal.is_restored()


def test_a_stopped_process_gives_the_terminal_back_and_takes_it_again(tmp_path: Path) -> None:
    # a job of its own under a parent of the same session, as a shell has it: no orphan is stopped
    parent = "import os, signal, subprocess\nsignal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
    parent += f"job = subprocess.Popen({program()!r}, process_group=0, stdout=1)\n"
    parent += "os.tcsetpgrp(0, job.pid)\njob.wait()\n"
    with on_terminal([*PYTHON, parent], tmp_path) as terminal:
        terminal.wait_for("ready True")
        child = int(
            subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(terminal.process.pid)],
                capture_output=True, text=True, check=True,
            ).stdout
        )  # fmt: skip
        os.kill(child, signal.SIGTSTP)
        terminal.wait_for(lambda t: t.state() == t.usual)
        # a process that is told to go on before it has stopped would stop for good
        terminal.wait_for(lambda _: psutil.Process(child).status() == psutil.STATUS_STOPPED)
        terminal.type("m\r")
        os.kill(child, signal.SIGCONT)
        terminal.wait_for(lambda t: t.state() != t.usual)
        terminal.type("rq")
        terminal.wait_for("got retake")
        assert terminal.end() == 0
        assert terminal.is_restored()


def test_without_a_terminal_no_keys_are_read(tmp_path: Path) -> None:
    done = subprocess.run(
        program(turns=2), cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False, timeout=60,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert done.stdout.startswith("ready False")
    assert done.returncode == 0


def test_a_process_in_the_background_leaves_the_terminal_alone(tmp_path: Path) -> None:
    shell = "import subprocess, sys, time, os\n"
    shell += f"other = subprocess.Popen({program()!r}, process_group=0)\n"
    shell += "time.sleep(1.2)\nprint('line', input(), flush=True)\nother.kill()\n"
    with on_terminal([*PYTHON, shell], tmp_path) as terminal:
        terminal.wait_for("ready False")
        time.sleep(0.3)
        assert terminal.state() == terminal.usual
        terminal.type("mq\r")
        terminal.wait_for("line mq")
        assert terminal.end() == 0
