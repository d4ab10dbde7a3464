"""The use case that all nets learn: one person in one room, three outfits; the first one again."""

import subprocess
import sys
from pathlib import Path
from typing import Final

FRAMES: Final = 250
FPS: Final = 5
CROP_PX: Final = 128
FRAME_PX: Final = 184
SESSIONS: Final = {
    "train1": "outfit=1,seed=31", "train2": "outfit=2,seed=32", "train3": "outfit=3,seed=33",
    "val1": "outfit=2,seed=41", "test1": "outfit=1,seed=51",
}  # fmt: skip
"""The test is another take of the first outfit."""


def use_case(folder: Path) -> tuple[Path, Path]:
    """Return the data sets of crops and of whole frames, from the same recordings.

    Args:
        folder: Where recordings and data sets are; what is there is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, scene in SESSIONS.items():
        if not (folder / "recordings" / name).exists():
            frames = FRAMES if name.startswith("train") else FRAMES // 2
            source = f"simulator:{scene},subject=3,room=2,fps={FPS},frames={frames},pace=fast"
            _kincap(folder, "record", "--session", name, "--source", source)
    asked = ("--val", "val*", "--test", "test*")
    crops, frames_file = folder / "crops.h5", folder / "frames.h5"
    if not crops.exists():
        _kincap(
            folder, "build", "--out", crops.name, "--size", str(CROP_PX), "--margin", "1.5", *asked
        )
    if not frames_file.exists():
        _kincap(
            folder, "build", "--out", frames_file.name, "--layout", "full", "--size",
            str(FRAME_PX), *asked,
        )  # fmt: skip
    return crops, frames_file


def _kincap(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "kincap", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()[-400:]}")
