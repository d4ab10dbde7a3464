"""Ending a run early: a first signal at the next whole step, a second one at once."""

from collections.abc import Iterator
from contextlib import contextmanager

from ...core.stop_signals import on_stop_signals


class Interrupt:
    """The request to end a run early.

    Weights in the middle of a step are of no use. So a signal is only noted, and ``check`` is
    called where the weights are those of a whole step.

    Attributes:
        is_asked: Someone asked for an end.
        is_urgent: Someone asked twice.
    """

    def __init__(self) -> None:
        self.is_asked = False
        self.is_urgent = False

    def ask(self) -> None:
        """Ask for an end; the second time at once.

        Raises:
            KeyboardInterrupt: The second time.
        """
        if self.is_asked:
            self.is_urgent = True
            raise KeyboardInterrupt
        self.is_asked = True

    def check(self) -> None:
        """End here if an end was asked for.

        Raises:
            KeyboardInterrupt: It was.
        """
        if self.is_asked:
            raise KeyboardInterrupt


@contextmanager
def interrupt_on_signals() -> Iterator[Interrupt]:
    """Let Ctrl-C, SIGTERM, SIGHUP and Ctrl-Break end a run."""
    interrupt = Interrupt()
    with on_stop_signals(interrupt.ask):
        yield interrupt
