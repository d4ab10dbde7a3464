"""The protocol of what is drawn on a terminal and has to be left when the process stops or ends."""

from typing import Protocol


class Screen(Protocol):
    """Something drawn on a terminal; both methods may be called twice, from a signal handler."""

    def enter(self) -> None:
        """Draw it again."""

    def leave(self) -> None:
        """Leave the terminal as it was: cursor shown, usual screen."""


class NoScreen:
    """Nothing is drawn."""

    def enter(self) -> None:
        """Do nothing."""

    def leave(self) -> None:
        """Do nothing."""
