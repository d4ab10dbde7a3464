"""The steps of a demo as processes: started, ended with the demo, and their failures explained."""

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ...core.errors import KincapError
from .. import console
from .plan import VIDEO, Step, command_line

EXIT_INTERRUPTED = 130


class DemoSteps:
    """Runs steps as processes, and ends those that run when the demo is asked to end.

    They are in process groups of their own: Ctrl-C reaches the demo alone, which passes it on once,
    as any other signal. So each step saves what it has.

    Args:
        out: The demo's folder.
    """

    def __init__(self, out: Path) -> None:
        self._out = out
        self._running: list[subprocess.Popen[str]] = []
        self._lock = threading.Lock()
        self._is_stopped = False

    def stop(self) -> None:
        """Ask every running step to end; the second time, kill them."""
        is_second, self._is_stopped = self._is_stopped, True
        for process in list(self._running):
            if is_second:
                process.kill()
            elif sys.platform == "win32":  # not tried
                process.send_signal(signal.CTRL_BREAK_EVENT)
            else:
                process.terminate()

    def run(self, step: Step) -> tuple[Step, float, Any]:
        """Run one command inside the demo's folder and return its JSON report.

        Raises:
            KincapError: It failed, died by a signal, or the demo was asked to end.
        """
        start = time.monotonic()
        with self._lock:
            self._refuse_after_stop(step)
            console.say()
            console.say(f"$ {command_line(step)}")
            _clear_unfinished(self._out, step)
            process = self._start(step)
        try:
            said, _ = process.communicate()
        finally:
            self._running.remove(process)
        # a recording that was asked to end closes cleanly, but it is not the whole step
        self._refuse_after_stop(step)
        if process.returncode != 0:
            raise _failed(step, process.returncode)
        return step, time.monotonic() - start, json.loads(said)

    def _start(self, step: Step) -> subprocess.Popen[str]:
        """Start a step's process; a signal that arrives meanwhile reaches it too."""
        group: dict[str, Any] = {"process_group": 0}
        if sys.platform == "win32":  # not tried
            group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
        process = subprocess.Popen(
            [sys.executable, "-m", "kincap", *step.words],
            cwd=self._out,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            **group,
        )
        self._running.append(process)
        if self._is_stopped:
            process.terminate()
        return process

    def _refuse_after_stop(self, step: Step) -> None:
        if self._is_stopped:
            raise KincapError(
                f"interrupted in the step '{step.key}'; run the demo again to go on from there",
                exit_code=EXIT_INTERRUPTED,
            )


def _failed(step: Step, code: int) -> KincapError:
    """Return the error about a step that did not end with 0."""
    again = "run the demo again to go on from there"
    if code >= 0:
        return KincapError(
            f"the step '{step.key}' failed (its message is above); {again}", exit_code=code
        )
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    reason = ", perhaps for want of memory" if name == "SIGKILL" else ""
    return KincapError(f"the step '{step.key}' died by {name}{reason}; {again}", exit_code=1)


def _clear_unfinished(out: Path, step: Step) -> None:
    """Delete a half recorded session or a half written video of an interrupted demo.

    The frames of a session would be there twice, and predict replaces no video.
    """
    if step.words[0] == "predict":
        (out / VIDEO).unlink(missing_ok=True)
    if step.words[0] != "record":
        return
    from ...sessions.repair.rename_delete import delete

    session = step.words[2]
    if (out / "recordings" / session).is_dir():
        delete(out / "recordings", session)
