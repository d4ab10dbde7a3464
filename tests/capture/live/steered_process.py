"""Record from a held simulator until a signal: ``python -m ...steered_process FOLDER STATE``.

STATE is "recording" or "paused"; it is printed once the recording is in it.
"""

import sys
from pathlib import Path

from kincap.capture.live.control import RecordingControl
from kincap.capture.live.sensor_hold import HeldSensor
from kincap.capture.live.status import LiveStatus
from kincap.capture.record import RecordSettings

FRAMES_FIRST = 5


def main() -> int:
    """Record, and return the exit code of ``kincap record``."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2]
    control, told = RecordingControl(), []

    def look(status: LiveStatus) -> None:
        if status.color_frames < FRAMES_FIRST:
            return
        if wanted == "paused":
            control.pause()
        if status.state == wanted and not told:
            told.append(status)
            print(wanted, flush=True)

    settings = RecordSettings("s", folder, shard_mib=8, report=False)
    with HeldSensor("simulator") as held:
        try:
            held.record(settings, control=control, on_status=look)
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
