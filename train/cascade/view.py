"""The crops that the later stages of a cascade cut their squares from."""

from collections.abc import Sequence
from typing import NamedTuple

from ..data import Samples, load_samples
from ..mixing.pool import OpenSet, pooled
from ..settings import TrainSettings
from .settings import CascadeSettings


class View(NamedTuple):
    """Crops that the later stages of a cascade cut squares from.

    Attributes:
        size: Their side, pixels.
        train: The training split.
        val: The validation split.
    """

    size: int
    train: Samples
    val: Samples


def load_view(
    sets: Sequence[OpenSet],
    settings: TrainSettings,
    cascade: CascadeSettings | None,
    homogeneous: bool,
) -> View | None:
    """Read crops as they are stored, or as the first net takes them where that is finer.

    Args:
        sets: The data sets of the run; the later stages learn from all of them alike, but not from
            those that are rehearsed.
        settings: Of the first stage.
        cascade: Of the later stages; None: there are none.
        homogeneous: Learn only from samples with all keypoints.
    """
    if cascade is None:
        return None
    own = [one for one in sets if one.choice.share is None]
    size = max(settings.size, *(one.dataset.size for one in own))
    found: dict[str, list[Samples]] = {"train": [], "val": []}
    for _, dataset, away in own:
        for name, splits in found.items():
            if name in dataset.splits:
                samples: Samples | None = load_samples(dataset, name, size, away)
                if homogeneous and name == "train" and samples is not None:
                    samples = samples.with_all_keypoints()
                if samples is not None:
                    splits.append(samples)
    return View(size, pooled(found["train"]), pooled(found["val"]))
