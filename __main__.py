"""Run kincap as ``python -m kincap`` or by the command of the same name.

The command line takes a fraction of a second to load. A signal that arrives meanwhile ends the
process at once: nothing has begun, and an exception in the middle of an import has no good end.
"""

import os
import signal
from types import FrameType

EXIT_INTERRUPTED = 130


def end_now(_number: int, _frame: FrameType | None) -> None:
    """Print one line and end the process without any cleaning up."""
    try:
        os.write(2, b"kincap: interrupted\n")
    finally:
        os._exit(EXIT_INTERRUPTED)


def main() -> None:
    """Load the command line and run it."""
    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, end_now)
    from kincap.cli.main import main as run

    try:
        run()
    finally:
        # all is done and printed; Python takes some time to end, and nothing may change its code
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
