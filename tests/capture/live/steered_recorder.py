"""A recorder that is paused, resumed and retaken on and on, over a device that is held open.

``python -m tests.capture.live.steered_recorder --recordings DIR --session NAME [--frames N]``

It writes marks of what it does beside its acknowledgements, so that a kill can be aimed at them.
"""

import argparse
import os
import struct
import threading
from pathlib import Path

from kincap.capture.live.control import RecordingControl
from kincap.capture.live.sensor_hold import HeldSensor
from kincap.capture.record import RecordSettings

from ...crash.device import ALL_STREAMS, FPS_VARIABLE, FastDevice

PRE_ROLL_S = 0.3
_MARKS = {"pause": 11, "retake": 13, "pre-roll": 15}


def _mark(name: str, *, begins: bool) -> None:
    """Say that something begins or ends; see ``recorder.PHASES``."""
    os.write(int(os.environ["KINCAP_ACK_FD"]), struct.pack("<BQ", 255, _MARKS[name] + (not begins)))


def _steer(control: RecordingControl, over: threading.Event) -> None:
    """Pause, resume and retake until the recording is over."""
    while not over.wait(0.1):
        _mark("pause", begins=True)
        control.pause()
        over.wait(0.1)
        control.resume()
        _mark("pause", begins=False)
        over.wait(0.1)
        _mark("retake", begins=True)
        control.retake()
        over.wait(0.1)
        _mark("retake", begins=False)


def main() -> None:
    """Record one session."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--session", required=True)
    parser.add_argument("--shard-mib", type=int, default=8)
    parser.add_argument("--frames", type=int)
    asked = parser.parse_args()
    fps = float(os.environ[FPS_VARIABLE])
    settings = RecordSettings(
        asked.session, asked.recordings, frames=asked.frames, shard_mib=asked.shard_mib
    )
    control, over = RecordingControl(), threading.Event()
    with HeldSensor(lambda: FastDevice(ALL_STREAMS, fps=fps), pre_roll_s=PRE_ROLL_S) as held:
        _mark("pre-roll", begins=True)
        over.wait(2 * PRE_ROLL_S)
        threading.Thread(target=_steer, args=(control, over), daemon=True).start()
        threading.Timer(0.2, _mark, ("pre-roll",), {"begins": False}).start()
        held.record(settings, control=control)
        over.set()


if __name__ == "__main__":
    main()
