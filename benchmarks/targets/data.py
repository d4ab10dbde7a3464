"""The data of the targets: public sets, simulated scenes, and the places of real videos."""

from pathlib import Path
from typing import Final

from benchmarks.off_the_shelf.command import CLIP, SETS, kincap

PUBLIC, WILD, MORE, CLIP_DATA = "public.h5", "wild.h5", "more.h5", "clip.h5"
VIDEOS: Final = ("videos_asl", "videos_misc")
"""Folders of videos without labels; the clip is in neither."""
SIZE: Final = 128
_MORE: Final = (
    "coco:coco/by", "coco:coco/restricted", "aic:mmpose_samples/aic", "mpii:mmpose_samples/mpii",
    "crowdpose:mmpose_samples/crowdpose", "jhmdb:mmpose_samples/jhmdb",
    "ochuman:mmpose_samples/ochuman", "posetrack18:mmpose_samples/posetrack18",
)  # fmt: skip
_MORE_LEAST: Final = 6
"""Labelled keypoints below which a person of these sets is left out."""
_SCENES: Final = {"wild1": 811, "wild2": 812, "wild3": 813, "wild4": 814}
"""Seeds of the simulated takes."""


def build_public(data: Path, folder: Path) -> Path:
    """Return the people of LSP-extended and PARSE; a quarter of the complete ones is held out."""
    built = folder / PUBLIC
    if not built.exists():
        added = [word for one in SETS for word in ("--add", f"{one}:{data / one}")]
        kincap("build", *added, "--val", "0.25", "--margin", "1.5", "--size", SIZE, "--out", built)
    return built


def build_more(data: Path, folder: Path) -> Path:
    """Return the people of the samples of all other sets."""
    built = folder / MORE
    if not built.exists():
        added = []
        for one in _MORE:
            name, _, path = one.partition(":")
            added += ["--add", f"{name},least={_MORE_LEAST},sides=unchecked:{data / path}"]
        kincap("build", *added, "--val", "0.2", "--margin", "1.5", "--size", SIZE, "--out", built)
    return built


def build_wild(folder: Path, frames: int) -> Path:
    """Return simulated people in many places."""
    built = folder / WILD
    if not built.exists():
        recordings = folder / "wild"
        for name, seed in _SCENES.items():
            scene = f"simulator:scene=wild,seed={seed},frames={frames},fps=3,pace=fast"
            if not (recordings / name).exists():
                kincap("record", "--session", name, "--source", scene, "--recordings", recordings,
                       "--no-report")  # fmt: skip
        kincap("build", "--recordings", recordings, "--val", "0.05", "--margin", "1.5", "--size",
               SIZE, "--out", built)  # fmt: skip
    return built


def build_clip(data: Path, folder: Path) -> Path:
    """Return the Kinect clip, whose first frames are for training and last ones held out."""
    built = folder / CLIP_DATA
    if not built.exists():
        recordings = folder / "recordings"
        if not (recordings / "clip").exists():
            kincap("record", "--session", "clip", "--source", f"ntu:{data / CLIP}",
                   "--recordings", recordings, "--no-report")  # fmt: skip
        kincap("build", "--recordings", recordings, "--val", "0.2", "--test",
               "0.3", "--guard", "0.2", "--margin", "1.5", "--out", built)  # fmt: skip
    return built
