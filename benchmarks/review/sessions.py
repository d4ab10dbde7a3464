"""Sessions for ``benchmarks.review``, in the first format: an earlier page reads them too."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kincap.capture.record import RecordSettings, record
from kincap.core.jpeg import decode_jpeg, encode_jpeg
from kincap.sessions.reader import SessionReader

ROOT: Final = Path(__file__).parents[2]
EARLIER: Final = "d294724"
"""The commit whose page is measured beside this one."""
IMAGES: Final = 240
LONG: Final = "long"
FULL: Final = "full"
SIZES: Final = {LONG: (480, 270), FULL: (1920, 1080)}
FULL_FRAMES: Final = 1200
PERSON_SHARE: Final = 0.8


def earlier_kincap(folder: Path) -> Path:
    """Return a folder to put into PYTHONPATH that holds the earlier kincap."""
    place = folder / "earlier"
    if not (place / "kincap").is_dir():
        packed = subprocess.run(
            ["git", "archive", EARLIER], cwd=ROOT, check=True, capture_output=True
        ).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(place / "kincap", filter="data")
    return place


def make_sessions(folder: Path, frames: int) -> Path:
    """Return a folder of two sessions: many small frames, and fewer at full size."""
    recordings = folder / "recordings"
    source = folder / "source"
    if not (source / "base").is_dir():
        text = f"simulator:outfit=3,seed=1,frames={IMAGES},pace=fast"
        record(RecordSettings("base", source, text, report=False))
    environment = {**os.environ, "PYTHONPATH": str(earlier_kincap(folder))}
    for name, count in ((LONG, frames), (FULL, FULL_FRAMES)):
        if (recordings / name).is_dir():
            continue
        jpegs = folder / f"jpegs-{name}"
        _write_images(source / "base", jpegs, SIZES[name])
        recordings.mkdir(exist_ok=True)
        script = str(ROOT / "benchmarks" / "earlier_kincap.py")
        side = str(round(PERSON_SHARE * SIZES[name][1]))
        subprocess.run(
            [
                sys.executable,
                script,
                "record",
                str(recordings / name),
                str(jpegs),
                str(count),
                side,
            ],
            env=environment,
            cwd=folder,
            check=True,
        )
    return recordings


def _write_images(base: Path, folder: Path, size_px: tuple[int, int]) -> None:
    folder.mkdir(exist_ok=True)
    with SessionReader(base) as reader:
        for place, seq in enumerate(reader.color["seq"].tolist()):
            image = decode_jpeg(reader.color_blob(seq), rgb=False)
            small = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA)
            (folder / f"{place:05d}.jpg").write_bytes(encode_jpeg(np.asarray(small, np.uint8)))
