"""Flip bits of .mat files and read them: a file is refused or read, and the process never dies."""

import io
import json
import random
import struct
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from scipy.io import loadmat

from kincap.dataset.formats.files.mat_structure import MatStructureError, check_structure

from .made_files import save_bbcpose, save_flic, save_mpii

BATCH = 500
"""Flips of one process."""
MADE = {"examples": save_flic, "RELEASE": save_mpii, "bbcpose": save_bbcpose}


def run(runs: int, seed: int, jobs: int) -> dict[str, Any]:
    """Read ``runs`` damaged files, in processes of their own."""
    counts = {"flips": 0, "refused": 0, "read": 0, "odd": 0, "died": 0}
    for batch in range(-(-runs // BATCH)):
        done = subprocess.run(
            [sys.executable, "-m", "tests.dataset.formats.mat_flips", str(seed * 1000 + batch)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            counts["died"] += 1
            continue
        for name, count in json.loads(done.stdout).items():
            counts[name] += count
    return counts


def flip(seed: int) -> dict[str, int]:
    """Read a batch of damaged files in this process."""
    rng = random.Random(seed)
    counts = {"flips": BATCH, "refused": 0, "read": 0, "odd": 0}
    with tempfile.TemporaryDirectory() as folder:
        for name, save in MADE.items():
            save(Path(folder) / name)
        whole = {name: _inflated((Path(folder) / name).read_bytes()) for name in MADE}
    for _ in range(BATCH):
        name = rng.choice(list(MADE))
        raw = bytearray(whole[name])
        for _ in range(rng.choice((1, 1, 2))):
            at = rng.randrange(128, len(raw))
            raw[at] = rng.choice((raw[at] ^ 1 << rng.randrange(8), rng.randrange(256), 0, 255))
        counts[_read(bytes(raw), name)] += 1
    return counts


def _inflated(raw: bytes) -> bytes:
    """Return a file with its variable uncompressed, so that flips reach its structure."""
    kind, size = struct.unpack_from("<II", raw, 128)
    return raw if kind != 15 else raw[:128] + zlib.decompress(raw[136 : 136 + size])


def _read(raw: bytes, name: str) -> str:
    """Return what became of a file."""
    try:
        if name not in check_structure(raw, name):
            return "refused"
    except MatStructureError:
        return "refused"
    try:
        loadmat(io.BytesIO(raw), variable_names=[name], simplify_cells=True)[name]
    except (ValueError, TypeError, KeyError, OSError):
        return "odd"
    return "read"


if __name__ == "__main__":
    print(json.dumps(flip(int(sys.argv[1]))))
