"""Recording through the daemon against an earlier `kincap record`: python -m benchmarks.daemon.

The earlier kincap, which had no daemon, is taken out of this repository's history. Both record one
frame of the same simulator, each with its report, by turns: the earlier one opens the source
itself, the present one finds a daemon that holds it. Measured are the time of the whole command,
and the time to the first stored colour frame: from the start of the earlier command, and from the
request's arrival at the daemon. Prints one JSON object; exit 1 where a goal was missed. Where the
machine has other work, ``noisy`` says so, and only the ratios are judged.
"""

import argparse
import compileall
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.build import unpack_earlier
from kincap.capture.daemon.connection import DaemonConnection
from kincap.capture.daemon.discovery import find_daemon
from kincap.core.files.acknowledgements import ENVIRONMENT, RECORD
from kincap.sessions.schema import Stream

COMMIT = "5f63c2f"
SOURCE = "simulator"
GOAL_WHOLE = 1 / 3
GOAL_FIRST_S = 0.1
GOAL_FIRST = 1 / 10
QUIET_LOAD = 0.5
"""Processes that want to run, for each core, on a quiet machine."""
WAIT_S = 60.0


@dataclass
class Run:
    """One command.

    Attributes:
        wall_s: From its start to its end.
        cpu_s: Its processor time.
        first_s: From its start to its first stored colour frame; None: not seen.
    """

    wall_s: float
    cpu_s: float
    first_s: float | None = None


def run(args: list[str], cwd: Path, env: dict[str, str], acknowledges: bool) -> Run:
    """Run a command of kincap; see when it stores its first colour frame."""
    reading, writing = os.pipe()
    if acknowledges:
        env = {**env, ENVIRONMENT: str(writing)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "kincap", *args], cwd=cwd, env=env, pass_fds=(writing,),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    os.close(writing)
    first = None
    with open(reading, "rb", buffering=0) as pipe:
        while record := pipe.read(RECORD.size):
            if first is None and RECORD.unpack(record)[0] == Stream.color:
                first = time.perf_counter() - began
    said = process.communicate()[1]
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"kincap {' '.join(args)}:\n{said.decode()}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, first)


def wait_until(is_so: Callable[[], Any]) -> None:
    """Wait until a function returns something true."""
    until = time.monotonic() + WAIT_S
    while not is_so():
        if time.monotonic() > until:
            raise SystemExit("the daemon did not begin")
        time.sleep(0.05)


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Record by turns; return all figures."""
    earlier = unpack_earlier(folder / "earlier", COMMIT)
    # as the present one is
    compileall.compile_dir(earlier, quiet=2)
    usual = {**os.environ, "OMP_NUM_THREADS": "1"}
    usual.pop("PYTHONPATH", None)
    old_env = {**usual, "PYTHONPATH": str(earlier)}
    work = folder / "work"
    work.mkdir()
    daemon = subprocess.Popen(
        [sys.executable, "-m", "kincap", "daemon", "--source", SOURCE, "--port", "0"],
        cwd=work, env=usual, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    runs: dict[str, list[Run]] = {"alone": [], "client": []}
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    first: list[float] = []
    try:
        wait_until(lambda: daemon.poll() is not None or find_daemon())
        found = find_daemon()
        if found is None:
            raise SystemExit("the daemon ended at once")
        for turn in range(rounds + 1):
            one = ["--frames", "1", "--session"]
            alone = ["record", "--source", SOURCE, *one, f"alone{turn}"]
            runs["alone"].append(run(alone, work, old_env, acknowledges=True))
            runs["client"].append(run(["record", *one, f"by{turn}"], work, usual, False))
            last = DaemonConnection(found).get("/api/status")["last"]
            first.append(float(last["first_stored_s"]))
    finally:
        daemon.terminate()
        daemon.wait(20)
    # the first round fills the caches
    alone, client, first = runs["alone"][1:], runs["client"][1:], first[1:]
    first_alone = median(one.first_s or 0.0 for one in alone)
    return {
        "rounds": rounds,
        "load_per_core": round(load, 2),
        "noisy": load > QUIET_LOAD,
        "whole_command_s": {
            "alone": round(median(one.wall_s for one in alone), 3),
            "client": round(median(one.wall_s for one in client), 3),
        },
        "cpu_s": {
            "alone": round(median(one.cpu_s for one in alone), 3),
            "client": round(median(one.cpu_s for one in client), 3),
        },
        "whole_command_ratio": round(
            median(new.wall_s / old.wall_s for old, new in zip(alone, client, strict=True)), 3
        ),
        "first_stored_s": {
            "alone": round(first_alone, 3),
            "request": round(median(first), 4),
            "request_best": round(min(first), 4),
            "request_worst": round(max(first), 4),
        },
        "first_stored_ratio": round(median(first) / first_alone, 4),
        "goals": {
            "whole_command_ratio": round(GOAL_WHOLE, 3),
            "request_s": GOAL_FIRST_S,
            "first_stored_ratio": GOAL_FIRST,
        },
    }


def main() -> int:
    """Measure, print, and compare with the goals."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=7, help="pairs of commands")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kincap-") as name:
        folder = Path(name)
        for variable in ("XDG_RUNTIME_DIR", "XDG_STATE_HOME"):
            (folder / variable).mkdir(mode=0o700)
            os.environ[variable] = str(folder / variable)
        found = measure(folder, args.rounds)
    print(json.dumps(found, indent=1))
    missed = (
        found["whole_command_ratio"] > GOAL_WHOLE
        or (not found["noisy"] and found["first_stored_s"]["request"] > GOAL_FIRST_S)
        or found["first_stored_ratio"] > GOAL_FIRST
    )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
