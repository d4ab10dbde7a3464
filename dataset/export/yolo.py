"""YOLO pose: ``labels/SPLIT/NAME.txt`` and ``data.yaml``, as Ultralytics reads them."""

from pathlib import Path
from typing import Final

import numpy as np

from ...core.oks_sigmas import oks_sigmas
from .export_format import ExportFormat
from .labels import SplitLabels

ABOUT: Final[str] = "YOLO pose: a text file for each picture, and data.yaml"
DECIMALS: Final = 6


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write a file for each picture, and the description of the set."""
    for one in splits:
        inside = folder / "labels" / one.split
        inside.mkdir(parents=True)
        lines: dict[int, list[str]] = {}
        for picture, line in zip(one.picture.tolist(), _lines(one), strict=True):
            lines.setdefault(picture, []).append(line)
        for index, name in enumerate(one.pictures):
            # a picture without people has an empty file
            text = "".join(f"{line}\n" for line in lines.get(index, ()))
            (inside / name).with_suffix(".txt").write_text(text, encoding="ascii")
    (folder / "data.yaml").write_text(_description(splits), encoding="utf-8")


def _lines(one: SplitLabels) -> list[str]:
    """Return the line of each person: class, box, and x, y, v of each keypoint.

    All are shares of the picture, from its edges, cut to 0 to 1: a picture with a number above
    1.01 is dropped by the reader.
    """
    size = np.asarray(one.size_px, np.float64)
    box = (one.boxes() + 0.5) / np.tile(size, 2)
    cxcywh = np.concatenate([(box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]], axis=1)
    # of a person whose keypoints may be wrong the box alone
    visibilities = np.where(one.rejected[:, None], 0, one.visibility)
    labelled = visibilities > 0
    shares = np.where(labelled[..., None], ((one.points + 0.5) / size).clip(0, 1), 0)
    lines = []
    for head, points, visibility in zip(
        cxcywh.tolist(), shares.tolist(), visibilities.tolist(), strict=True
    ):
        numbers = [f"{value:.{DECIMALS}f}" for value in head]
        for (x, y), v in zip(points, visibility, strict=True):
            numbers += [f"{x:.{DECIMALS}f}", f"{y:.{DECIMALS}f}", str(v)]
        lines.append(" ".join(["0", *numbers]))
    return lines


def _description(splits: tuple[SplitLabels, ...]) -> str:
    """Return ``data.yaml``; without ``path``, the reader takes the folder that it is in."""
    skeleton = splits[0].skeleton
    # sleap-io 0.9.5 looks for the labels where "/images" stands: a slash comes before it
    lines = [f"{one.split}: ./{one.folder}" for one in splits]
    lines += [
        f"kpt_shape: [{len(skeleton)}, 3]",
        f"flip_idx: {skeleton.flip.tolist()}",
        f"kpt_oks_sigmas: {oks_sigmas(skeleton).tolist()}",
        "names:",
        "  0: person",
        "kpt_names:",
        f"  0: [{', '.join(skeleton.points)}]",
    ]
    return "\n".join(lines) + "\n"


FORMAT: Final = ExportFormat(write)
