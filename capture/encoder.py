"""Encode images as JPEG and PNG in a few threads, outside Python's lock."""

import threading
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..core.errors import KincapError
from ..core.jpeg import check_jpeg, encode_jpeg, jpeg_size
from ..core.png import encode_png, png_size
from ..sessions.schema import EventKind, Stream
from .clock import Clock
from .queues import EncodedFrame, FrameJob, Queues
from .sources.sensor import ColorFrame, PlaneFrame
from .watches.observations import items_of


class Encoders:
    """The encoder threads of one recording."""

    def __init__(
        self,
        queues: Queues,
        *,
        threads: int,
        size_px: tuple[int, int],
        plane_size_px: tuple[int, int],
        is_aborted: Callable[[], bool],
        on_failure: Callable[[EventKind, str], None],
        clock: Clock,
    ) -> None:
        """Prepare the threads.

        Args:
            queues: Give and receive the frames.
            threads: Number of threads.
            size_px: (width, height) that every colour image must have.
            plane_size_px: (width, height) that every mask and depth image must have.
            is_aborted: Returns True once frames are to be dropped instead of encoded.
            on_failure: Called with the kind of event and a text if a frame could not be encoded
                (it is then stored as lost) or given back.
            clock: Makes what threads wait in.
        """
        self._queues, self._size_px, self._plane_size_px = queues, size_px, plane_size_px
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
            picture = self._encode(job)
            self._let_go(job)
            queues.inbox.put(picture)

    def _let_go(self, job: FrameJob) -> None:
        """Give the frame's memory and its place in the ring back."""
        job.frame.image = None
        try:
            if job.frame.release is not None:
                job.frame.release()
        except Exception as error:
            # a device's code; a thread that ended here would leave the recorder waiting for ever
            text = f"the source can't take the memory of an image back: {type(error).__name__}"
            self._on_failure(EventKind.warning, text)
        self._queues.raw_places[job.stream].give_back(job.place)

    def _encode(self, job: FrameJob) -> EncodedFrame:
        """Return the frame with its JPEG or PNG, or with the reason why it has none."""
        drop = EventKind.drop_encoder
        try:
            blob = None if self._is_aborted() else self._encoded(job.frame)
            return EncodedFrame(job, blob, zlib.crc32(blob) if blob else 0)
        except _WrongSizeError as error:
            drop, why = EventKind.drop_wrong_size, str(error)
        except (KincapError, MemoryError) as error:
            why = str(error)
        except Exception as error:  # cv2.error derives from nothing narrower
            why = type(error).__name__
        self._on_failure(drop, f"{items_of(job.stream, 1)} {job.seq} can't be stored: {why}")
        return EncodedFrame(job, None, 0, drop)

    def _encoded(self, frame: ColorFrame | PlaneFrame) -> bytes:
        """Return an image as a file; raise KincapError if it is not as the source said."""
        if isinstance(frame, PlaneFrame):
            if frame.png is not None:
                return _checked_png(frame, frame.png, self._plane_size_px)
            return encode_png(_checked_plane(frame, self._plane_size_px))
        if frame.jpeg is None:
            return encode_jpeg(self._checked_image(frame))
        found = jpeg_size(frame.jpeg)
        if found != self._size_px:
            width, height = self._size_px
            raise _WrongSizeError(
                f"the source gave a JPEG of {found[0]}x{found[1]}, expected {width}x{height}"
            )
        check_jpeg(frame.jpeg)
        return frame.jpeg

    def _checked_image(self, frame: ColorFrame) -> npt.NDArray[np.uint8]:
        """Return the frame's image; raise if it is not as the source said."""
        width, height = self._size_px
        image = frame.image
        shapes = ((height, width, 4), (height, width, 3))
        if image is None or image.dtype != np.uint8 or image.shape not in shapes:
            raise _WrongSizeError(
                f"the source gave {_named(image)}, expected uint8 {height}x{width}x3 or x4"
            )
        return image


class _WrongSizeError(KincapError):
    """An image has another size or type than its source said."""


def _checked_plane(frame: PlaneFrame, size_px: tuple[int, int]) -> npt.NDArray[Any]:
    """Return a mask or depth image; raise if its size or type is another."""
    image = frame.image
    kind = np.uint8 if frame.stream is Stream.mask else np.uint16
    width, height = size_px
    if image is None or image.dtype != kind or image.shape != (height, width):
        raise _WrongSizeError(
            f"the source gave {_named(image)}, expected {np.dtype(kind)} {height}x{width}"
        )
    return image


def _checked_png(frame: PlaneFrame, png: bytes, size_px: tuple[int, int]) -> bytes:
    """Return an encoded mask or depth image; raise if its size or type is another."""
    found, expected = png_size(png), (*size_px, 8 if frame.stream is Stream.mask else 16)
    if found != expected:
        raise _WrongSizeError(
            "the source gave a PNG of {}x{} with {} bits, expected {}x{} with {}".format(
                *found, *expected
            )
        )
    return png


def _named(image: npt.NDArray[Any] | None) -> str:
    """Return type and size of an image, for a message."""
    if image is None:
        return "no image"
    return f"{image.dtype} {'x'.join(map(str, image.shape))}"
