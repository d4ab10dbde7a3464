"""``kincap export``: the labels and pictures of kinect13.h5 as a folder for another tool."""

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.errors import DatasetError
from ...core.files.small_files import MIB, read_small
from ...core.jpeg import encode_jpeg
from ...core.png import encode_png
from ...core.progress import OnProgress
from ...sessions.consent import SessionConsent, consent_to_sources
from ..faces.blur import FaceBlur
from ..kinect13.format import FULL, LAYOUTS
from ..kinect13.reader import SPLITS, Kinect13, open_kinect13
from .csv import LABELS_CSV, write
from .frame_labels import read_frame_labels
from .labels import SplitLabels, read_labels
from .output_folder import OutputFolder
from .registry import load_format

PICTURES: Final = ("jpg", "png", "none")
JPEG_QUALITY: Final = 95
_MOST_BESIDE: Final = 256 * MIB
_AT_ONCE: Final = 40 * MIB
"""Bytes of pictures that are read at a time."""


@dataclass(frozen=True)
class ExportSettings:
    """Settings of one export.

    Attributes:
        data: The data set, kinect13.h5.
        format: A name in ``EXPORT_FORMATS``.
        out: The folder to make.
        splits: Which splits; empty: all that the data set has.
        pictures: ``jpg`` (quality 95), ``png`` (the same pixels) or ``none``.
        blur_faces: Blur the faces in the pictures.
    """

    data: Path
    format: str
    out: Path
    splits: tuple[str, ...] = ()
    pictures: str = "jpg"
    blur_faces: bool = False


@dataclass(frozen=True)
class ExportResult:
    """Counts of what was written.

    Attributes:
        out: The folder.
        format: The format's name.
        splits: Pictures and people of each split.
        keypoints: How many are unlabelled, occluded and visible.
    """

    out: Path
    format: str
    splits: dict[str, dict[str, int]]
    keypoints: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "schema": "kincap/export/1",
            "out": str(self.out),
            "format": self.format,
            "splits": self.splits,
            "keypoints": self.keypoints,
        }


def export(
    settings: ExportSettings, on_progress: OnProgress = lambda done, total, note: None
) -> ExportResult:
    """Write labels and pictures of a data set into a new folder, or nothing at all.

    Args:
        settings: What to export.
        on_progress: Called with pictures done, all pictures, and the split.

    Raises:
        DatasetError: The data set can't be read, has no such split, or the folder exists and was
            not made by an export (exit 2); a picture can't be read (exit 1).
        MissingPartError: The format needs a package that is not installed (exit 3).
    """
    found = load_format(settings.format)
    if settings.pictures not in PICTURES:
        raise DatasetError(
            f"--pictures: {settings.pictures!r}, expected one of {', '.join(PICTURES)}"
        )
    target = OutputFolder(settings.out)
    target.check()
    with open_kinect13(settings.data, layouts=LAYOUTS) as data:
        faces = FaceBlur(data) if settings.blur_faces else None
        ending = ".jpg" if settings.pictures == "none" else f".{settings.pictures}"
        read = read_frame_labels if data.layout == FULL else read_labels
        splits = tuple(
            read(data, name, found.pictures.format(split=name), ending)
            for name in _chosen(data, settings)
        )
        result = ExportResult(
            settings.out,
            settings.format,
            {one.split: {"pictures": len(one.pictures), "people": len(one)} for one in splits},
            _visibility_counts(splits),
        )
        with target.made() as folder:
            found.write(folder, splits)
            if not (folder / LABELS_CSV).exists():
                write(folder, splits)
            if settings.pictures != "none":
                _write_pictures(folder, data, splits, faces, on_progress)
            about: dict[str, Any] = {"out": settings.out.name, "sources": _sources(data)}
            about["blurred_faces"] = settings.blur_faces
            target.sign(folder, {**result.to_json(), **about})
    return result


def consent_to_export(path: Path) -> list[SessionConsent]:
    """Return what the people in a data set's pictures agreed to, as far as their sessions are here.

    Args:
        path: The data set; the file beside it says where its sessions were.

    Raises:
        DatasetError: The data set can't be read.
    """
    beside: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        beside = json.loads(read_small(path.with_name(path.name + ".json"), _MOST_BESIDE))
    recordings = path.parent / str(beside.get("recordings") or "recordings")
    with open_kinect13(path, layouts=LAYOUTS) as data:
        return consent_to_sources(data.meta.sources, recordings)


def _chosen(data: Kinect13, settings: ExportSettings) -> tuple[str, ...]:
    """Return the splits to export, in the order of the data set."""
    for name in settings.splits:
        if name not in data.splits:
            raise DatasetError(
                f"--split {name}: {data.path} has {', '.join(data.splits)}; choose one of these"
            )
    chosen = tuple(name for name in data.splits if name in (settings.splits or SPLITS))
    if not any(len(data.split(name)) for name in chosen):
        raise DatasetError(f"{data.path}: no rows in {', '.join(chosen)}; build it again")
    return chosen


def _sources(data: Kinect13) -> list[dict[str, str]]:
    """Return name and uuid of the data set's sessions: whose pictures are in the folder."""
    return [
        {"session": str(one["session"]), "uuid": str(one["uuid"])}
        for one in data.meta.sources
        if one.get("uuid")
    ]


def _visibility_counts(splits: Iterable[SplitLabels]) -> dict[str, int]:
    """Count the keypoints by visibility."""
    counts = sum(np.bincount(one.visibility.reshape(-1), minlength=3) for one in splits)
    return dict(
        zip(("unlabelled", "occluded", "visible"), np.asarray(counts).tolist(), strict=True)
    )


def _write_pictures(
    folder: Path,
    data: Kinect13,
    splits: Iterable[SplitLabels],
    faces: FaceBlur | None,
    on_progress: OnProgress,
) -> None:
    """Write the pictures of all splits."""
    splits = tuple(splits)
    total, done = sum(len(one.pictures) for one in splits), 0
    for one in splits:
        inside = folder.joinpath(*one.folder.split("/"))
        inside.mkdir(parents=True, exist_ok=True)
        rows = data.split(one.split)
        batch = max(1, _AT_ONCE // (3 * one.size_px[0] * one.size_px[1]))
        for begin in range(0, len(one.pictures), batch):
            names = one.pictures[begin : begin + batch]
            indices = np.arange(begin, begin + len(names))
            images = rows.images(indices)
            if faces is not None:
                images = faces.blurred(rows, indices, images)
            for name, image in zip(names, images, strict=True):
                bgr = np.ascontiguousarray(image[..., ::-1])
                is_png = name.endswith(".png")
                blob = encode_png(bgr) if is_png else encode_jpeg(bgr, JPEG_QUALITY)
                (inside / name).write_bytes(blob)
            done += len(names)
            on_progress(done, total, one.split)
