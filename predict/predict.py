"""Run a trained net on a source of images and write the poses."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError
from ..core.progress import OnProgress
from ..core.skeleton import KEYPOINTS_13
from ..engines.detection import Detection, Detector
from ..engines.detectors import make_detector
from ..engines.engine import Images
from .load_engine import load_engine
from .outputs.coco_results import CocoResults
from .outputs.contact_sheet import ContactSheet
from .outputs.drawing import draw_people
from .outputs.frame_poses import FramePoses
from .outputs.pose_lines import PoseLines
from .outputs.video_file import VideoFile
from .smoothing import PoseSmoother
from .sources.frame_source import CAMERA, PICTURES, SESSION, FrameSource, SourceFrame
from .sources.open_source import open_source
from .tracks import Tracker, TrackSettings

SCHEMA: Final = "kincap/predict/1"
SENSOR_BOXES: Final = "session"
_USUAL_STEP_S: Final = 1 / 30

OnFrame = Callable[[FramePoses], None]


@dataclass(frozen=True)
class PredictSettings:
    """Settings of a run.

    Attributes:
        source: A picture, folder, pattern, video, ``camera:N`` or session.
        weights: A checkpoint or an exported file.
        detector: As ``--detector`` takes it; None: ``session`` for a session, else ``whole``.
        persons: Most people in a frame.
        detect_every: Frames between two calls of the detector.
        smooth: True to smooth by time; pictures never are.
        every: Look at every K-th frame only; the others have a line without people.
        mirrored: True if the source shows a mirror image.
        out: Drawn video; None: none.
        poses: Lines of poses; None: none.
        coco: COCO results; None: none.
        sheet: Contact sheet; None: none.
        resume: True to leave out pictures that ``poses`` has already.
        device: Where torch computes.
    """

    source: str
    weights: Path
    detector: str | None = None
    persons: int = 1
    detect_every: int = 10
    smooth: bool = True
    every: int = 1
    mirrored: bool = False
    out: Path | None = None
    poses: Path | None = None
    coco: Path | None = None
    sheet: Path | None = None
    resume: bool = False
    device: str = "auto"


@dataclass
class PredictResult:
    """Counts and times of a run.

    Attributes:
        source: As the user wrote it.
        kind: Of the source.
        frames: Frames that were read.
        looked_at: Frames that the net saw.
        with_people: Frames with at least one person.
        ids: Number of different people.
        unreadable: Frames that could not be decoded.
        skipped: Pictures that an earlier run had done.
        dropped: Frames of a camera that came while the net was busy.
        seconds: Of the whole run.
        stages_ms: Median and 95th percentile of each stage, ms a frame.
        sides_swapped: Share of the frames from the front in which the left side is left.
        outputs: Files that were written.
        problem: What was wrong with the source at its end.
        interrupted: True if Ctrl-C ended it.
    """

    source: str
    kind: str
    frames: int = 0
    looked_at: int = 0
    with_people: int = 0
    ids: int = 0
    unreadable: int = 0
    skipped: int = 0
    dropped: int = 0
    seconds: float = 0.0
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    sides_swapped: float | None = None
    outputs: list[str] = field(default_factory=list)
    problem: str | None = None
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``."""
        return {
            "schema": SCHEMA,
            "source": self.source,
            "kind": self.kind,
            "frames": self.frames,
            "looked_at": self.looked_at,
            "with_people": self.with_people,
            "ids": self.ids,
            "unreadable": self.unreadable,
            "skipped": self.skipped,
            "dropped": self.dropped,
            "seconds": round(self.seconds, 3),
            "stages_ms": self.stages_ms,
            "sides_swapped": self.sides_swapped,
            "outputs": self.outputs,
            "problem": self.problem,
            "interrupted": self.interrupted,
        }


def predict(
    settings: PredictSettings,
    on_progress: OnProgress | None = None,
    on_frame: OnFrame | None = None,
) -> PredictResult:
    """Run a net on a source; every frame that is read gives one line of poses.

    Args:
        settings: The settings.
        on_progress: Called after each frame with frames done, frames in all, and a note.
        on_frame: Takes the people of each frame.

    Raises:
        KincapError: A flag, the source or the weights are wrong (exit 2, nothing was done), or an
            output can't be written (exit 1).
        MissingPartError: A camera, a device or a library is missing (exit 3).
    """
    _check(settings)
    engine = load_engine(settings.weights, settings.device)
    detector = _detector(settings.detector)
    with contextlib.closing(open_source(settings.source)) as source:
        name = settings.detector or (SENSOR_BOXES if source.kind == SESSION else "whole")
        if name == SENSOR_BOXES and source.kind != SESSION:
            raise KincapError(
                f"--detector session: {settings.source} is not a session; use whole or box:x,y,w,h"
            )
        tracking = TrackSettings(persons=settings.persons, detect_every=settings.detect_every)
        run = _Run(settings, source, Tracker(engine, tracking), detector)
        if source.kind == PICTURES:
            run.begin_anew = lambda: Tracker(engine, tracking)
        with _Outputs.open(settings, source) as outputs:
            run.all_frames(outputs, on_progress, on_frame)
        run.result.outputs = outputs.written()
    return run.result


def _check(settings: PredictSettings) -> None:
    for flag in ("persons", "detect_every", "every"):
        value = getattr(settings, flag)
        if value < 1:
            raise KincapError(f"--{flag.replace('_', '-')}: {value} is too few; give 1 or more")


def _detector(text: str | None) -> Detector | None:
    """Return the detector; None: the source has boxes of its own, or needs none."""
    if text in (None, SENSOR_BOXES):
        return None if text else make_detector("whole")
    return make_detector(text)


class _Outputs:
    """The files of a run: all are finished whatever ends it."""

    def __init__(self) -> None:
        self.lines: PoseLines | None = None
        self.video: VideoFile | None = None
        self.coco: CocoResults | None = None
        self.sheet: ContactSheet | None = None

    @classmethod
    @contextlib.contextmanager
    def open(cls, settings: PredictSettings, source: FrameSource) -> Iterator["_Outputs"]:
        """Open all files; refuses those that can't be written before work begins."""
        outputs = cls()
        if settings.out is not None:
            if source.kind == PICTURES:
                raise KincapError("--out: a video is for videos, cameras and sessions; use --sheet")
            if settings.out.exists():
                raise KincapError(f"--out: {settings.out} exists; choose another name or remove it")
            outputs.video = VideoFile(settings.out)
        if settings.coco is not None:
            outputs.coco = CocoResults(settings.coco)
        if settings.sheet is not None:
            title = f"{settings.weights.name} on {Path(source.name).name}"
            outputs.sheet = ContactSheet(settings.sheet, title)
        if settings.resume and (source.kind != PICTURES or settings.poses is None):
            raise KincapError("--resume: only for pictures with --poses FILE")
        if settings.poses is not None:
            outputs.lines = PoseLines(settings.poses, resume=settings.resume)
        with contextlib.ExitStack() as stack:
            for one in (outputs.lines, outputs.video, outputs.coco, outputs.sheet):
                if one is not None:
                    stack.callback(one.close)
            yield outputs

    def is_drawn(self, frame: FramePoses) -> bool:
        """Return True if a frame has to be drawn."""
        on_sheet = self.sheet is not None and frame.is_looked_at and self.sheet.wants_next
        return self.video is not None or on_sheet

    def write(self, frame: FramePoses, drawn: Images | None) -> None:
        """Write one frame to all files."""
        if self.lines is not None:
            self.lines.write(frame)
        if self.coco is not None:
            self.coco.add(frame)
        if self.video is not None and drawn is not None and drawn.size:
            self.video.write(drawn, frame.time_s or 0.0)
        if self.sheet is not None and frame.is_looked_at:
            self.sheet.add(drawn if drawn is not None and drawn.size else None, frame)

    def written(self) -> list[str]:
        """Return the names of the files."""
        files = (self.lines, self.video, self.coco, self.sheet)
        return [str(one.path) for one in files if one is not None]


class _Run:
    """One run over a source.

    Args:
        settings: The settings.
        source: Open.
        tracker: Of the whole run, but for pictures.
        detector: None: the frames have their own boxes.
    """

    def __init__(
        self,
        settings: PredictSettings,
        source: FrameSource,
        tracker: Tracker,
        detector: Detector | None,
    ) -> None:
        self._settings, self._source = settings, source
        self._tracker, self._detector = tracker, detector
        self.begin_anew: Callable[[], Tracker] | None = None
        self.result = PredictResult(settings.source, source.kind)
        self._smoothers: dict[int, PoseSmoother] = {}
        self._smooths = settings.smooth and source.kind != PICTURES
        if self._smooths:
            PoseSmoother()  # says before work begins that its library is missing
        self._ids: set[int] = set()
        self._sides: list[bool] = []
        self._spent: dict[str, list[float]] = {"detector": [], "pose": [], "rest": []}
        self._detecting = 0.0

    def all_frames(
        self, outputs: _Outputs, on_progress: OnProgress | None, on_frame: OnFrame | None
    ) -> None:
        """Look at every frame; Ctrl-C ends the run after the frame that it is in."""
        done = set() if outputs.lines is None else outputs.lines.names
        result, source = self.result, self._source
        began = time.monotonic()
        try:
            for frame in source.frames():
                if frame.name and frame.name in done:
                    result.skipped += 1
                    continue
                found, shown = self._look(frame)
                drawn = None
                if outputs.is_drawn(found):
                    note = self._note() if outputs.video is not None else ""
                    drawn = draw_people(shown, found, note=note) if shown.size else shown
                outputs.write(found, drawn)
                if on_frame is not None:
                    on_frame(found)
                if on_progress is not None:
                    so_far = result.frames + result.skipped
                    on_progress(so_far, source.total or so_far, self._note())
        except KeyboardInterrupt:
            result.interrupted = True
        result.seconds = time.monotonic() - began
        result.dropped, result.problem = source.dropped, source.problem
        result.ids = len(self._ids)
        result.stages_ms = {name: _percentiles(ms) for name, ms in self._spent.items() if ms}
        if len(self._sides) >= 10:
            result.sides_swapped = 1 - float(np.mean(self._sides))

    def _look(self, frame: SourceFrame) -> tuple[FramePoses, Images]:
        """Return the people of a frame and the image, both as the source has them."""
        result, image = self.result, frame.image
        size = (image.shape[1], image.shape[0])
        number = result.frames
        result.frames += 1
        if frame.problem:
            result.unreadable += 1
            nothing = FramePoses(
                frame.number, frame.name, frame.time_s, size, (), problem=frame.problem
            )
            return nothing, image
        if number % self._settings.every:
            unseen = FramePoses(
                frame.number, frame.name, frame.time_s, size, (), is_looked_at=False
            )
            return unseen, image
        result.looked_at += 1
        seen = np.ascontiguousarray(image[:, ::-1]) if self._settings.mirrored else image
        if self.begin_anew is not None:
            self._tracker = self.begin_anew()
        time_s = number * _USUAL_STEP_S if frame.time_s is None else frame.time_s
        self._detecting = 0.0
        began = time.perf_counter()
        people = self._tracker.step(seen, time_s, lambda: self._detect(seen, frame))
        tracked = time.perf_counter()
        smoothed: Sequence[npt.NDArray[np.float64]] = ()
        if self._smooths:
            smoothed = [self._smooth(one.id, one.keypoints_px, time_s) for one in people]
        self._add_times(tracked - began, time.perf_counter() - tracked)
        result.with_people += bool(people)
        self._ids.update(one.id for one in people)
        self._sides += [side for one in people if (side := _faces_us(one.keypoints_px)) is not None]
        found = FramePoses(
            frame.number, frame.name, frame.time_s, size, tuple(people), tuple(smoothed)
        )
        return (_mirrored(found) if self._settings.mirrored else found), image

    def _detect(self, image: Images, frame: SourceFrame) -> Sequence[Detection]:
        if self._detector is None or (
            self._settings.detector is None and self._source.kind == SESSION
        ):
            if not self._settings.mirrored:
                return frame.detections
            width = image.shape[1]
            return [
                replace(one, bbox_xyxy_px=_mirror_box(one.bbox_xyxy_px, width))
                for one in frame.detections
            ]
        began = time.perf_counter()
        found = self._detector.detect(image)
        self._detecting += time.perf_counter() - began
        return found

    def _smooth(
        self, person: int, pose: npt.NDArray[np.float64], time_s: float
    ) -> npt.NDArray[np.float64]:
        if person not in self._smoothers:
            self._smoothers[person] = PoseSmoother()
        return self._smoothers[person].smooth(pose, time_s)

    def _add_times(self, tracking_s: float, smoothing_s: float) -> None:
        self._spent["detector"].append(1000 * self._detecting)
        self._spent["pose"].append(1000 * (tracking_s - self._detecting))
        self._spent["rest"].append(1000 * smoothing_s)

    def _note(self) -> str:
        result = self.result
        note = f"{result.with_people} with people"
        spent = sum(ms[-1] for ms in self._spent.values() if ms)
        if spent:
            note += f", {spent:.0f} ms a frame"
        if self._source.kind == CAMERA:
            note += f", {self._source.dropped} dropped"
        return note


def _faces_us(pose_px: npt.NDArray[np.float64]) -> bool | None:
    """Return True if the left shoulder is right of the right one, as from the front.

    None where the shoulders are too near to each other to say.
    """
    index = KEYPOINTS_13.index
    left, right = pose_px[index["l_shoulder"]], pose_px[index["r_shoulder"]]
    a, b = KEYPOINTS_13.torso_indices
    torso = float(np.hypot(*(pose_px[a] - pose_px[b])))
    apart = float(left[0] - right[0])
    return apart > 0 if abs(apart) > 0.3 * torso else None


def _mirrored(frame: FramePoses) -> FramePoses:
    """Return the people of a mirrored image in the pixels that the source has."""
    width = frame.size_px[0]
    people = tuple(
        replace(
            one,
            bbox_xyxy_px=_mirror_box(one.bbox_xyxy_px, width),
            keypoints_px=_mirror_points(one.keypoints_px, width),
        )
        for one in frame.people
    )
    smoothed = tuple(_mirror_points(pose, width) for pose in frame.smoothed_px)
    return replace(frame, people=people, smoothed_px=smoothed)


def _mirror_points(points: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    turned = points.copy()
    turned[:, 0] = width - 1 - turned[:, 0]
    return turned


def _mirror_box(box: npt.NDArray[np.float64], width: int) -> npt.NDArray[np.float64]:
    return np.array([width - 1 - box[2], box[1], width - 1 - box[0], box[3]])


def _percentiles(values_ms: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile of some times."""
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}
