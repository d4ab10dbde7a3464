"""The whole way from an image to poses, judged by what the sensor recorded (``--end-to-end``).

The net runs as it is used: on boxes of the detector and of the poses before, one image at a time.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ...core.errors import KincapError
from ...core.progress import OnProgress
from ...engines.detection import Detection, Detector
from ...engines.engine import Images, PoseEngine, PoseResult
from ..detector import open_detector
from ..load_engine import check_numbers, load_pose_engine
from ..smoothing import PoseSmoother
from ..sources.frame_source import SensorPose, SourceFrame
from ..sources.session_frames import SessionSource
from ..tracks import Tracker, TrackSettings
from .agreement import Agreement, MatchedPerson, person_box
from .steadiness import Steadiness, steadiness

SCHEMA: Final = "kincap/end-to-end/1"
SENSOR_BOXES: Final = "session"
CORRECT_IOU: Final = 0.5
"""A detection is false if it overlaps with no person by more than this, as in the paper."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class EndToEndSettings:
    """Settings of a report.

    Attributes:
        weights: A checkpoint or an exported file.
        session: Folder of a session.
        detector: As ``--detector`` takes it.
        persons: Most people in a frame.
        device: Where torch computes a checkpoint.
    """

    weights: Path
    session: Path
    detector: str = SENSOR_BOXES
    persons: int = 1
    device: str = "auto"


@dataclass
class DetectorCounts:
    """Counts of the detector on every frame.

    Attributes:
        detections: All that it found.
        false: Those of no person.
        frames: Frames with a person.
        missed: Frames with a person whom no detection is of.
    """

    detections: int = 0
    false: int = 0
    frames: int = 0
    missed: int = 0

    def add(self, found: Sequence[Detection], people: Sequence[SensorPose], size: Floats) -> None:
        """Take in a frame; ``size`` is its width and height."""
        boxes = [_clipped(person_box(person), size) for person in people]
        overlaps = np.array(
            [[_iou(_clipped(one.bbox_xyxy_px, size), box) for box in boxes] for one in found]
        ).reshape(len(found), len(boxes))
        right = overlaps > CORRECT_IOU
        self.detections += len(found)
        self.false += int((~right.any(axis=1)).sum())
        self.frames += bool(boxes)
        self.missed += bool(boxes) and not right.any()

    def to_json(self) -> dict[str, Any]:
        """Return counts and rates in percent."""
        return {
            "detections": self.detections,
            "false": self.false,
            "frames": self.frames,
            "missed": self.missed,
            "fp_rate": _percent(self.false, self.detections),
            "fn_rate": _percent(self.missed, self.frames),
        }


@dataclass
class EndToEndResult:
    """Figures of a report.

    Attributes:
        settings: What was measured.
        frames: Frames of the session.
        detector: Of the detector alone, on every frame.
        agreement: Poses against those of the sensor.
        stages_ms: For each stage and in all, median and 95th percentile in ms a frame.
        raw: Jitter and lag of the poses.
        smoothed: The same after smoothing; None where its library is missing.
        problem: What was wrong with the session.
    """

    settings: EndToEndSettings
    frames: int = 0
    detector: DetectorCounts = field(default_factory=DetectorCounts)
    agreement: Agreement = field(default_factory=Agreement)
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    raw: Steadiness = Steadiness(None, 0, None)
    smoothed: Steadiness | None = None
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report of ``--json``."""
        return {
            "schema": SCHEMA,
            "weights": str(self.settings.weights),
            "session": str(self.settings.session),
            "detector_name": self.settings.detector,
            "persons": self.settings.persons,
            "frames": self.frames,
            "detector": self.detector.to_json(),
            "poses": self.agreement.to_json(),
            "stages_ms": self.stages_ms,
            "raw": _steady_json(self.raw),
            "smoothed": None if self.smoothed is None else _steady_json(self.smoothed),
            "problem": self.problem,
        }


def end_to_end(settings: EndToEndSettings, on_progress: OnProgress | None = None) -> EndToEndResult:
    """Measure a net with its detector, tracking and smoothing on a session.

    Args:
        settings: What is measured.
        on_progress: Called after each frame.

    Raises:
        KincapError: The weights, the session or the detector are wrong (exit 2).
        MissingPartError: onnxruntime or the device is missing (exit 3).
    """
    loaded = load_pose_engine(settings.weights, settings.device, "--end-to-end")
    check_numbers(loaded, settings.weights)
    engine = _TimedEngine(loaded)
    detector = None if settings.detector == SENSOR_BOXES else open_detector(settings.detector)
    with contextlib.closing(SessionSource(settings.session)) as source:
        run = _EndToEndRun(settings, engine, detector)
        for frame in source.frames():
            run.look(frame)
            if on_progress is not None:
                on_progress(run.result.frames, source.total or run.result.frames, "")
        run.result.problem = source.problem
    if not run.result.agreement.matched:
        raise KincapError(f"{settings.session}: the sensor saw no one; name a session with people")
    run.finish()
    return run.result


class _TimedEngine:
    """An engine that keeps the time it took."""

    def __init__(self, engine: PoseEngine) -> None:
        self.size, self.keypoint_names = engine.size, engine.keypoint_names
        self._engine = engine
        self.spent_s = 0.0

    def poses(self, crops: Images) -> PoseResult:
        began = time.perf_counter()
        found = self._engine.poses(crops)
        self.spent_s += time.perf_counter() - began
        return found


class _EndToEndRun:
    """One run over a session."""

    def __init__(
        self, settings: EndToEndSettings, engine: _TimedEngine, detector: Detector | None
    ) -> None:
        self.result = EndToEndResult(settings)
        self._engine, self._detector = engine, detector
        self._tracker = Tracker(engine, TrackSettings(persons=settings.persons))
        self._smoothers: dict[int, PoseSmoother] | None = {}
        try:
            PoseSmoother()
        except KincapError:
            self._smoothers = None
        self._spent: dict[str, list[float]] = {
            "detector": [], "pose": [], "rest": [], "all": []
        }  # fmt: skip
        self._times: list[float] = []
        self._tracks: dict[str, list[Floats]] = {"truth": [], "raw": [], "smoothed": []}

    def look(self, frame: SourceFrame) -> None:
        """Look at a frame, and compare."""
        self.result.frames += 1
        if frame.problem:
            return
        image, at = frame.image, frame.time_s or 0.0
        detections, detecting_s = self._detected(frame)
        asked: list[bool] = []

        def detect() -> Sequence[Detection]:
            asked.append(True)
            return detections

        self._engine.spent_s = 0.0
        began = time.perf_counter()
        people = self._tracker.step(image, at, detect)
        smoothed = self._smoothed([(one.id, one.keypoints_px) for one in people], at)
        rest_s = time.perf_counter() - began - self._engine.spent_s
        self._add_times(detecting_s if asked else 0.0, self._engine.spent_s, rest_s)
        size = np.array(image.shape[1::-1], np.float64)
        self.result.detector.add(detections, frame.sensor, size)
        self.result.agreement.add(people, frame.sensor)
        if frame.sensor:
            self._follow(self.result.agreement.matched[-1], smoothed, at)

    def finish(self) -> None:
        """Work the figures out."""
        result, times = self.result, np.array(self._times)
        result.stages_ms = {name: _percentiles(ms) for name, ms in self._spent.items() if ms}
        truth = np.array(self._tracks["truth"])
        result.raw = steadiness(np.array(self._tracks["raw"]), truth, times)
        if self._smoothers is not None:
            result.smoothed = steadiness(np.array(self._tracks["smoothed"]), truth, times)

    def _detected(self, frame: SourceFrame) -> tuple[Sequence[Detection], float]:
        if self._detector is None:
            return frame.detections, 0.0
        began = time.perf_counter()
        found = self._detector.detect(frame.image)
        return found, time.perf_counter() - began

    def _smoothed(self, people: list[tuple[int, Floats]], at: float) -> dict[int, Floats]:
        if self._smoothers is None:
            return {}
        for person, _ in people:
            if person not in self._smoothers:
                self._smoothers[person] = PoseSmoother()
        return {person: self._smoothers[person].smooth(pose, at) for person, pose in people}

    def _follow(self, matched: list[MatchedPerson], smoothed: dict[int, Floats], at: float) -> None:
        """Keep the poses of the person whom the sensor tracks best."""
        one = matched[0]
        nothing = np.full_like(one.truth_px, np.nan)
        self._times.append(at)
        self._tracks["truth"].append(np.where(one.counted[:, None], one.truth_px, np.nan))
        self._tracks["raw"].append(nothing if one.found is None else one.found.keypoints_px)
        found = None if one.found is None else smoothed.get(one.found.id)
        self._tracks["smoothed"].append(nothing if found is None else found)

    def _add_times(self, detector_s: float, pose_s: float, rest_s: float) -> None:
        for name, seconds in (
            ("detector", detector_s), ("pose", pose_s), ("rest", rest_s),
            ("all", detector_s + pose_s + rest_s),
        ):  # fmt: skip
            self._spent[name].append(1000 * seconds)


def _clipped(box: Floats, size: Floats) -> Floats:
    """Return a box (4,) inside an image, as detections are."""
    inside: Floats = np.clip(box, -0.5, np.tile(size, 2) - 0.5)
    return inside


def _iou(one: Floats, other: Floats) -> float:
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    both = float(np.maximum(high - low, 0.0).prod())
    areas = float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod())
    return both / max(areas - both, 1e-9)


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 3) if whole else None


def _percentiles(values_ms: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {"p50": round(float(p50), 3), "p95": round(float(p95), 3)}


def _steady_json(found: Steadiness) -> dict[str, Any]:
    return {
        "jitter_torso": None if found.jitter_torso is None else round(found.jitter_torso, 3),
        "still_frames": found.still_frames,
        "lag_s": None if found.lag_s is None else round(found.lag_s, 4),
    }
