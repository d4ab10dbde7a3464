"""Nets of others on real pictures: python -m benchmarks.off_the_shelf --data DIR [--teacher NAME].

DIR is the folder of real recordings (tests take it from KINCAP_TEST_DATA). Rows: the NTU clip,
followed in whole images and in given boxes, as it is and with constant offsets; and the people of
LSP-extended and PARSE that a build holds out, in their whole pictures. ``--seeds 3`` pretrains as
many nets on the other people and adds them: first in the whole picture, then in the boxes of poses.

``--net FILE`` adds checkpoints that were not trained on frames 72 to 102 of the clip,
``--clip-only`` leaves the public sets out, and ``--plot FILE`` draws accuracy against cost on those
frames.

Times are CPU time of one thread, without decoding; medians.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from benchmarks.off_the_shelf.command import CLIP, SETS, kincap
from benchmarks.off_the_shelf.plot import MIRROR, save_plot
from kincap.core.skeleton import KEYPOINTS_13
from kincap.dataset.formats.options import LoadOptions
from kincap.dataset.formats.registry import FORMATS
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.engines.box_from_pose import box_of_pose
from kincap.engines.constant_offsets import fit_offsets
from kincap.engines.crop import cut_crops, to_image
from kincap.engines.engine import PoseEngine
from kincap.engines.teacher import Teacher
from kincap.engines.teacher_process import TeacherProcess
from kincap.predict.deployed_net import torch_engine
from kincap.predict.load_engine import load_pose_engine
from kincap.predict.mirror_average import averaged
from kincap.predict.sources.session_frames import SessionSource
from kincap.train.checkpoint import load_checkpoint
from kincap.train.metrics.pck import score

FIRST_PART, LAST_PART = slice(0, 52), slice(72, 103)
"""Frames of the clip that offsets are fitted on, and that are held out for it."""
LAST = "clip, frames 72 to 102"
BOX_FACTOR = 1.25
PASSES = 3
"""Of a net of kincap in a picture of one person: the whole picture, then boxes of poses."""


@dataclass(frozen=True)
class Row:
    """Figures of one net on one set of pictures; percentages.

    Attributes:
        what: Net, pictures, way of use.
        people: People that are counted.
        pck: By threshold, of all keypoints.
        wrist: PCK@0.2 of the wrists.
        median: Median error, % of the torso.
        cpu_ms: CPU time a person; None: not measured.
    """

    what: str
    people: int
    pck: dict[str, float]
    wrist: float | None
    median: float | None
    cpu_ms: float | None


def row(what, found, labels, known, cpu_ms=None) -> Row:
    """Return the figures of poses (N, 13, 2); NaN counts as wrong."""
    far = np.where(np.isfinite(found), found, 1e9)
    figures = score(far, labels, known, KEYPOINTS_13)
    return Row(
        what, figures.frames, {a: one["all"] for a, one in figures.pck.items()},
        figures.pck["0.2"]["wrist"], figures.median_error_torso, cpu_ms,
    )  # fmt: skip


def clip_frames(data: Path, folder: Path):
    """Return images, labels (N, 13, 2) and trusted (N, 13) of the clip."""
    recordings = folder / "recordings"
    kincap("record", "--session", "clip", "--source", f"ntu:{data / CLIP}", "--recordings",
           recordings, "--no-report")  # fmt: skip
    source = SessionSource(recordings / "clip")
    frames = [one for one in source.frames() if one.sensor]
    source.close()
    labels = np.stack([one.sensor[0].keypoints_px for one in frames])
    trusted = np.stack([one.sensor[0].trusted for one in frames])
    return [one.image for one in frames], labels, trusted


def followed(teacher: Teacher, images) -> tuple[np.ndarray, float]:
    """Return poses in whole images and ms a person."""
    before = teacher.cpu_s
    teacher.begin()
    nothing = np.full((13, 2), np.nan)
    found = [teacher.follow(image) for image in images]
    cpu_ms = 1000 * (teacher.cpu_s - before) / len(images)
    return np.stack([nothing if one is None else one.keypoints_px for one in found]), cpu_ms


def label_boxes(labels: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return square boxes (N, 4) round the labelled keypoints, 1.25 times as large."""
    boxes = []
    for points, there in zip(labels, known, strict=True):
        low, high = points[there].min(axis=0), points[there].max(axis=0)
        half = float((high - low).max()) * BOX_FACTOR / 2
        middle = (low + high) / 2
        boxes.append(np.concatenate([middle - half, middle + half]))
    return np.stack(boxes)


def in_boxes(teacher: Teacher, images, boxes) -> tuple[np.ndarray, float]:
    """Return poses in given boxes and ms a person."""
    before = teacher.cpu_s
    found = [teacher.pose_in_box(*both).keypoints_px for both in zip(images, boxes, strict=True)]
    return np.stack(found), 1000 * (teacher.cpu_s - before) / len(images)


def tracked(engine: PoseEngine, images, first_box) -> tuple[np.ndarray, float]:
    """Return a net's poses and ms a person; the box of an image comes from the pose before."""
    found, box, used = [], first_box, []
    for image in images:
        before = time.process_time()
        crops, placed = cut_crops(image, box[None], engine.size)
        found.append(to_image(engine.poses(crops).coords, placed)[0])
        box = box_of_pose(found[-1])
        used.append(1000 * (time.process_time() - before))
    return np.stack(found), float(np.median(used))


def clip_rows(teacher: Teacher, data: Path, folder: Path, nets: list[Path]) -> Iterator[Row]:
    """Yield the rows of the clip."""
    images, labels, trusted = clip_frames(data, folder)
    has_box = np.isfinite(labels).all(axis=2)
    every = slice(None)
    ways = {
        "whole images, own detector and tracking": followed(teacher, images),
        "box given": in_boxes(teacher, images, label_boxes(labels, has_box)),
    }
    first_box = label_boxes(labels[:1], has_box[:1])[0]
    labels = np.nan_to_num(labels)
    for path in nets:
        engine = load_pose_engine(path, "cpu", "the clip")
        for way, one in (("", engine), (MIRROR, averaged(engine, path))):
            found, cpu_ms = tracked(one, images, first_box)
            for part, name in ((every, "clip"), (LAST_PART, LAST)):
                yield row(f"{path.stem}{way}: {name}", found[part], labels[part], trusted[part],
                          cpu_ms)  # fmt: skip
    for way, (found, cpu_ms) in ways.items():
        offsets = fit_offsets(found[FIRST_PART], labels[FIRST_PART], trusted[FIRST_PART])
        for part, name in ((every, "clip"), (LAST_PART, LAST)):
            yield row(f"{teacher.name}, {way}: {name}", found[part], labels[part], trusted[part],
                      cpu_ms)  # fmt: skip
        moved = offsets.apply(found)
        yield row(f"{teacher.name}, {way}, offsets of frames 0 to 51: {LAST}",
                  moved[LAST_PART], labels[LAST_PART], trusted[LAST_PART], cpu_ms)  # fmt: skip


@dataclass(frozen=True)
class HeldOutPeople:
    """People of public sets that a build put into its validation split.

    Attributes:
        images: (H, W, 3) uint8, RGB.
        labels: (N, 13, 2) pixels.
        known: (N, 13) bool.
    """

    images: list[np.ndarray]
    labels: np.ndarray
    known: np.ndarray


def held_out_people(data: Path, built: Path) -> HeldOutPeople:
    """Return the held-out people with their whole pictures."""
    images, labels, known = [], [], []
    with open_kinect13(built) as dataset:
        sets = {name: FORMATS[name].load(data / name, LoadOptions()) for name in SETS}
        rows = dataset.split("val")
        for n in range(len(rows)):
            people = sets[dataset.meta.sessions[rows.session[n]]]
            person = int(np.flatnonzero(people.person_id == rows.color_seq[n])[0])
            bgr = cv2.imread(str(people.root / people.pictures[people.picture[person]]))
            images.append(np.ascontiguousarray(bgr[..., ::-1]))
            labels.append(np.nan_to_num(people.labels.xy[person]))
            known.append(people.labels.labelled[person])
    return HeldOutPeople(images, np.stack(labels), np.stack(known))


def alone(teacher: Teacher, images) -> tuple[np.ndarray, float]:
    """Return poses in pictures that have nothing to do with each other, and ms a person."""
    before = teacher.cpu_s
    nothing, found = np.full((13, 2), np.nan), []
    for image in images:
        teacher.begin()
        pose = teacher.follow(image)
        found.append(nothing if pose is None else pose.keypoints_px)
    return np.stack(found), 1000 * (teacher.cpu_s - before) / len(images)


def net_poses(engine: PoseEngine, images) -> np.ndarray:
    """Return a net's poses: in the whole picture, then in the box of that pose."""
    found = []
    for image in images:
        height, width = image.shape[:2]
        box = np.array([-0.5, -0.5, width - 0.5, height - 0.5])
        for _ in range(PASSES):
            crops, placed = cut_crops(image, box[None], engine.size)
            pose = to_image(engine.poses(crops).coords, placed)[0]
            box = box_of_pose(pose)
        found.append(pose)
    return np.stack(found)


def public_rows(teacher: Teacher, data: Path, built: Path, nets: list[Path]) -> Iterator[Row]:
    """Yield the rows of the public sets."""
    people = held_out_people(data, built)
    images, labels, known = people.images, people.labels, people.known
    name = f"held-out people of {' + '.join(SETS)}, whole pictures"
    found, cpu_ms = alone(teacher, images)
    yield row(f"{teacher.name}, own detector: {name}", found, labels, known, cpu_ms)
    found, cpu_ms = in_boxes(teacher, images, label_boxes(labels, known))
    yield row(f"{teacher.name}, box given: {name}", found, labels, known, cpu_ms)
    for path in nets:
        engine = torch_engine(load_checkpoint(path), torch.device("cpu"))
        yield row(f"{path.name}: {name}", net_poses(engine, images), labels, known)


def train_nets(built: Path, folder: Path, seeds: int, steps: int) -> list[Path]:
    """Pretrain a net on the training split for each seed."""
    paths = []
    for seed in range(seeds):
        out = folder / f"pretrain-seed{seed}.ckpt"
        kincap("pretrain", "--data", built, "--steps", steps, "--seed", seed, "--out", out,
               "--runs", folder / "runs")  # fmt: skip
        paths.append(out)
    return paths


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of real recordings")
    parser.add_argument("--teacher", default="blazepose")
    parser.add_argument("--seeds", type=int, default=0, help="nets to pretrain on the public sets")
    parser.add_argument("--steps", type=int, default=1500, help="batches of each")
    parser.add_argument("--net", type=Path, action="append", default=[], help="a checkpoint")
    parser.add_argument("--clip-only", action="store_true", help="without the public sets")
    parser.add_argument("--plot", type=Path, help="draw accuracy against cost, a PNG")
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as name, TeacherProcess(asked.teacher) as teacher:
        folder = Path(name)
        built = folder / "public.h5"
        nets = list(asked.net)
        if not asked.clip_only:
            added = [word for one in SETS for word in ("--add", f"{one}:{asked.data / one}")]
            kincap("build", *added, "--val", "0.25", "--margin", "1.5", "--out", built)
            nets += train_nets(built, folder, asked.seeds, asked.steps)
        parts = [clip_rows(teacher, asked.data, folder, nets)]
        if not asked.clip_only:
            parts.append(public_rows(teacher, asked.data, built, nets))
        for part in parts:
            for one in part:
                rows.append(one)
                print(line_of(one), flush=True)
    if asked.plot is not None:
        save_plot(asked.plot, rows, LAST, asked.teacher)
    if asked.out is not None:
        asked.out.write_text(json.dumps([asdict(one) for one in rows], indent=1) + "\n")


def line_of(one: Row) -> str:
    """Return a row as a line of text."""
    figures = "  ".join(f"@{a} {value:5.1f}" for a, value in one.pck.items())
    cpu = "" if one.cpu_ms is None else f"  {one.cpu_ms:.1f} ms"
    rest = f"wrist@0.2 {one.wrist:5.1f}  median {one.median:.1f} %{cpu}"
    return f"{one.what}\n    n {one.people}  {figures}  {rest}"


if __name__ == "__main__":
    main()
