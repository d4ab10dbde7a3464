"""Run kincap over hostile files and folders, each in a process of its own with limits.

What may come of a command: it refuses in one line, or works on what is whole. What may not: it
hangs, eats memory, ends in a traceback or by a signal, or changes a file outside of the session.
"""

import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .attacks import OUTSIDE, Attack, areas

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT_S = 60.0
MEMORY_LIMIT_MIB = 1024
"""Resident memory of one command; importing torch alone takes 300."""
REFUSED, WORKED = "refused in one line", "worked on the rest"
GOOD = (REFUSED, WORKED)
MOST_LINES = 8
"""A refusal is one line; warnings about other sessions may come before it."""


@dataclass(frozen=True)
class Outcome:
    """What came of one command.

    Attributes:
        attack: The attack's name, its area in front.
        command: The command's words.
        what: One of ``GOOD``, or ``hung``, ``took memory``, ``traceback``, ``died by a signal``,
            ``changed something outside``, ``said nothing``.
        said: The end of what it printed.
        seconds: How long it took.
        memory_mib: Its largest resident memory.
    """

    attack: str
    command: tuple[str, ...]
    what: str
    said: str
    seconds: float
    memory_mib: int

    @property
    def is_good(self) -> bool:
        """Whether it may be so."""
        return self.what in GOOD

    def __str__(self) -> str:
        return f"{self.attack}: kincap {' '.join(self.command)}: {self.what}: {self.said[-400:]!r}"


def run_attack(area: str, attack: Attack, time_limit_s: float = TIME_LIMIT_S) -> list[Outcome]:
    """Lay out one attack, run its commands and judge them.

    Args:
        area: Its area's name.
        attack: What to do.
        time_limit_s: How long a command may take.
    """
    with tempfile.TemporaryDirectory(prefix="kincap-attack-") as place:
        outside, folder = Path(place, OUTSIDE), Path(place, "here")
        outside.mkdir()
        folder.mkdir()
        (outside / "precious").write_text("not kincap's\n")
        (outside / "precious").chmod(0o640)
        try:
            attack.make(folder)
            before = _fingerprint(outside)
            return [
                _judge(
                    f"{area}: {attack.name}",
                    attack.module,
                    folder,
                    outside,
                    before,
                    words,
                    time_limit_s,
                )  # fmt: skip
                for words in attack.commands
            ]
        finally:
            _open_up(Path(place))


def _judge(
    name: str,
    module: str,
    folder: Path,
    outside: Path,
    before: str,
    words: tuple[str, ...],
    limit_s: float,
) -> Outcome:
    """Run one command and say what came of it."""
    printed = folder.parent / "printed"
    began = time.monotonic()
    with printed.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words], cwd=folder, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=file, start_new_session=True,
            env={
                **os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", "PYTHONPATH": str(ROOT),
            },
        )  # fmt: skip
        code, memory_kib, hung = _wait(process, began + limit_s)
    seconds = time.monotonic() - began
    said = printed.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in said.splitlines() if line.strip()]
    what = WORKED
    if _fingerprint(outside) != before:
        what = "changed something outside"
    elif hung:
        what = "hung"
    elif memory_kib > MEMORY_LIMIT_MIB << 10:
        what = "took memory"
    elif "Traceback (most recent call last)" in said:
        what = "traceback"
    elif code < 0:
        what = "died by a signal"
    elif code in (2, 3):
        what = REFUSED if 0 < len(lines) <= MOST_LINES else "said nothing"
    elif code not in (0, 1):
        what = f"exit {code}"
    return Outcome(name, words, what, said, round(seconds, 1), memory_kib >> 10)


def _wait(process: "subprocess.Popen[bytes]", until: float) -> tuple[int, int, bool]:
    """Wait for a process; return its code, its memory in KiB, and whether it had to be ended."""
    hung, memory_kib = False, 0
    while True:
        memory_kib = max(memory_kib, _memory_kib(process.pid))
        pid, status = os.waitpid(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, memory_kib, hung
        if time.monotonic() > until and not hung:
            hung = True
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.02)


def _memory_kib(pid: int) -> int:
    """Return the largest resident memory of a running process until now; 0 if it has ended.

    What the system gives at its end includes the memory of whoever started it.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"^VmHWM:\s+(\d+)", status, re.MULTILINE)
    return int(found[1]) if found else 0


def _fingerprint(folder: Path) -> str:
    """Return a digest of a folder's names, contents, modes and times of change."""
    digest = hashlib.sha256()
    for path in sorted([folder, *folder.rglob("*")]):
        found = path.lstat()
        digest.update(f"{path.name} {found.st_mode} {found.st_size}".encode())
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _open_up(folder: Path) -> None:
    """Give back the modes that an attack took away, or nothing can be deleted."""
    for place, folders, _ in os.walk(folder):
        for name in folders:
            if not os.path.islink(os.path.join(place, name)):
                os.chmod(os.path.join(place, name), 0o700)


def run(
    runs: int, seed: int, jobs: int, *, tell: Callable[..., None] = lambda *_: None
) -> dict[str, Any]:
    """Run all attacks, ``runs`` times, and count what came of them.

    Args:
        runs: How often each is run.
        seed: Not used: nothing is drawn.
        jobs: How many at a time.
        tell: Told how far it is.
    """
    todo = [(area, attack) for area, attacks in areas() for attack in attacks] * runs
    counts: Counter[str] = Counter()
    by_area: dict[str, Counter[str]] = {area: Counter() for area, _ in areas()}
    failures: list[str] = []
    largest, longest = 0, 0.0
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        found = zip(todo, pool.map(lambda one: run_attack(*one), todo), strict=True)
        for done, ((area, _), outcomes) in enumerate(found, start=1):
            by_area[area]["attacks"] += 1
            for outcome in outcomes:
                counts[outcome.what] += 1
                by_area[area][outcome.what] += 1
                largest = max(largest, outcome.memory_mib)
                longest = max(longest, outcome.seconds)
                if not outcome.is_good:
                    failures.append(str(outcome))
            if done % 25 == 0:
                tell(f"{done} of {len(todo)} attacks")
    return {
        "attacks": len(todo),
        "commands": counts.total(),
        "outcomes": dict(sorted(counts.items())),
        "areas": {area: dict(sorted(count.items())) for area, count in by_area.items()},
        "largest_mib": largest,
        "longest_s": longest,
        "failures": failures,
    }
