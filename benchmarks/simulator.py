"""Measure the simulator's frames a second, before encoding: python -m benchmarks.simulator.

Draws 1080p frames with one and with six people as fast as it can: on one core, on two (where there
are several people, two are drawn side by side), and in two processes at once, one sensor in each.
Printed are frames a second by the clock on the wall and processor time a frame; the latter says
something on a busy machine too. Goal: 60 frames a second with one person on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any, Final

import cv2

from kincap.capture.simulator.sensor import open_simulator
from kincap.capture.sources.sensor import ColorFrame

GOAL_FPS: Final = 60.0
_WARM_UP: Final = 10


def measure(persons: int, frames: int, cores: int) -> dict[str, float]:
    """Draw frames in this process.

    Args:
        persons: How many people are in them.
        frames: How many count.
        cores: On how many cores it may run, where the system lets that be chosen.

    Returns:
        fps, and cpu_ms for each frame.
    """
    cv2.setNumThreads(1)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    options = {"pace": "fast", "persons": str(persons), "frames": str(frames + _WARM_UP)}
    items = open_simulator(options).items()
    drawn, wall_s, cpu_s = 0, 0.0, 0.0
    for item in items:
        if isinstance(item, ColorFrame):
            drawn += 1
            if drawn == _WARM_UP:
                wall_s, cpu_s = time.perf_counter(), time.process_time()
            if item.release is not None:
                item.release()
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    return {"fps": frames / wall_s, "cpu_ms": 1e3 * cpu_s / frames}


def in_processes(persons: int, frames: int, processes: int, cores: int) -> dict[str, float]:
    """Draw frames in processes of their own at once; return the sum of fps, the mean of cpu_ms."""
    command = [sys.executable, "-m", "benchmarks.simulator", "--inner", str(cores)]
    command += ["--persons", str(persons), "--frames", str(frames)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    found = [json.loads(process.communicate()[0]) for process in running]
    return {
        "fps": sum(one["fps"] for one in found),
        "cpu_ms": sum(one["cpu_ms"] for one in found) / processes,
    }


def main() -> int:
    """Measure every case, one after another; print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=300, help="frames of each case")
    parser.add_argument("--persons", type=int, help="one number of people only (default: 1 and 6)")
    parser.add_argument("--json", action="store_true", help="one object on stdout")
    parser.add_argument("--inner", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inner is not None:
        print(json.dumps(measure(args.persons, args.frames, args.inner)))
        return 0
    cases: dict[str, Any] = {}
    for persons in (1, 6) if args.persons is None else (args.persons,):
        people = "1 person" if persons == 1 else f"{persons} people"
        for name, processes, cores in (
            ("one core", 1, 1),
            ("two cores", 1, 2),
            ("two processes", 2, 2),
        ):
            found = in_processes(persons, args.frames, processes, cores)
            cases[f"{people}, {name}"] = found
            if not args.json:
                print(
                    f"{people}, {name}: {found['fps']:.0f} frames/s, "
                    f"{found['cpu_ms']:.1f} ms of processor time a frame"
                )
    best = max((one["fps"] for name, one in cases.items() if name.startswith("1 ")), default=None)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    if args.json:
        report = {"schema": "kincap/benchmark-simulator/1", "cases": cases, "load": load}
        print(json.dumps({**report, "goal_fps": GOAL_FPS, "best_fps": best}))
    elif best is not None:
        reached = "reached" if best >= GOAL_FPS else "not reached"
        print(f"goal with one person, {GOAL_FPS:.0f} frames/s on two cores: {reached}; load {load}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
