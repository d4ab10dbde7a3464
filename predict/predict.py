"""Run a trained net on a source of images and write the poses."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError, MissingPartError
from ..core.progress import OnProgress
from ..engines.detection import Detection, Detector
from ..engines.engine import Images, PoseEngine
from ..train.run.interrupt import interrupt_on_signals
from ..web.server import PageAddress
from .detector import open_detector
from .live.views import LiveSettings, LiveViews
from .load_engine import check_numbers, load_engine, runs_in
from .mirror_average import averaged
from .mirroring import faces_us, mirrored_box, mirrored_poses
from .outputs.drawing import draw_people
from .outputs.frame_poses import FramePoses
from .outputs.output_files import OutputFiles, open_outputs
from .people.engine import PeopleEngine
from .people.tracker import MOST_PERSONS, PeopleTracker
from .smoothing import PoseSmoother
from .sources.frame_source import PICTURES, SENSOR, SESSION, FrameSource, SourceFrame
from .sources.open_source import open_source
from .tracks import Tracker, TrackSettings

SCHEMA: Final = "kincap/predict/1"
SENSOR_BOXES: Final = "session"
_USUAL_STEP_S: Final = 1 / 30

OnPage = Callable[[PageAddress], None]


@dataclass(frozen=True)
class PredictSettings:
    """Settings of a run.

    Attributes:
        source: A picture, folder, pattern, video, ``camera:N`` or session.
        weights: A checkpoint or an exported file.
        detector: As ``--detector`` takes it; None: ``session`` for a session, else ``whole``.
        persons: Most people in a frame; None: one, or everyone whom a net of whole images finds.
        detect_every: Frames between two calls of the detector.
        smooth: True to smooth by time; None: where its library is installed. Pictures never are.
        every: Look at every K-th frame only; the others have a line without people.
        mirrored: True if the source shows a mirror image.
        mirror_average: True to average over each crop and its mirror image, for twice the time.
        out: Drawn video; None: none.
        poses: Lines of poses; None: none.
        coco: COCO results; None: none.
        sheet: Contact sheet; None: none.
        resume: True to leave out pictures that ``poses`` has already.
        device: Where torch computes.
        live: What is shown while the run goes on.
    """

    source: str
    weights: Path
    detector: str | None = None
    persons: int | None = None
    detect_every: int = 10
    smooth: bool | None = None
    every: int = 1
    mirrored: bool = False
    mirror_average: bool = False
    out: Path | None = None
    poses: Path | None = None
    coco: Path | None = None
    sheet: Path | None = None
    resume: bool = False
    device: str = "auto"
    live: LiveSettings = LiveSettings()


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
        agreement: With the sensor; None: it was not compared.
        problem: What was wrong with the source at its end.
        interrupted: True if Ctrl-C or the closing of the window ended it.
        unsmoothed: True if nothing was smoothed because the library is missing.
        notes: Lines for the person.
        runs_in: What computed the net: onnxruntime, openvino or torch.
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
    agreement: dict[str, Any] | None = None
    problem: str | None = None
    interrupted: bool = False
    unsmoothed: bool = False
    notes: list[str] = field(default_factory=list)
    runs_in: str = ""

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
            "agreement": self.agreement,
            "problem": self.problem,
            "interrupted": self.interrupted,
            "unsmoothed": self.unsmoothed,
            "notes": self.notes,
            "runs_in": self.runs_in,
        }


def predict(
    settings: PredictSettings,
    on_progress: OnProgress | None = None,
    on_page: OnPage | None = None,
) -> PredictResult:
    """Run a net on a source; every frame that is read gives one line of poses.

    Args:
        settings: The settings.
        on_progress: Called after each frame with frames done, frames in all, and a note.
        on_page: Called with the address of the live page.

    Raises:
        KincapError: A flag, the source or the weights are wrong (exit 2, nothing was done), or an
            output can't be written (exit 1).
        MissingPartError: A camera, a device or a library is missing (exit 3).
    """
    _check(settings)
    notes: list[str] = []
    loaded = load_engine(settings.weights, settings.device, notes)
    if not isinstance(loaded, PeopleEngine):
        check_numbers(loaded, settings.weights)
    engine = averaged(loaded, settings.weights) if settings.mirror_average else loaded
    detector = _detector(settings.detector)
    with contextlib.closing(open_source(settings.source)) as source:
        _check_sensor(settings, source)
        run = PredictRun(settings, source, _tracker(engine, settings), detector)
        if source.kind == PICTURES:
            run.begin_anew = lambda: _tracker(engine, settings)
        run.result.runs_in, run.result.notes = runs_in(loaded), notes
        if settings.detector is not None and isinstance(engine, PeopleEngine):
            run.result.notes.append(
                f"--detector {settings.detector} is not used: this net finds people in whole images"
            )
        # views first: where one can't be opened, no file was made
        with (
            LiveViews(settings.live, settings.source) as views,
            open_outputs(settings, source) as outputs,
        ):
            if views.address is not None and on_page is not None:
                on_page(views.address)
            run.all_frames(outputs, views, on_progress)
        run.result.outputs = outputs.written()
        if run.result.looked_at and not run.result.with_people:
            run.result.notes.append(_no_one(settings, source, engine))
    return run.result


def _no_one(settings: PredictSettings, source: FrameSource, engine: object) -> str:
    """Return what may help where no frame has a person."""
    if isinstance(engine, PeopleEngine):
        return "no one was found: this net may not know such people or such a place"
    if settings.detector in (None, SENSOR_BOXES) and source.kind in (SESSION, SENSOR):
        return "no one was found: the sensor saw no one, or the net is not sure of anyone it saw"
    if settings.detector in (None, "whole"):
        return (
            "no one was found: whole, the default without a sensor, takes the whole image for one "
            "person; where people fill less of it, give --detector box:x,y,w,h, own:FILE or "
            "blazepose"
        )
    return f"no one was found: --detector {settings.detector} gave no box that the net is sure of"


def _tracker(
    engine: PoseEngine | PeopleEngine, settings: PredictSettings
) -> Tracker | PeopleTracker:
    """Return what follows people: in crops, or through whole images."""
    if isinstance(engine, PeopleEngine):
        return PeopleTracker(engine, settings.persons or MOST_PERSONS)
    persons = 1 if settings.persons is None else settings.persons
    return Tracker(engine, TrackSettings(persons=persons, detect_every=settings.detect_every))


def _check(settings: PredictSettings) -> None:
    for flag in ("persons", "detect_every", "every"):
        value = getattr(settings, flag)
        if value is not None and value < 1:
            raise KincapError(f"--{flag.replace('_', '-')}: {value} is too few; give 1 or more")


def _check_sensor(settings: PredictSettings, source: FrameSource) -> None:
    """Refuse what only a source with a sensor's bodies can do."""
    if source.kind in (SESSION, SENSOR):
        return
    if settings.detector == SENSOR_BOXES:
        raise KincapError(
            f"--detector session: {settings.source} is not a session; use whole or box:x,y,w,h"
        )
    if settings.live.compare:
        raise KincapError(
            f"--compare: {settings.source} has no sensor to compare with; give a session or kinect"
        )


def _detector(text: str | None) -> Detector | None:
    """Return the detector; None: the source has boxes of its own, or needs none."""
    if text in (None, SENSOR_BOXES):
        return None if text else open_detector("whole")
    return open_detector(text)


class PredictRun:
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
        tracker: Tracker | PeopleTracker,
        detector: Detector | None,
    ) -> None:
        self._settings, self._source = settings, source
        self._tracker, self._detector = tracker, detector
        self.begin_anew: Callable[[], Tracker | PeopleTracker] | None = None
        self.result = PredictResult(settings.source, source.kind)
        self._smoothers: dict[int, PoseSmoother] = {}
        self._smooths = settings.smooth is not False and source.kind != PICTURES
        if self._smooths:
            try:
                PoseSmoother()  # says before work begins that its library is missing
            except MissingPartError:
                if settings.smooth:
                    raise
                self._smooths, self.result.unsmoothed = False, True
        self._ids: set[int] = set()
        self._sides: list[bool] = []
        self._spent: dict[str, list[float]] = {"detector": [], "pose": [], "rest": []}
        self._detecting = 0.0

    def all_frames(
        self, outputs: OutputFiles, views: LiveViews, on_progress: OnProgress | None
    ) -> None:
        """Look at every frame; Ctrl-C ends the run after the frame that it is in."""
        result, source = self.result, self._source
        began = time.monotonic()
        # a signal is only noted within a frame, so that all files end with the same one
        with interrupt_on_signals() as interrupt, contextlib.suppress(KeyboardInterrupt):
            for frame in source.frames():
                earlier = outputs.earlier(frame)
                if earlier is not None:
                    self._repeat(earlier, frame.image, outputs)
                    continue
                found, shown = self._look(frame)
                text = views.compare(found, frame)
                drawn = None
                if views.wants_drawn or outputs.is_drawn(found):
                    drawn = draw_people(shown, found) if shown.size else shown
                    drawn = views.beside(drawn, frame, text)
                outputs.write(found, drawn, f"{self._note()}, {self._rate(began):.1f} frames/s")
                views.show(found, frame, drawn, source.dropped, text)
                if on_progress is not None:
                    so_far = result.frames + result.skipped
                    on_progress(so_far, source.total or so_far, text or self._note())
                if views.is_ended or interrupt.is_asked:
                    break
        result.interrupted = views.is_ended or interrupt.is_asked
        result.seconds = time.monotonic() - began
        result.dropped, result.problem = source.dropped, source.problem
        result.ids = len(self._ids)
        if views.agreement is not None:
            result.agreement = views.agreement.to_json()
        result.stages_ms = {name: _percentiles(ms) for name, ms in self._spent.items() if ms}
        if len(self._sides) >= 10:
            result.sides_swapped = 1 - float(np.mean(self._sides))

    def _repeat(self, earlier: FramePoses, image: Images, outputs: OutputFiles) -> None:
        """Write what an earlier run has found to the files that have all pictures."""
        is_passed_over = (self.result.frames + self.result.skipped) % self._settings.every
        self.result.skipped += 1
        found = replace(earlier, is_looked_at=bool(earlier.people) or not is_passed_over)
        drawn = draw_people(image, found) if image.size and outputs.is_drawn(found) else None
        outputs.write_again(found, drawn)

    def _look(self, frame: SourceFrame) -> tuple[FramePoses, Images]:
        """Return the people of a frame and the image, both as the source has them."""
        result, image = self.result, frame.image
        size = (image.shape[1], image.shape[0])
        number = result.frames + result.skipped
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
        self._sides += [side for one in people if (side := faces_us(one.keypoints_px)) is not None]
        found = FramePoses(
            frame.number, frame.name, frame.time_s, size, tuple(people), tuple(smoothed)
        )
        return (mirrored_poses(found) if self._settings.mirrored else found), image

    def _detect(self, image: Images, frame: SourceFrame) -> Sequence[Detection]:
        if self._detector is None or (
            self._settings.detector is None and self._source.kind in (SESSION, SENSOR)
        ):
            if not self._settings.mirrored:
                return frame.detections
            width = image.shape[1]
            return [
                replace(one, bbox_xyxy_px=mirrored_box(one.bbox_xyxy_px, width))
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
        if self._source.dropped:
            note += f", {self._source.dropped} dropped"
        return note

    def _rate(self, began: float) -> float:
        """Return the frames a second since a time of ``time.monotonic``."""
        return self.result.frames / max(time.monotonic() - began, 1e-9)


def _percentiles(values_ms: list[float]) -> dict[str, float]:
    """Return the median and the 95th percentile of some times."""
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}
