"""A net as the registry describes it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ...core.skeleton import KEYPOINTS
from ..recipe import Recipe


@dataclass(frozen=True)
class Net:
    """One net: how it is built, which inputs it takes, and how it is trained.

    Attributes:
        build: Makes the module from the factor on its channels, the side of its input in pixels
            and the number of keypoints.
        least_px: Smallest side of its input.
        multiple_px: The side is a multiple of this.
        default_px: Side of its input where none is given; None takes that of the data set.
        recipe: Returns the recipe of a kind of run (``"pretrain"`` or ``"finetune"``) with an
            optimizer (None for the net's own).
        source: The paper that its layers are from.
        paper_keypoints: Number of keypoints in that paper; kincap's for a net of our own.
        paper_px: Side of its input there; None takes ``default_px``.
        finds_people: True for a net that finds everyone in a whole image; else it finds the
            keypoints of the person in a crop.
        takes_pose: True for a net whose second input is the pose of the frame before.
        starts_from: Another net whose weights it can start from: it has all layers of that one.
        trunk: Published weights that fit its trunk, as ``kincap weights`` names them.
    """

    build: Callable[[float, int, int], nn.Module]
    least_px: int
    multiple_px: int
    default_px: int | None
    recipe: Callable[[str, str | None], Recipe]
    source: str = "kincap"
    paper_keypoints: int = KEYPOINTS
    paper_px: int | None = None
    finds_people: bool = False
    takes_pose: bool = False
    starts_from: str | None = None
    trunk: str | None = None
