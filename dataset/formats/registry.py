"""The public sets that can be added, by name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import (
    aic,
    bbcpose,
    coco,
    crowdpose,
    flic,
    generic,
    jhmdb,
    lsp,
    lspet,
    mpii,
    ochuman,
    parse,
    posetrack18,
)
from .options import LoadOptions
from .people import People


@dataclass(frozen=True)
class Format:
    """One set.

    Attributes:
        about: Its name for people.
        load: Reads it from a folder or a file.
        options: The options of its reader, beside ``sides``.
        backs: Whether it has people seen from behind, with their own sides.
        paper_boxes: Boxes for a person that Linna et al. cut from it, from their Table 1.
    """

    about: str
    load: Callable[[Path, LoadOptions], People]
    options: tuple[str, ...] = ()
    backs: bool = True
    paper_boxes: float | None = None


FORMATS: Final = {
    "aic": Format("AI Challenger keypoints", aic.load),
    "bbcpose": Format("BBC Pose", bbcpose.load, backs=False, paper_boxes=1.69),
    "coco": Format("COCO keypoints", coco.load, ("head",)),
    "crowdpose": Format("CrowdPose", crowdpose.load),
    "flic": Format("FLIC", flic.load, backs=False, paper_boxes=1.48),
    "jhmdb": Format("JHMDB", jhmdb.load, backs=False),
    "lsp": Format("Leeds Sports Pose", lsp.load, paper_boxes=1.37),
    "lspet": Format("Leeds Sports Pose, extended training set", lspet.load),
    "mpii": Format("MPII Human Pose", mpii.load, paper_boxes=1.28),
    "ochuman": Format("OCHuman", ochuman.load, ("head",)),
    "parse": Format("PARSE (Ramanan's people)", parse.load, ("backs",)),
    "people": Format("CSV or JSON in kincap's own form", generic.load, backs=False),
    "posetrack18": Format("PoseTrack18", posetrack18.load),
}
