"""kincap: turn a Kinect v2 into a labelling machine for human pose.

The names in ``__all__`` are public; everything else is private by convention. Importing kincap
loads nothing heavy: each name is loaded when it is first used. See docs/python.md.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api.dataset import Dataset, DatasetRow, open_dataset
    from .api.net import TrainedNet, load_net
    from .api.session import Session, open_session
    from .api.session_records import SessionFrame
    from .core.errors import KincapError

__version__ = "0.1.0"

__all__ = [
    "Dataset",
    "DatasetRow",
    "KincapError",
    "Session",
    "SessionFrame",
    "TrainedNet",
    "__version__",
    "load_net",
    "open_dataset",
    "open_session",
]

_PLACES = {
    "Dataset": "api.dataset",
    "DatasetRow": "api.dataset",
    "KincapError": "core.errors",
    "Session": "api.session",
    "SessionFrame": "api.session_records",
    "TrainedNet": "api.net",
    "load_net": "api.net",
    "open_dataset": "api.dataset",
    "open_session": "api.session",
}
"""Modules of the public names."""


def __getattr__(name: str) -> object:
    """Load a public name when it is first used."""
    if name not in _PLACES:
        raise AttributeError(f"module 'kincap' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
