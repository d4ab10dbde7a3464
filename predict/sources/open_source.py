"""Find out what a source is, and open it."""

import glob
from pathlib import Path
from typing import Final

from ...core.errors import KincapError
from ...sessions.folders import SESSION_FILE
from . import pictures, video
from .camera import open_camera
from .frame_source import FrameSource
from .pictures import PictureFolderSource, find_pictures, read_picture
from .sensor_frames import is_sensor, open_sensor
from .session_frames import SessionSource
from .video import VideoSource

CAMERA_PREFIX: Final = "camera:"


def open_source(text: str) -> FrameSource:
    """Open a picture, a folder, a pattern, a video, ``camera:N``, a session, ``kinect``.

    Args:
        text: As the user wrote it.

    Raises:
        KincapError: It is none of these, or can't be read; nothing was done.
        MissingPartError: There is no such camera or sensor.
    """
    if text.startswith(CAMERA_PREFIX):
        return open_camera(text.removeprefix(CAMERA_PREFIX))
    path = Path(text)
    if is_sensor(text) and not path.exists():
        return open_sensor(text)
    if path.is_dir():
        return _open_folder(path)
    if path.is_file():
        if path.suffix.lower() in video.SUFFIXES:
            return VideoSource(path)
        read_picture(path)  # a single picture that is none is refused before work begins
        return PictureFolderSource([path], text)
    if glob.has_magic(text):
        found = sorted(Path(name) for name in glob.glob(text, recursive=True))
        chosen = [one for one in found if one.suffix.lower() in pictures.SUFFIXES]
        if not chosen:
            raise KincapError(f"{text}: no picture matches; put the pattern in quotes")
        return PictureFolderSource(chosen, text)
    raise KincapError(
        f"{text}: no such file or folder; give a picture, a folder of pictures, a pattern, a "
        "video, camera:0, kinect, or the folder of a session"
    )


def _open_folder(path: Path) -> FrameSource:
    if (path / SESSION_FILE).is_file():
        return SessionSource(path)
    chosen = find_pictures(path)
    if not chosen:
        raise KincapError(
            f"{path}: neither a session nor a folder with pictures ({', '.join(pictures.SUFFIXES)})"
        )
    return PictureFolderSource(chosen, str(path))
