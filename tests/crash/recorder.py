"""Runs the real ``kincap record`` in a process of its own, listens to it, and kills it on time."""

import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .device import FPS_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
PHASE_STREAM = 255
PHASES = {1: "rotate", 3: "seal", 5: "repack", 7: "recover", 9: "save"}
STEERED = {11: "pause", 13: "retake", 15: "pre-roll"}
"""Marks of ``tests.capture.live.steered_recorder`` beside those of the recorder itself."""
_NAMES = {**PHASES, **STEERED}
MAY_TAKE_S = 120


@dataclass
class Aim:
    """When to kill.

    Attributes:
        after_items: After so many acknowledged items; None: not by items.
        step: In the step of this name; None: not in a step.
        nth: In the how many-th such step.
        wait_s: How long after that, s; without items and step after the process was started.
    """

    after_items: int | None = None
    step: str | None = None
    nth: int = 1
    wait_s: float = 0.0

    def __str__(self) -> str:
        if self.step is not None:
            return f"in {self.step} {self.nth} + {self.wait_s:.3f} s"
        if self.after_items is not None:
            return f"after {self.after_items} items + {self.wait_s:.3f} s"
        return f"after {self.wait_s:.3f} s"


@dataclass
class Heard:
    """What a recorder said until it ended.

    Attributes:
        items: Stream and seq of the items that it acknowledged, in order.
        inside: Steps that had begun and not ended.
        killed: Whether it was killed, and had not ended by itself before.
        code: Its exit code.
        stderr: What it told the person.
    """

    items: list[tuple[int, int]] = field(default_factory=list)
    inside: set[str] = field(default_factory=set)
    killed: bool = False
    code: int = 0
    stderr: str = ""


def command(source: str, fps: float | None) -> list[str]:
    """Return the words that call ``kincap record`` with a source; ``fps``: the fast device's."""
    module = "kincap" if fps is None else "tests.crash.device"
    return [sys.executable, "-m", module, "record", "--source", source]


def run_recorder(
    words: Sequence[object],
    *,
    aim: Aim | None = None,
    faults: str = "",
    fps: float | None = None,
    cwd: Path = ROOT,
) -> Heard:
    """Run a recorder to its end, or until it is killed.

    Args:
        words: Its command line.
        aim: When to kill it; None: never.
        faults: Its KINCAP_FAULTS.
        fps: Pictures a second of the fast device.
        cwd: Where it runs.
    """
    reading, writing = os.pipe()
    environment = {**os.environ, "KINCAP_ACK_FD": str(writing), "KINCAP_FAULTS": faults}
    environment[FPS_VARIABLE] = str(fps or "")
    process = subprocess.Popen(
        list(map(str, words)), cwd=cwd, env=environment, pass_fds=(writing,),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    by_clock = aim is not None and aim.step is None and aim.after_items is None
    watchdog = threading.Timer(aim.wait_s if by_clock and aim else MAY_TAKE_S, process.kill)
    watchdog.start()
    try:
        heard = _listen(reading, process.kill, None if by_clock else aim)
        heard.stderr = process.communicate()[1]
    finally:
        watchdog.cancel()
        process.kill()
    heard.code = process.returncode
    # TerminateProcess leaves 1, SIGKILL minus its number
    heard.killed = heard.code == (1 if sys.platform == "win32" else -9)
    return heard


def _listen(reading: int, kill: Callable[[], None], aim: Aim | None) -> Heard:
    """Read what a recorder says until it is gone; kill it at the aim."""
    heard, met = Heard(), 0
    with open(reading, "rb", buffering=0) as pipe:
        while record := pipe.read(9):
            stream, seq = struct.unpack("<BQ", record)
            if stream != PHASE_STREAM:
                heard.items.append((stream, seq))
            elif seq % 2:
                heard.inside.add(_NAMES[seq])
                met += aim is not None and _NAMES[seq] == aim.step
            else:
                heard.inside.discard(_NAMES[seq - 1])
            if aim is None:
                continue
            due = met == aim.nth if aim.step else len(heard.items) == aim.after_items
            if due:
                # the recorder goes on meanwhile: the kill falls anywhere into what follows
                time.sleep(aim.wait_s)
                kill()
                aim = None
    return heard
