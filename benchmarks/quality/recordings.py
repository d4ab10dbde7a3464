"""The recordings that the filters are tuned on and reported on, and copies with injected faults.

Some seeds are for tuning, others for the report. ``clean-SEED`` has no fault;
``own-SEED`` has the simulator's own failure modes, which know nothing of the filters.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kincap.core.units import SECOND_100NS
from kincap.sessions.schema import Rows, finish_rows
from kincap.sessions.session_file import load_session
from kincap.sessions.shard.shard_reader import ShardReader
from kincap.sessions.shards import open_shards

from .faults import Track

TUNING: Final = "tuning"
REPORT: Final = "report"
CLEAN_SEEDS: Final = {TUNING: tuple(range(101, 107)), REPORT: tuple(range(201, 207))}
OWN_SEEDS: Final = {TUNING: (111, 112, 113), REPORT: (211, 212, 213)}
CLEAN_FRAMES: Final = 600
OWN_FRAMES: Final = 1350
OWN_FAULTS: Final = (
    "crossed_arms", "side_swap", "feet_noise", "outliers", "lag", "freeze", "frozen_joints",
    "body_lost", "second_person",
)  # fmt: skip
"""A seed that ends in 3 has two people and ``slot_swap`` as well."""


def clean_name(seed: int) -> str:
    """Return the name of a recording without faults."""
    return f"clean-{seed}"


def own_name(seed: int) -> str:
    """Return the name of a recording with the simulator's own faults."""
    return f"own-{seed}"


def record_missing(recordings: Path, groups: tuple[str, ...], seeds: int | None = None) -> None:
    """Record what is not there yet, some minutes of one core for all.

    Args:
        recordings: The folder of all sessions.
        groups: ``TUNING``, ``REPORT`` or both.
        seeds: How many seeds of each kind; None: all.
    """
    for group in groups:
        for seed in CLEAN_SEEDS[group][:seeds]:
            record(recordings, clean_name(seed), f"seed={seed},outfit={seed},frames={CLEAN_FRAMES}")
        for seed in OWN_SEEDS[group][:seeds]:
            persons = 2 if seed % 10 == 3 else 1
            faults = "+".join((*OWN_FAULTS, *(("slot_swap",) if persons == 2 else ())))
            record(
                recordings,
                own_name(seed),
                f"seed={seed},outfit={seed},frames={OWN_FRAMES},persons={persons},faults={faults}",
            )


def record(recordings: Path, name: str, options: str) -> None:
    """Record one simulated session unless it is there."""
    if (recordings / name).is_dir():
        return
    print(f"recording {name}: {options}", file=sys.stderr)
    command = [sys.executable, "-m", "kincap", "record", "--session", name]
    command += ["--recordings", str(recordings), "--source", f"simulator:pace=fast,{options}"]
    subprocess.run([*command, "--json"], check=True, stdout=subprocess.DEVNULL)


class FaultyCopy:
    """A copy of a clean session whose body rows can be written anew, again and again.

    The copy is the same recording to ``build`` but for its manifest's checksums, which only
    ``verify`` compares. One person is in all rows.

    Args:
        session: The clean session; not modified.
        folder: Where the copy goes.
    """

    def __init__(self, session: Path, folder: Path) -> None:
        self.folder = folder
        if folder.exists():
            shutil.rmtree(folder)
        shutil.copytree(session, folder)
        (folder / "quality.json").unlink(missing_ok=True)
        info = load_session(folder)
        self._matrix = np.array((info.device.projection or {})["matrix"], np.float64)
        self._parts: list[tuple[Path, int, Rows]] = []
        for shard in open_shards(folder, info):
            assert shard.reader is not None
            with shard.reader as reader:
                self._parts.append(self._part(reader))
        self._rows = np.concatenate([rows for _, _, rows in self._parts])
        tracked = self._rows["tracked"] != 0
        self._there = np.flatnonzero(tracked.any(axis=1))
        self._slot = tracked[self._there].argmax(axis=1)

    def _part(self, reader: ShardReader) -> tuple[Path, int, Rows]:
        """Return a shard's file, the place of its body rows, and those rows."""
        reader.path.chmod(0o600)
        return reader.path, reader.layout.tables["bodies"].offset, reader.rows("bodies")

    def track(self) -> Track:
        """Return the joints of the person, without any fault."""
        rows = self._rows[self._there]
        at = np.arange(len(rows)), self._slot
        return Track(
            time_s=rows["time_device"] / SECOND_100NS,
            joints=rows["joint_xyz_m"][at].astype(np.float64),
            state=rows["joint_state"][at].copy(),
        )

    def write(self, track: Track) -> None:
        """Write the joints of the person into the copy's shards, pixels and checksums too."""
        rows = self._rows.copy()
        rows["joint_xyz_m"][self._there, self._slot] = track.joints
        rows["joint_color_px"][self._there, self._slot] = self._pixels(track.joints)
        rows["joint_state"][self._there, self._slot] = track.state
        finish_rows(rows)
        first = 0
        for path, offset, part in self._parts:
            with path.open("r+b") as file:
                file.seek(offset)
                file.write(rows[first : first + len(part)].tobytes())
            first += len(part)

    def _pixels(self, joints: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (M, 25, 2) pixels of the stored image of (M, 25, 3) metres."""
        ones = np.ones((*joints.shape[:-1], 1))
        u, v, w = np.moveaxis(np.concatenate([joints, ones], axis=-1) @ self._matrix.T, -1, 0)
        return np.stack([u / w, v / w], axis=-1)
