"""The nets by name. A new net is one file in this folder with ``ABOUT`` and ``NETS``.

Nothing here imports torch before a net is asked for: help texts are made from this registry.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from ...core.errors import KincapError

if TYPE_CHECKING:
    from torch import nn

    from .net import Net

LARGEST_PX: Final = 1024


@dataclass(frozen=True)
class NetEntry:
    """One entry of the registry.

    Attributes:
        name: The net's name.
        about: A few words for help texts and docs.
        file: Name of the file in this folder.
    """

    name: str
    about: str
    file: str

    def load(self) -> "Net":
        """Import the net's file and return the net."""
        module = import_module(f".{self.file}", __package__)
        return cast("Net", module.NETS[self.name])


def find_nets(folder: Path) -> dict[str, NetEntry]:
    """Return the nets of a folder's files by name, without importing a file (and with it torch).

    Args:
        folder: Its files with nets have a literal ``ABOUT``: from a net's name to a few words.
    """
    found: dict[str, NetEntry] = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "ABOUT":
                about: Mapping[str, str] = ast.literal_eval(cast(ast.expr, node.value))
                found |= {name: NetEntry(name, words, path.stem) for name, words in about.items()}
    return found


NETS: Final = find_nets(Path(__file__).parent)
"""The nets that ``--model`` accepts."""

PAPER: Final = ("linna", "linna-s")
"""The nets that ``--recipe paper`` is about; the first is its default."""


def default_net(device_type: str) -> str:
    """Return the net that is trained where none is given.

    Args:
        device_type: Where it is trained, as torch names it: ``"cpu"``, ``"cuda"`` ...
    """
    return "compact" if device_type == "cpu" else "linna"


def load_net(model: str) -> "Net":
    """Return a net by its name.

    Raises:
        KincapError: No net has this name.
    """
    if model not in NETS:
        raise KincapError(f"--model: there is no {model!r}; choose one of {', '.join(NETS)}")
    return NETS[model].load()


def finds_people(model: str) -> bool:
    """Return True for a net that finds everyone in a whole image; False: it takes crops."""
    return load_net(model).finds_people


def takes_pose(model: str) -> bool:
    """Return True for a net whose second input is the pose of the frame before."""
    return load_net(model).takes_pose


def whole_images(weights: Path, what: str) -> str:
    """Return the message where a net of whole images is given to what needs one of crops."""
    return (
        f"{weights}: this net finds everyone in whole images, {what} needs a net of crops; "
        "use kincap evaluate, kincap predict or kincap export"
    )


def check_net(model: str, width: float, size: int) -> None:
    """Refuse a net that can't be built, before anything is allocated.

    Args:
        model: A name in ``NETS``.
        width: Factor on every number of channels and hidden units.
        size: Side of the square input, pixels.

    Raises:
        KincapError: One of the three is wrong; names it and what is possible.
    """
    net = load_net(model)
    if not (math.isfinite(width) and 0.01 <= width <= 8):
        raise KincapError(f"--width: {width} is outside 0.01 to 8")
    if not net.least_px <= size <= LARGEST_PX or size % net.multiple_px:
        multiple = f", a multiple of {net.multiple_px}" if net.multiple_px > 1 else ""
        raise KincapError(
            f"--size: {model} takes {net.least_px} to {LARGEST_PX} pixels{multiple}; found {size}"
        )


def build_net(model: str, width: float, size: int, keypoints: int | None = None) -> "nn.Module":
    """Make a net with fresh weights from torch's random state.

    Args:
        model: A name in ``NETS``.
        width: Factor on every number of channels and hidden units.
        size: Side of the square input, pixels.
        keypoints: Number of keypoints; None: those of the 13-keypoint set.

    Returns:
        A module that takes (B, 3, size, size) float32 pixels, ``(v - 127) / 128``, RGB, and returns
        a ``NetOutput``.

    Raises:
        KincapError: See ``check_net``.
    """
    from ...core.skeleton import KEYPOINTS  # with numpy, which help texts don't wait for

    check_net(model, width, size)
    return load_net(model).build(width, size, KEYPOINTS if keypoints is None else keypoints)


def count_weights(model: str, width: float, size: int, keypoints: int | None = None) -> int:
    """Return how many weights a net has, without allocating them."""
    import torch

    with torch.device("meta"):
        net = build_net(model, width, size, keypoints)
    return sum(p.numel() for p in net.parameters())
