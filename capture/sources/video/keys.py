"""The options of a source that takes a video beside its joints."""

from typing import Final

VIDEO_KEYS: Final = {
    "video": "a video of the same scene; its colour frames are recorded too",
    "offset_ms": "time from the first line of joints to the video's first frame, ms; 0 if not "
    "given",
}
