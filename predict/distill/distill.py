"""Label frames that no one labelled by a net of others, as a data set to learn from.

The file holds a training split alone, so no frame of it ever judges a net. It is made once for the
same frames, teacher and data, and found again by its name.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import numpy.typing as npt
import tomli_w

from ...core.errors import KincapError
from ...core.geometry import image_to_crop, snapped_xyxy
from ...core.progress import OnProgress
from ...core.skeleton import KEYPOINTS_13
from ...dataset.boxes import person_boxes
from ...dataset.crop import cut_crop
from ...dataset.given_labels import GIVEN_BITS
from ...dataset.kinect13.format import ImageShape
from ...dataset.kinect13.reader import Meta, open_kinect13, write_kinect13
from ...dataset.rows import with_margin
from ...engines.constant_offsets import ConstantOffsets
from ...engines.engine import Images
from ...engines.teacher_process import TeacherProcess
from ...sessions.session_file import load_session
from ...train.evaluation.off_the_shelf import fit_on_training
from ...train.evaluation.teacher_poses import poses_in_label_boxes
from ...train.run.config_file import data_sha256
from ..sources.open_source import open_source
from .frames import TrainFrames, add_content, frames_of, is_single, parts_of, read_train_frames
from .taught_pose import TaughtPose, taught_pose

DEFAULT_TEACHER: Final = "blazepose"
MARGIN: Final = 1.5
_VERSION: Final = 1
"""Of the way in which labels are made; a change makes them anew."""
WIDER: Final = 1.3
"""A frame gives a second row where the whole pose needs a box so much larger than the labels do."""
_BITS: Final = {"keypoint_quality": {"filled": GIVEN_BITS["filled"]}, "quality": {}}


@dataclass(frozen=True)
class DistillSettings:
    """Frames to label, and the teacher.

    Attributes:
        source: A picture, a folder of pictures or videos, a pattern, a video, or a session.
        data: The data sets of the run: offsets are fitted on their sensor labels, crops have the
            size of the first one's, and what they judge by is not learnt from.
        folder: Folder for the file.
        teacher: As ``--teacher`` takes it.
    """

    source: str
    data: tuple[Path, ...]
    folder: Path
    teacher: str = DEFAULT_TEACHER


@dataclass(frozen=True)
class Distilled:
    """A data set of a teacher's labels.

    Attributes:
        path: The file.
        rows: Crops in it; a frame with a person who is cut off gives two.
        frames: Frames that were looked at.
        offsets: Keypoints with a fitted offset.
        is_new: False: an earlier run had made it.
    """

    path: Path
    rows: int
    frames: int
    offsets: int
    is_new: bool

    def text(self, settings: DistillSettings) -> str:
        """Return what was labelled, as a line."""
        made = "" if self.is_new else ", made earlier"
        fitted = f"offsets of {self.offsets} keypoints" if self.offsets else "no sensor labels to "
        fitted += "" if self.offsets else "fit offsets on"
        return (
            f"{settings.source}: {self.rows} crops of {self.frames} frames labelled by "
            f"{settings.teacher} ({fitted}), in {self.path}{made}"
        )


@dataclass
class _TaughtRows:
    """The rows so far; their images are in a file, so that memory does not grow with them."""

    shape: ImageShape
    images: IO[bytes]
    columns: dict[str, list[Any]] = field(default_factory=dict)
    count: int = 0

    def add(self, image: Images, pose: TaughtPose, session: int, number: int, at_s: float) -> None:
        """Add a frame's person in the box of the labels, and in that of the whole pose.

        Of a person whom the image cuts off, the first one shows the rest larger than in use, where
        a box has the whole person.
        """
        known = pose.weight > 0
        every = np.ones_like(known)
        points, seen = pose.keypoints_px[None], known[None].astype(np.uint8)
        close = person_boxes(points, seen, known[None])
        whole = person_boxes(points, every[None].astype(np.uint8), every[None])
        boxes = [close, whole] if whole[0, 2] > WIDER * close[0, 2] else [close]
        for placed in boxes:
            self._add(image, pose, placed, session, number, at_s)

    def _add(
        self, image: Images, pose: TaughtPose, placed: npt.NDArray[np.int64], session: int,
        number: int, at_s: float,
    ) -> None:  # fmt: skip
        """Add a row with the crop of a box (1, 3)."""
        known, box = pose.weight > 0, snapped_xyxy(placed)
        around = with_margin(placed, self.shape.margin)[0, :3]
        crop = cut_crop(image, around, mirrored=False, size=self.shape.side)
        self.images.write(np.ascontiguousarray(crop).data)
        points = image_to_crop(pose.keypoints_px[None], box, self.shape.size)[0]
        row = {
            "keypoints_px": points, "visibility": np.where(known, 2, 0), "weight": pose.weight,
            "keypoint_quality": known.astype(np.uint32) << GIVEN_BITS["filled"],
            "bbox_xyxy_px": box[0],
            "session": session, "color_seq": number, "time_s": at_s,
        }  # fmt: skip
        for name, value in row.items():
            self.columns.setdefault(name, []).append(value)
        self.count += 1


@dataclass(frozen=True)
class LabelPlan:
    """Frames to label, found and read once.

    Attributes:
        settings: What to label.
        parts: What the source consists of.
        shape: Of the crops.
        path: The file.
    """

    settings: DistillSettings
    parts: Sequence[str]
    shape: ImageShape
    path: Path

    @property
    def is_done(self) -> bool:
        """True if an earlier run has made the file."""
        return self.path.is_file()


def plan_labels(settings: DistillSettings) -> LabelPlan:
    """Return which file a source's labels are in, or will be in.

    Raises:
        KincapError: The source can't be read.
        DatasetError: A data set is not one.
    """
    parts = parts_of(settings.source)
    with open_kinect13(settings.data[0]) as dataset:
        shape = ImageShape(dataset.size, MARGIN if dataset.size % 8 == 0 else 1.0)
    key = _key(settings, parts, shape)
    name = Path(settings.source).stem.replace("*", "") or "frames"
    return LabelPlan(settings, parts, shape, settings.folder / f"{name}-{key[:12]}.h5")


def distill(settings: DistillSettings, on_progress: OnProgress | None = None) -> Distilled:
    """Return the data set of a source's frames: ``label_frames`` of ``plan_labels``."""
    return label_frames(plan_labels(settings), on_progress)


def label_frames(plan: LabelPlan, on_progress: OnProgress | None = None) -> Distilled:
    """Return the data set of a source's frames with the labels of a teacher.

    Args:
        plan: What to label.
        on_progress: Called with frames done, frames in all where that is known, and the part.

    Raises:
        KincapError: A part can't be read, or in no frame the teacher found a person.
            Exit 1: the file can't be written.
        DatasetError: A data set is not one.
        MissingPartError: The teacher's library or weights are missing (exit 3).
    """
    path, folder = plan.path, plan.settings.folder
    if plan.is_done:
        return _earlier(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as images:
            return _make(plan, _TaughtRows(plan.shape, images), on_progress)
    except OSError as error:
        raise KincapError(f"{path}: can't be written ({error.strerror})", exit_code=1) from None


def _make(plan: LabelPlan, rows: _TaughtRows, on_progress: OnProgress | None) -> Distilled:
    settings, path = plan.settings, plan.path
    train_frames = read_train_frames(settings.data)
    sources: list[dict[str, Any]] = []
    seen = 0
    with TeacherProcess(settings.teacher) as teacher:
        offsets = _fitted(teacher, settings.data)
        for k, part in enumerate(plan.parts):
            seen += _label(teacher, offsets, part, k, rows, train_frames, on_progress)
            sources.append(_origin(part, k, settings.teacher))
    if not rows.count:
        raise KincapError(
            f"--distill {settings.source}: {settings.teacher} found no one in {seen} frames; "
            "frames of val and test splits are never used"
        )
    fitted = 0 if offsets is None else int((np.abs(offsets.shares).sum(axis=1) > 0).sum())
    counts = {"frames": seen, "rows": {"train": rows.count}, "offsets": fitted}
    meta = Meta(
        sessions=tuple(one["session"] for one in sources),
        settings=tomli_w.dumps({"labels": "teacher", "teacher": settings.teacher,
                                "version": _VERSION}),
        skeleton=KEYPOINTS_13, sources=sources, counts=counts, cues=("",), quality_bits=_BITS,
    )  # fmt: skip
    rows.images.flush()
    side = rows.shape.side
    pictures = np.memmap(rows.images, np.uint8, "r", shape=(rows.count, side, side, 3))
    columns: dict[str, npt.ArrayLike] = {"images": pictures}
    columns |= {name: np.array(values) for name, values in rows.columns.items()}
    write_kinect13(path, {"train": columns}, meta, margin=rows.shape.margin)
    return Distilled(path, rows.count, seen, fitted, is_new=True)


def _label(
    teacher: TeacherProcess, offsets: ConstantOffsets | None, part: str, number: int,
    rows: _TaughtRows, train_frames: TrainFrames, on_progress: OnProgress | None,
) -> int:  # fmt: skip
    """Label the frames of a part; return how many there were."""
    source, seen = open_source(part), 0
    before = -2
    for frame in frames_of(source, part, train_frames):
        if is_single(source) or frame.number != before + 1:
            teacher.begin()
        before, seen = frame.number, seen + 1
        pose = taught_pose(teacher, frame.image)
        if pose is not None:
            if offsets is not None:
                pose = TaughtPose(offsets.apply(pose.keypoints_px), pose.weight)
            at_s = np.nan if frame.time_s is None else frame.time_s
            rows.add(frame.image, pose, number, frame.number, at_s)
        if on_progress is not None:
            on_progress(seen, source.total or seen, Path(part).name)
    return seen


def _fitted(teacher: TeacherProcess, data: Sequence[Path]) -> ConstantOffsets | None:
    """Return the teacher's offsets on the first data set with labels of a sensor; None: none."""
    for path in data:
        with open_kinect13(path) as dataset:
            sources = dataset.meta.sources
            if not any(one.get("uuid") and not one.get("teacher") for one in sources):
                continue
            return fit_on_training(
                lambda rows, chosen, on_row: poses_in_label_boxes(teacher, rows, chosen, on_row),
                dataset,
            )
    return None


def _origin(part: str, number: int, teacher: str) -> dict[str, Any]:
    """Return what the data set says of a part; a session has its name and uuid."""
    path = Path(part)
    found: dict[str, Any] = {"labels": "teacher", "teacher": teacher}
    if (path / "session.json").is_file():
        return {"session": path.name, "uuid": load_session(path).uuid, **found}
    return {"session": f"{number:03d}-{path.name}"[-60:], **found}


def _key(settings: DistillSettings, parts: Sequence[str], shape: ImageShape) -> str:
    """Return a checksum of all that decides what is in the file."""
    digest = hashlib.sha256(f"{_VERSION} {settings.teacher} {shape}".encode())
    _, _, file = settings.teacher.partition(":")
    if file and Path(file).is_file():
        add_content(digest, file)
    for path in settings.data:
        digest.update(data_sha256(path).encode())
    for part in parts:
        add_content(digest, part)
    return digest.hexdigest()


def _earlier(path: Path) -> Distilled:
    with open_kinect13(path) as dataset:
        counts = dataset.meta.counts
        return Distilled(
            path, len(dataset.split("train")), int(counts.get("frames", 0)),
            int(counts.get("offsets", 0)), is_new=False,
        )  # fmt: skip
