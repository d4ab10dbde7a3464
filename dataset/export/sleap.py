"""SLEAP: ``SPLIT.slp``, HDF5 that SLEAP and sleap-io read, with the pictures as one video."""

import json
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np

from ...core.hdf5.making import create_file, texts_dataset
from ...core.skeleton import Skeleton, other_side
from .export_format import ExportFormat
from .labels import SplitLabels

ABOUT: Final[str] = "SLEAP labels, .slp"
FORMAT_ID: Final = 1.3
"""Pixel centres at integers (since 1.1), a tracking score for each person (since 1.2)."""
_POINT: Final = np.dtype([("x", "<f8"), ("y", "<f8"), ("visible", "?"), ("complete", "?")])
_PREDICTED: Final = np.dtype([*_POINT.descr, ("score", "<f8")])
_FRAME: Final = np.dtype(
    [("frame_id", "<u8"), ("video", "<u4"), ("frame_idx", "<u8"), ("instance_id_start", "<u8"),
     ("instance_id_end", "<u8")]
)  # fmt: skip
_INSTANCE: Final = np.dtype(
    [("instance_id", "<i8"), ("instance_type", "u1"), ("frame_id", "<u8"), ("skeleton", "<u4"),
     ("track", "<i4"), ("from_predicted", "<i8"), ("score", "<f4"), ("point_id_start", "<u8"),
     ("point_id_end", "<u8"), ("tracking_score", "<f4")]
)  # fmt: skip
_BODY: Final = 1
_SYMMETRY: Final = 2


def write(folder: Path, splits: tuple[SplitLabels, ...]) -> None:
    """Write a file for each split."""
    for one in splits:
        image = BytesIO()
        with create_file(image) as file:
            metadata = file.create_group("metadata")
            metadata.attrs["format_id"] = FORMAT_ID
            metadata.attrs["json"] = np.bytes_(json.dumps(_metadata(one.skeleton)).encode())
            for name, rows in _tables(one).items():
                file[name] = rows
            texts_dataset(file, "videos_json", [json.dumps(_video(one))])
            for name in ("tracks_json", "suggestions_json", "sessions_json"):
                texts_dataset(file, name, [])
        (folder / f"{one.split}.slp").write_bytes(image.getvalue())


def _tables(one: SplitLabels) -> dict[str, np.ndarray[Any, np.dtype[np.void]]]:
    """Return the points, people and frames.

    A keypoint that is occluded keeps its place and is not visible; an unlabelled one is NaN.
    """
    order = np.argsort(one.picture, kind="stable")
    count, keypoints = len(one), len(one.skeleton)
    points = np.zeros(count * keypoints, _POINT)
    visibility = one.visibility[order].reshape(-1)
    xy = np.where(visibility[:, None] > 0, one.points[order].reshape(-1, 2), np.nan)
    points["x"], points["y"] = xy[:, 0], xy[:, 1]
    points["visible"] = visibility == 2
    people = np.zeros(count, _INSTANCE)
    people["instance_id"] = np.arange(count)
    people["frame_id"] = one.picture[order]
    people["track"] = people["from_predicted"] = -1
    people["point_id_start"] = np.arange(count) * keypoints
    people["point_id_end"] = people["point_id_start"] + keypoints
    frames = np.zeros(len(one.pictures), _FRAME)
    frames["frame_id"] = frames["frame_idx"] = np.arange(len(frames))
    ends = np.searchsorted(one.picture[order], np.arange(len(frames) + 1))
    frames["instance_id_start"], frames["instance_id_end"] = ends[:-1], ends[1:]
    return {
        "frames": frames,
        "instances": people,
        "points": points,
        "pred_points": np.zeros(0, _PREDICTED),
    }


def _video(one: SplitLabels) -> dict[str, Any]:
    """Return the video that is made of the pictures."""
    paths = [f"{one.folder}/{name}" for name in one.pictures]
    width, height = one.size_px
    return {
        "filename": paths,
        "backend": {
            "type": "ImageVideo",
            "shape": [len(paths), height, width, 3],
            "filename": paths[0] if paths else "",
            "filenames": paths,
            "height_": height,
            "width_": width,
            "channels_": 3,
            "grayscale": False,
        },
    }


def _metadata(skeleton: Skeleton) -> dict[str, Any]:
    """Return the description with the skeleton, its edges and its pairs of sides."""
    pairs = [(name, other_side(name)) for name in skeleton.points if name < other_side(name)]
    links = [
        {**_link(skeleton, bone, _BODY, number == 0), "edge_insert_idx": number}
        for number, bone in enumerate(skeleton.bones)
    ]
    links += [_link(skeleton, pair, _SYMMETRY, number == 0) for number, pair in enumerate(pairs)]
    return {
        "version": "2.0.0",
        "skeletons": [
            {
                "directed": True,
                "graph": {"name": skeleton.name, "num_edges_inserted": len(skeleton.bones)},
                "links": links,
                "multigraph": True,
                "nodes": [{"id": index} for index in range(len(skeleton))],
            }
        ],
        "nodes": [{"name": name, "weight": 1.0} for name in skeleton.points],
        "videos": [],
        "tracks": [],
        "suggestions": [],
        "negative_anchors": {},
        "provenance": {},
    }


def _link(skeleton: Skeleton, pair: tuple[str, str], kind: int, is_first: bool) -> dict[str, Any]:
    """Return one edge; the first of a kind names it in full, the others refer to it."""
    named = {"py/reduce": [{"py/type": "sleap.skeleton.EdgeType"}, {"py/tuple": [kind]}]}
    return {
        "key": 0,
        "source": skeleton.index[pair[0]],
        "target": skeleton.index[pair[1]],
        "type": named if is_first else {"py/id": kind},
    }


FORMAT: Final = ExportFormat(write)
