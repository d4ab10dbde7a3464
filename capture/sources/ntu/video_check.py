"""The check of a whole AVI video: the number of each frame, what is lost, and what is damaged."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from ....core.errors import SensorError
from ....core.sensor_shape import KINECT_V2
from .avi import AviVideo, Decoded

COLOR_SIZE_PX: Final = KINECT_V2.color_size_px
_MOST_NAMED: Final = 8


class FrameState(IntEnum):
    """State of a frame of a video."""

    sound = 0
    damaged = 1
    """The decoder reports damage, or conceals it."""
    predicted = 2
    """It is predicted from a damaged or lost frame."""
    empty = 3
    """Its chunk in the file is empty."""
    undecodable = 4
    """The decoder makes no image of it, or its number is not certain."""

    @property
    def is_lost(self) -> bool:
        """True if there is no image of it."""
        return self >= FrameState.empty


@dataclass(frozen=True)
class VideoCheck:
    """A checked video.

    Attributes:
        states: State of each frame; the container's own count of frames is its length.
        numbers: The number of each frame that the decoder gives, in that order; None: not certain.
    """

    states: tuple[FrameState, ...]
    numbers: tuple[int | None, ...]

    def problems(self, name: str) -> Iterator[str]:
        """Yield a line for each kind of damage; ``name`` is the file's."""
        words = {
            FrameState.empty: "empty in the file, counted as lost",
            FrameState.undecodable: "can't be decoded or placed, counted as lost",
            FrameState.damaged: "reported as damaged by the decoder",
            FrameState.predicted: "predicted from damaged or lost ones",
        }
        for state, text in words.items():
            found = [k for k, each in enumerate(self.states) if each is state]
            if found:
                yield f"{name}: {len(found)} frame{'s' * (len(found) > 1)} {text}: {_named(found)}"


def check_video(path: Path) -> VideoCheck:
    """Decode a whole video and find the number of each frame.

    Args:
        path: An AVI file.

    Raises:
        SensorError: It is not a colour video of a Kinect v2, was cut, or is damaged in a way that
            leaves the frames' numbers unknown.
    """
    video = AviVideo(path)
    try:
        return _checked(path, video)
    finally:
        video.close()


def _checked(path: Path, video: AviVideo) -> VideoCheck:
    _check_size(path, video.size_px)
    # images are let go at once: a second pass decodes them again
    frames = [(f.place, f.is_key, f.is_reported, f.is_reference, _fits(f)) for f in video.decoded()]
    if not any(fits for *_, fits in frames):
        raise SensorError(f"{path}: no frame can be decoded; the file is damaged")
    total = _count(path, video)
    silent = set(video.places) - {place for place, *_ in frames}
    missing = set(video.listed) - set(video.places)
    empty = set(range(total)) - set(video.places) - missing
    lost = sorted(silent | missing | empty)
    shown = [place for place, *_ in frames]
    is_reordered = any(a > b for a, b in zip(shown, shown[1:], strict=False))
    numbers = _numbers(shown, lost, video.delay) if is_reordered else [*shown]
    known = [number for number in numbers if number is not None]
    if any(b <= a for a, b in zip(known, known[1:], strict=False)) or max(known) >= total:
        raise SensorError(
            f"{path}: lost frames in a place that can't be worked out; no frame can be given its "
            "joints"
        )
    spoiled = _spoiled(total, frames, predicts=video.predicts)
    states = [FrameState.undecodable] * total
    if not is_reordered:
        for place in empty:
            states[place] = FrameState.empty
    for number, (place, _, _, _, fits) in zip(numbers, frames, strict=True):
        if number is not None and fits:
            states[number] = spoiled[place]
    return VideoCheck(tuple(states), tuple(numbers))


def _check_size(path: Path, size_px: tuple[int, int]) -> None:
    if size_px != COLOR_SIZE_PX:
        raise SensorError(
            f"{path}: frames of {size_px[0]}x{size_px[1]}, expected 1920x1080, the pixels that "
            "the .skeleton file is about; give the original video"
        )


def _fits(frame: Decoded) -> bool:
    """Return True if a frame has the size of the video; damage can change it."""
    return (frame.image.width, frame.image.height) == COLOR_SIZE_PX


def _count(path: Path, video: AviVideo) -> int:
    """Return the container's own count of frames.

    Raises:
        SensorError: Its parts do not agree.
    """
    found = len(video.places)
    if not video.listed and found != video.promised:
        raise SensorError(
            f"{path}: its header promises {video.promised} frames, it holds {found} and no index; "
            "the file was cut"
        )
    last = max([*video.listed, *video.places])
    if last + 1 < video.promised and not video.last_is_listed():
        raise SensorError(
            f"{path}: its header promises {video.promised} frames, its index lists {last + 1}; the "
            "file was changed"
        )
    return max(video.promised, last + 1)


def _numbers(shown: list[int], lost: list[int], delay: int) -> list[int | None]:
    """Return the numbers of frames that were coded in another order than they are shown in.

    A frame is shown ``reach`` places before or after its packet at most. The number of a lost frame
    within that of a packet is not known, so the frame of that packet has no certain number.

    Args:
        shown: Place of the packet of each decoded frame, in the order in which they are shown.
        lost: Places of which there is no frame, rising.
        delay: The decoder's delay, frames.
    """
    ranks = {place: rank for rank, place in enumerate(sorted(shown))}
    reach = max(delay, *(abs(ranks[place] - k) for k, place in enumerate(shown)))
    return [
        None
        if bisect_left(lost, place - 2 * reach) < bisect_right(lost, place + 2 * reach)
        else k + bisect_left(lost, place)
        for k, place in enumerate(shown)
    ]


def _spoiled(
    total: int,
    frames: list[tuple[int, bool, bool, bool, bool]],
    *,
    predicts: bool,
) -> list[FrameState]:
    """Return the state of the frame of each packet, damage carried on to what is predicted from it.

    Args:
        total: Number of places.
        frames: place, is_key, is_reported, is_reference, fits of each decoded frame.
        predicts: Whether the codec predicts frames from others.
    """
    states = [FrameState.sound] * total
    known = {place: flags for place, *flags in frames}
    is_spoiled = False
    for place in range(total):
        flags = known.get(place)
        if flags is None:
            # an empty chunk may only repeat a frame, but nothing shows that
            is_spoiled = predicts
            continue
        is_key, is_reported, is_reference, _ = flags
        is_spoiled = is_spoiled and not is_key
        if is_reported:
            states[place] = FrameState.damaged
            is_spoiled = is_spoiled or (predicts and is_reference)
        elif is_spoiled:
            states[place] = FrameState.predicted
    return states


def _named(numbers: list[int]) -> str:
    """Return frame numbers as text, runs shortened."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    words = [str(a) if a == b else f"{a}-{b}" for a, b in runs[:_MOST_NAMED]]
    return ", ".join(words) + (", ..." if len(runs) > _MOST_NAMED else "")
