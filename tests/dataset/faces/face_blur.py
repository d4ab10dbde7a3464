"""Many simulated frames, and how many true faces ``--blur-faces`` covers: a nightly programme."""

import tempfile
from pathlib import Path
from typing import Any

from kincap.capture.record import RecordSettings, record
from kincap.dataset.build import BuildSettings, build

from .face_truth import Coverage, measure

SCENES = {
    "gestures": "fps=4",
    "wild": "scene=wild,hold=5,fps=10",
    "two people": "persons=2,fps=6",
    "all faults": "faults=all,fps=5",
    "three times the noise": "noise=3,fps=5",
}
SHARE = 0.99
SHARE_WITH_FAULTS = 0.95
"""While joints are frozen, late or elsewhere, so is the disk."""


def run(runs: int, seed: int = 0, jobs: int = 1) -> dict[str, Any]:
    """Measure the coverage in every scene.

    Args:
        runs: Frames of each of two sessions of a scene.
        seed: Of the simulator.
        jobs: Processes of the build.

    Returns:
        By scene the rows with a tracked head, those covered, the others, and the area blurred.
    """
    scenes, failures = {}, []
    for number, (scene, options) in enumerate(SCENES.items()):
        with tempfile.TemporaryDirectory() as folder:
            found = of_scene(Path(folder), options, runs, seed + 10 * number, jobs)
        scenes[scene] = vars(found)
        share = SHARE_WITH_FAULTS if "faults" in options else SHARE
        if found.covered < share * found.heads or not found.heads:
            failures.append(f"{scene}: {found.covered} of {found.heads} faces covered")
    return {"scenes": scenes, "failures": failures}


def of_scene(folder: Path, options: str, frames: int, seed: int, jobs: int) -> Coverage:
    """Record two sessions of a scene, build a data set of them, and measure it."""
    recordings, data = folder / "recordings", folder / "set.h5"
    for k in (1, 2):
        person = "" if "wild" in options else f",outfit={k},subject={k}"
        source = f"simulator:pace=fast,frames={frames},{options}{person},room={k},seed={seed + k}"
        record(RecordSettings(f"s{k}", recordings, source, report=False))
    build(
        BuildSettings(
            out=data, recordings=recordings, size=64, bodies="all", workers=jobs, decoding="fast"
        )
    )
    return measure(data, recordings)
