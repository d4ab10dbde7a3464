"""The files of a run, opened together and finished together."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from ...core.errors import KincapError
from ...engines.engine import Images
from ..sources.frame_source import PICTURES, FrameSource, SourceFrame
from .coco_results import CocoResults
from .contact_sheet import ContactSheet
from .drawing import with_note
from .frame_poses import FramePoses
from .gif_file import SUFFIX, GifFile
from .pose_lines import PoseLines
from .video_file import VideoFile


class OutputPaths(Protocol):
    """The settings of a run that name its files; see ``PredictSettings``."""

    @property
    def weights(self) -> Path:
        """The checkpoint or the exported file."""

    @property
    def out(self) -> Path | None:
        """Drawn video; None: none."""

    @property
    def poses(self) -> Path | None:
        """Lines of poses; None: none."""

    @property
    def coco(self) -> Path | None:
        """COCO results; None: none."""

    @property
    def sheet(self) -> Path | None:
        """Contact sheet; None: none."""

    @property
    def resume(self) -> bool:
        """True to leave out pictures that ``poses`` has already."""


class OutputFiles:
    """The files of a run: all are finished whatever ends it."""

    def __init__(self) -> None:
        self.lines: PoseLines | None = None
        self.video: VideoFile | GifFile | None = None
        self.coco: CocoResults | None = None
        self.sheet: ContactSheet | None = None

    def is_drawn(self, frame: FramePoses) -> bool:
        """Return True if a frame has to be drawn."""
        on_sheet = self.sheet is not None and frame.is_looked_at and self.sheet.wants_next
        return self.video is not None or on_sheet

    def earlier(self, frame: SourceFrame) -> FramePoses | None:
        """Return the people of a picture that an earlier run had done; None: it had not."""
        found = None if self.lines is None or not frame.name else self.lines.earlier(frame.name)
        # pictures may have come since, which changes the numbers of those after them
        return None if found is None else replace(found, number=frame.number)

    def write(self, frame: FramePoses, drawn: Images | None, note: str) -> None:
        """Write one frame to all files.

        Args:
            frame: The people.
            drawn: The image with them; None where it was not asked for.
            note: A line for the video.
        """
        if self.lines is not None:
            self.lines.write(frame)
        if self.video is not None and drawn is not None and drawn.size:
            self.video.write(with_note(drawn, note), frame.time_s or 0.0)
        self.write_again(frame, drawn)

    def write_again(self, frame: FramePoses, drawn: Images | None) -> None:
        """Write a frame to the files that are made anew where an earlier run goes on."""
        if self.coco is not None:
            self.coco.add(frame)
        if self.sheet is not None and frame.is_looked_at:
            self.sheet.add(drawn if drawn is not None and drawn.size else None, frame)

    def written(self) -> list[str]:
        """Return the names of the files."""
        files = (self.lines, self.video, self.coco, self.sheet)
        # a video without a frame is not made
        return [str(one.path) for one in files if one is not None and one.path.exists()]


@contextlib.contextmanager
def open_outputs(settings: OutputPaths, source: FrameSource) -> Iterator[OutputFiles]:
    """Open all files of a run; they are finished whatever ends it.

    Raises:
        KincapError: A file can't be written, or does not fit the source; nothing was done.
    """
    _check_apart(settings)
    if settings.resume and (source.kind != PICTURES or settings.poses is None):
        raise KincapError("--resume: only for pictures with --poses FILE")
    with contextlib.ExitStack() as stack:
        outputs = OutputFiles()
        if settings.resume and settings.poses is not None and settings.poses.exists():
            outputs.lines = PoseLines(settings.poses, resume=True)
            stack.callback(outputs.lines.close)
        _open_others(outputs, settings, source)
        if settings.poses is not None and outputs.lines is None:
            # last, since it makes its file at once
            outputs.lines = PoseLines(settings.poses, resume=settings.resume)
            stack.callback(outputs.lines.close)
        for one in (outputs.video, outputs.coco, outputs.sheet):
            if one is not None:
                stack.callback(one.close)
        yield outputs


def _open_others(outputs: OutputFiles, settings: OutputPaths, source: FrameSource) -> None:
    """Open all files but the lines of poses."""
    if settings.out is not None:
        if source.kind == PICTURES:
            raise KincapError("--out: a video is for videos, cameras and sessions; use --sheet")
        if settings.out.exists():
            raise KincapError(f"--out: {settings.out} exists; choose another name or remove it")
        is_gif = settings.out.suffix.lower() == SUFFIX
        outputs.video = GifFile(settings.out) if is_gif else VideoFile(settings.out)
    if settings.coco is not None:
        earlier = () if outputs.lines is None else outputs.lines.done
        outputs.coco = CocoResults(settings.coco, earlier)
    if settings.sheet is not None:
        title = f"{settings.weights.name} on {Path(source.name).name}"
        outputs.sheet = ContactSheet(settings.sheet, title, resume=settings.resume)


def _check_apart(settings: OutputPaths) -> None:
    """Refuse one file for two outputs: the later one would replace the earlier one."""
    flags: dict[Path, str] = {}
    for flag in ("out", "poses", "coco", "sheet"):
        path: Path | None = getattr(settings, flag)
        if path is None:
            continue
        other = flags.setdefault(path.absolute(), flag)
        if other != flag:
            raise KincapError(f"--{flag}: {path} is the file of --{other} too; name another")
