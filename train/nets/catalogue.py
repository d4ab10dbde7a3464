"""Every net with its size and cost, as kincap builds it and as its paper does."""

from dataclasses import asdict, dataclass
from typing import Any

import torch

from ...core.skeleton import KEYPOINTS
from .cost import NetCost, measure_cost
from .registry import NETS, build_net
from .transfer import Transfer

SCHEMA = "kincap/nets/1"

DATA_SET_PX = 224
"""Side of the pictures of a data set, where a net takes them as they are."""


@dataclass(frozen=True)
class NetForm:
    """A net for one set of keypoints and one input.

    Attributes:
        keypoints: Number of keypoints.
        size: Side of its square input, pixels.
        cost: Weights, parameters and multiply-accumulates.
        joint_maps: Number m of joint maps, with the background, of a net of several people; else
            None.
        limbs: Number n of its limbs, or None.
    """

    keypoints: int
    size: int
    cost: NetCost
    joint_maps: int | None = None
    limbs: int | None = None


@dataclass(frozen=True)
class CatalogueEntry:
    """One net of the catalogue.

    Attributes:
        name: The name that ``--model`` takes.
        about: A few words.
        source: The paper that its layers are from.
        ours: Its form with kincap's keypoints.
        paper: Its form with the keypoints and the input of its paper.
    """

    name: str
    about: str
    source: str
    ours: NetForm
    paper: NetForm

    def to_json(self) -> dict[str, Any]:
        """Return the entry as ``kincap nets --json`` prints it."""
        return asdict(self)


def list_nets() -> list[CatalogueEntry]:
    """Return all nets that ``--model`` accepts, by name; nothing is allocated."""
    return [_entry(name) for name in NETS]


def _entry(name: str) -> CatalogueEntry:
    about, net = NETS[name].about, NETS[name].load()
    size = net.default_px or DATA_SET_PX
    return CatalogueEntry(
        name, about, net.source,
        ours=_form(name, KEYPOINTS, size),
        paper=_form(name, net.paper_keypoints, net.paper_px or size),
    )  # fmt: skip


def _form(name: str, keypoints: int, size: int) -> NetForm:
    with torch.device("meta"):
        net = build_net(name, 1.0, size, keypoints)
    cost = measure_cost(net, size, size)
    if isinstance(net, Transfer):
        return NetForm(keypoints, size, cost, net.settings.joint_maps, net.settings.limbs)
    return NetForm(keypoints, size, cost)
