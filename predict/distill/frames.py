"""The frames of a source of ``--distill``: one file, a pattern, a session, or a folder of files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from ...core.errors import KincapError
from ...dataset.kinect13.reader import open_kinect13
from ...sessions.folders import SESSION_FILE
from ...sessions.session_file import load_session
from ..sources import video
from ..sources.frame_source import PICTURES, SESSION, FrameSource, SourceFrame
from ..sources.open_source import CAMERA_PREFIX, open_source
from ..sources.pictures import find_pictures
from ..sources.sensor_frames import is_sensor

TrainFrames = Mapping[str, frozenset[int]]
"""By uuid of a session: the colour frames that its rows of training show."""
_BLOCK: Final = 1 << 20


def parts_of(text: str) -> list[str]:
    """Return what a source consists of, each as ``open_source`` takes it: a folder's videos apart.

    Raises:
        KincapError: It is a camera, a sensor, or a folder with nothing in it that can be read.
    """
    path = Path(text)
    if text.startswith(CAMERA_PREFIX) or (is_sensor(text) and not path.exists()):
        raise KincapError(
            f"--distill {text}: labels are made once, from files; record it first, or name "
            "pictures, videos or a session"
        )
    if not path.is_dir() or (path / SESSION_FILE).is_file():
        return [text]
    videos = sorted(one for one in path.rglob("*") if one.suffix.lower() in video.SUFFIXES)
    parts = [str(one) for one in videos if one.is_file()]
    if find_pictures(path):
        parts.append(text)
    if not parts:
        raise KincapError(f"--distill {text}: no picture, no video and no session in this folder")
    return parts


def frames_of(source: FrameSource, part: str, train_frames: TrainFrames) -> Iterator[SourceFrame]:
    """Yield the frames that may be learnt from.

    Of a session that a data set of the run was built from, these are the frames of its training
    split: the others judge the net, or are near those that do.

    Args:
        source: The opened part.
        part: As ``parts_of`` gave it.
        train_frames: Of the run's data sets.
    """
    allowed = None
    if source.kind == SESSION:
        allowed = train_frames.get(load_session(Path(part)).uuid)
    with closing(source):
        for frame in source.frames():
            if frame.image.size and (allowed is None or frame.number in allowed):
                yield frame


def is_single(source: FrameSource) -> bool:
    """Return True if the pictures of a source have nothing to do with each other."""
    return source.kind == PICTURES


def read_train_frames(data: Sequence[Path]) -> TrainFrames:
    """Return the frames of training of every session in some data sets.

    A frame that one of them judges by is left out, whatever the others do with it.
    """
    train: dict[str, set[int]] = {}
    judged: dict[str, set[int]] = {}
    for path in data:
        with open_kinect13(path) as dataset:
            uuids = {str(one.get("session")): one.get("uuid") for one in dataset.meta.sources}
            for split in dataset.splits:
                rows = dataset.split(split)
                into = train if split == "train" else judged
                for k, name in enumerate(dataset.meta.sessions):
                    uuid = uuids.get(name)
                    if not uuid:
                        continue
                    seqs = rows.color_seq[rows.session == k]
                    train.setdefault(str(uuid), set())
                    into.setdefault(str(uuid), set()).update(np.unique(seqs).tolist())
    return {uuid: frozenset(seqs - judged.get(uuid, set())) for uuid, seqs in train.items()}


def add_content(digest: "hashlib._Hash", part: str) -> None:
    """Add the names and the bytes of all files of a part to a checksum."""
    path = Path(part)
    if path.is_dir():
        files = sorted(one for one in path.rglob("*") if one.is_file())
    elif path.is_file():
        files = [path]
    else:
        source = open_source(part)
        source.close()
        files = list(getattr(source, "paths", ()))
    for file in files:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
