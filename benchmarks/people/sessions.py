"""Simulated sessions of two people, one of whom walks past the other again and again."""

import subprocess
import sys
from pathlib import Path
from typing import Final

HEIGHT_PX: Final = 184
FPS: Final = 5
PASS_S: Final = 3
REST_S: Final = 1
PASSES: Final = 4
"""Crossings of a session."""
TRAINING_SESSIONS: Final = 24
TEST_SESSIONS: Final = 10
FILTERS: Final = "overlap = 1.0\nyaw_max_deg = 90\nmax_untrusted = 9\n"
"""People who overlap, those who walk by and so are turned, and those of whom the sensor sees four
keypoints or more are what this is about."""


def crossings_file(folder: Path) -> Path:
    """Return a data set of whole frames: train, val, and test with 40 crossings; made if missing.

    Args:
        folder: Where recordings and data set are; what is there is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / "crossings.h5"
    if out.exists():
        return out
    names = {f"train{n}": n for n in range(TRAINING_SESSIONS)}
    names["val0"] = 50
    names |= {f"test{n}": 100 + n for n in range(TEST_SESSIONS)}
    for name, seed in names.items():
        if not (folder / "recordings" / name).exists():
            _record(folder, name, seed)
    filters = folder / "filters.toml"
    filters.write_text(FILTERS, encoding="utf-8")
    _kincap(
        folder, "build", "--layout", "full", "--size", str(HEIGHT_PX), "--out", out.name,
        "--val", "val*", "--test", "test*", "--filters", filters.name,
    )  # fmt: skip
    return out


def _record(folder: Path, name: str, seed: int) -> None:
    """Record one session: room, outfits, people and motion follow from the seed."""
    every = PASS_S + REST_S
    acts = "+".join(f"pass@{n * every + 0.5}-{n * every + 0.5 + PASS_S}" for n in range(PASSES))
    source = (
        f"simulator:persons=2,seed={seed},subject={seed},outfit={100 + 10 * seed},room={seed % 4},"
        f"fps={FPS},frames={PASSES * every * FPS},pace=fast,acts={acts}"
    )
    _kincap(folder, "record", "--session", name, "--source", source)


def _kincap(folder: Path, *words: str) -> None:
    command = [sys.executable, "-m", "kincap", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.strip()[-400:]}")
