"""Turns raw pictures into JPEG and PNG in a few threads, outside Python's lock."""

import threading
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError
from ..core.jpeg import check_jpeg, encode_jpeg
from ..core.png import encode_png
from .clock import Clock
from .ring import EncodedPicture, PictureJob, Queues
from .sensor import ColorFrame, PlaneFrame

QUALITY = 90


class Encoders:
    """The encoder threads of one recording."""

    def __init__(
        self,
        queues: Queues,
        *,
        threads: int,
        size_px: tuple[int, int],
        is_aborted: Callable[[], bool],
        on_failure: Callable[[str], None],
        clock: Clock,
    ) -> None:
        """Prepare the threads.

        Args:
            queues: Where frames come from and go.
            threads: How many encode at once.
            size_px: (width, height) that every frame must have.
            is_aborted: Says that frames are to be let go instead of encoded.
            on_failure: Told why a frame could not be encoded; it is then stored as lost.
            clock: Makes what threads wait in.
        """
        self._queues, self._size_px = queues, size_px
        self._is_aborted, self._on_failure = is_aborted, on_failure
        # a job and its place among the encoded frames are taken together: were they not, later
        # frames could hold all places while the writer waits for an earlier one
        self._in_turn = clock.lock()
        self._threads = [
            threading.Thread(target=self._run, name=f"kincap-encoder-{k}", daemon=True)
            for k in range(threads)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Let each thread end when the frames before have been encoded."""
        for _ in self._threads:
            self._queues.raw.put(None)

    @property
    def threads(self) -> list[threading.Thread]:
        """The threads, to be joined after ``finish``."""
        return self._threads

    def _run(self) -> None:
        queues = self._queues
        while True:
            with self._in_turn:
                job = queues.raw.get()
                if job is None:
                    return
                queues.encoded_places.get()
            blob = self._encode(job.frame)
            self._let_go(job)
            queues.inbox.put(EncodedPicture(job, blob, zlib.crc32(blob) if blob else 0))

    def _let_go(self, job: PictureJob) -> None:
        """Give the frame's memory and its place in the ring back."""
        job.frame.image = None
        if job.frame.release is not None:
            job.frame.release()
        self._queues.raw_places[job.stream].put(job.place)

    def _encode(self, frame: ColorFrame | PlaneFrame) -> bytes | None:
        """Return the picture as a JPEG or PNG file, None where that can't be done."""
        if self._is_aborted():
            return None
        try:
            if isinstance(frame, PlaneFrame):
                return encode_png(frame.image)
            if frame.jpeg is not None:
                check_jpeg(frame.jpeg, self._size_px)
                return frame.jpeg
            return encode_jpeg(self._checked_image(frame), QUALITY)
        except (KincapError, MemoryError) as error:
            self._on_failure(f"a frame can't be encoded: {error}")
            return None
        except Exception as error:  # cv2.error derives from nothing narrower
            self._on_failure(f"a frame can't be encoded: {type(error).__name__}")
            return None

    def _checked_image(self, frame: ColorFrame) -> npt.NDArray[np.uint8]:
        """Return the frame's image; raise KincapError where it is not what the source said."""
        width, height = self._size_px
        image = frame.image
        shapes = ((height, width, 4), (height, width, 3))
        if image is None or image.dtype != np.uint8 or image.shape not in shapes:
            found = "no image" if image is None else f"{image.dtype} of shape {image.shape}"
            raise KincapError(f"the source gave {found}, expected uint8 {height}x{width}x3 or x4")
        return image
