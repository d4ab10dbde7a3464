"""An NTU RGB+D clip as a source: colour frames and body rows, or body rows alone."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ....core.errors import SensorError
from ....core.units import TICK_100NS
from ....sessions.kinds import EventKind
from ....sessions.schema import Stream
from ..sensor import BodyFrame, ColorFrame, Item, Lost, Notice, SensorInfo
from ..source import SourceSpec
from ..text_lines import check_regular
from .avi import AviVideo
from .clip_name import ClipName
from .skeleton_file import WANTED, count_frames, read_rows
from .video_check import COLOR_SIZE_PX, FrameState, VideoCheck, check_video

_LOST: Final = {
    FrameState.empty: EventKind.drop_source,
    FrameState.undecodable: EventKind.drop_damaged,
}


class NtuSensor:
    """A clip as a source; both files are checked as a whole before the first item."""

    def __init__(self, spec: SourceSpec) -> None:
        """Open a clip.

        Args:
            spec: Its path: of the video, ``X_rgb.avi`` with ``X.skeleton`` beside it (other names
                need a ``.skeleton`` of the same stem), or of a ``.skeleton`` file; without a video
                beside it, only bodies are recorded.

        Raises:
            SensorError: A file is missing, is cut, or they don't belong together.
        """
        video, skeleton = _files(spec.path)
        self._video, self._skeleton, self._closed = video, skeleton, False
        check_regular(skeleton, WANTED)
        self._rows = count_frames(skeleton)
        self._check = None if video is None else check_video(video)
        warnings = [] if self._check is None else [*self._check.problems(skeleton.stem)]
        if video is not None and self._check is not None:
            warnings += _length_problems(video, self._check, skeleton, self._rows, spec)
        name = ClipName.of(skeleton.stem)
        self.info = SensorInfo(
            kind="ntu",
            uri=spec.text,
            device_id=f"ntu:{name.camera or skeleton.stem}",
            color_size_px=COLOR_SIZE_PX,
            mirrored=True,
            times="assumed 30 Hz",
            streams=("bodies",) if video is None else ("color", "bodies"),
            live=False,
            frames=None if self._check is None else len(self._check.states),
            subject=name.subject,
            outfit=name.outfit,
            tags=name.tags,
            warnings=tuple(warnings),
        )

    def items(self) -> Iterator[Item]:
        """Hand over body rows and colour frames in turn, at the speed of the disk.

        Raises:
            SensorError: A file was changed since it was checked (exit 1).
        """
        rows = read_rows(self._skeleton)
        color = iter(()) if self._check is None else self._color(self._check)
        frames = 0 if self._check is None else len(self._check.states)
        try:
            for k in range(max(frames, self._rows)):
                if k < self._rows:
                    row = next(rows)
                    row["time_device"] = k * TICK_100NS
                    row["time_host"] = time.perf_counter_ns()
                    yield BodyFrame(row)
                if k < frames:
                    yield from next(color)
                if self._closed:
                    return
        except (SensorError, StopIteration) as error:
            # it could be read a moment ago: a file was changed, or the disk fails
            reason = str(error) or f"frame {k} is missing"
            raise SensorError(
                f"{self._video or self._skeleton}: can't be read any more ({reason})", exit_code=1
            ) from error

    def close(self) -> None:
        """Make ``items`` end after the present frame."""
        self._closed = True

    def _color(self, check: VideoCheck) -> Iterator[list[Item]]:
        """Yield the items of each colour frame in turn: the frame, after notices, or its loss."""
        assert self._video is not None
        video = AviVideo(self._video)
        try:
            # files that were changed meanwhile may give fewer frames
            decoded = zip(check.numbers, video.decoded(), strict=False)
            for k, state in enumerate(check.states):
                at, now = k * TICK_100NS, time.perf_counter_ns()
                if state.is_lost:
                    yield [Lost(Stream.color, at, now, _LOST[state])]
                    continue
                image = next((frame.image for number, frame in decoded if number == k), None)
                if image is None:
                    return
                pixels = np.asarray(image.to_ndarray(format="bgr24"), np.uint8)
                frame = ColorFrame(pixels, at, now, release=_nothing_to_release)
                yield [*_notices(check, k), frame]
        finally:
            video.close()


def _nothing_to_release() -> None:
    """Release nothing: each image has memory of its own."""


def _notices(check: VideoCheck, k: int) -> Iterator[Notice]:
    """Yield what is to be said of frame k: damage, or the beginning of frames predicted from it."""
    state = check.states[k]
    if state is FrameState.damaged:
        text = f"the decoder reports damage in colour frame {k} of the video"
        yield Notice(text, EventKind.damaged_image, Stream.color, 1)
    elif state is FrameState.predicted and (not k or check.states[k - 1] is not state):
        end = next(
            (n for n in range(k, len(check.states)) if check.states[n] is not state),
            len(check.states),
        )
        text = (
            f"colour frames {k} to {end - 1} of the video are predicted from damaged or lost ones"
        )
        yield Notice(text, EventKind.damaged_image, Stream.color, end - k)


def _files(path: Path) -> tuple[Path | None, Path]:
    """Return the video and the ``.skeleton`` file of a clip, of which one is named.

    Raises:
        SensorError: One is missing.
    """
    if path.suffix.lower() == ".skeleton":
        check_regular(path, WANTED)
        videos = [path.with_name(f"{path.stem}{end}.avi") for end in ("_rgb", "")]
        return next((video for video in videos if video.is_file()), None), path
    check_regular(path, "an NTU RGB+D colour video (.avi)")
    skeleton = path.with_name(path.stem.removesuffix("_rgb") + ".skeleton")
    if not skeleton.is_file():
        raise SensorError(f"{path}: no {skeleton.name} beside it; ntu: needs both files")
    return path, skeleton


def _length_problems(
    video: Path, check: VideoCheck, skeleton: Path, rows: int, spec: SourceSpec
) -> list[str]:
    """Return what to say of files of different length.

    Raises:
        SensorError: They differ, and the user has not said how they belong together.
    """
    frames, align = len(check.states), spec.options.get("align")
    if align not in (None, "start"):
        raise SensorError(f"--source {spec.text}: align={align!r}, expected align=start")
    if frames == rows:
        return []
    if align is None:
        raise SensorError(
            f"{video}: has {frames} frames, {skeleton.name} {rows}; they don't belong together, or "
            "frames are missing from one in an unknown place; add ,align=start if only the end is "
            "missing"
        )
    return [
        f"{video.name} has {frames} frames, {skeleton.name} {rows}: aligned at the start by "
        "request, the rest is stored without its partner"
    ]
