"""Hostile files and folders, one file an area: each module here has a list ``ATTACKS``.

``python -m tests.nightly attack`` runs them all and counts the outcomes (``tests.crash.attack``).
An
attack puts its files into an empty folder; its commands then run there, one after another. Next to
that folder is ``outside``, with a file that a link may point at: nothing in it may change.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import NamedTuple

OUTSIDE = "outside"
"""Name of the folder beside an attack's own in which nothing may change."""


class Attack(NamedTuple):
    """A hostile file or folder.

    Attributes:
        name: A few words, unique in its area.
        make: Lays the files into an empty folder; ``folder.parent / OUTSIDE`` exists.
        commands: Words after the module, run in the folder; each is judged by itself.
        module: What ``python -m`` runs: kincap, or a program that uses it as a person would.
    """

    name: str
    make: Callable[[Path], object]
    commands: tuple[tuple[str, ...], ...]
    module: str = "kincap"


def areas() -> Iterator[tuple[str, list[Attack]]]:
    """Yield the name and the attacks of each area."""
    for module in sorted(iter_modules(__path__), key=lambda module: module.name):
        if not module.name.startswith("_"):
            yield module.name, import_module(f".{module.name}", __package__).ATTACKS
