"""The packets of an AVI video: which place each has among the frames, and what the decoder says.

Times in such files can't be trusted (H.264 in an AVI has none), so frames are counted. The place of
a packet is its place in the container's index, where an empty chunk has a place too; never the
order in which frames come out of the decoder.
"""

import re
import struct
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ....core.errors import SensorError
from ..video.decoding import decode_packet, first_line

if TYPE_CHECKING:
    import av
    import av.container

_CODECS: Final = (
    "h264", "hevc", "mpeg4", "mjpeg", "msmpeg4v2", "msmpeg4v3", "rawvideo", "huffyuv", "ffvhuff",
    "ffv1",
)  # fmt: skip
"""Decoders that a file may ask for: those that recorders of depth cameras use."""
_WITHOUT_PREDICTION: Final = ("mjpeg", "rawvideo", "huffyuv", "ffvhuff")
"""Codecs of which every frame is decoded by itself."""
_OTHERS: Final = (
    (b"\x1aE\xdf\xa3", "a Matroska or WebM file"),
    (b"....ftyp", "an MP4 or QuickTime file"),
    (b"RIFF....WAVE", "a WAVE file"),
    (b"RIFF....WEBP", "a WebP image"),
    (b"OggS", "an Ogg file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89HDF", "an HDF5 file"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x00\x00\x01\xba", "an MPEG file"),
    (b"FLV\x01", "a Flash video"),
)
_HEAD_BYTES: Final = 12
_ENTRY_BYTES: Final = 16
_MAX_AFTER_END_BYTES: Final = 1 << 20
_CHUNK_NAME: Final = re.compile(rb"[A-Za-z0-9 ]{4}")
_MAX_INDEX_BYTES: Final = 64 << 20
_NO_REFERENCE: Final = 0x60
"""The bits of an H.264 unit's first byte that are 0 where no other frame is predicted from it."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame that came out of the decoder.

    Attributes:
        place: Place of its packet in the container.
        image: The decoder's frame.
        is_key: It is decoded without any other frame.
        is_reported: The decoder reports damage in it.
        is_reference: Others may be predicted from it.
    """

    place: int
    image: "av.VideoFrame"
    is_key: bool
    is_reported: bool
    is_reference: bool


def check_container(path: Path) -> None:
    """Check the container before any decoder sees the file.

    Raises:
        SensorError: It is not an AVI file; says what it is, where that is known.
    """
    try:
        head = _head(path)
    except OSError as error:
        raise SensorError(f"{path}: can't be read ({error.strerror})") from error
    if _matches(head, b"RIFF....AVI "):
        _check_end(path)
        return
    if not head:
        raise SensorError(f"{path}: an empty file, expected an AVI video")
    found = next((name for magic, name in _OTHERS if _matches(head, magic)), None)
    raise SensorError(
        f"{path}: {found or 'not an AVI file'}, expected an AVI video; ntu: needs the original "
        "X_rgb.avi"
    )


def _check_end(path: Path) -> None:
    """Check that a file ends where its container says; FFmpeg would search all that follows.

    Raises:
        SensorError: It is larger.
    """
    end, size = 0, path.stat().st_size
    with open(path, "rb") as file:
        while file.seek(end) < size and file.read(4) == b"RIFF":
            end += 8 + int.from_bytes(file.read(4), "little")
            end += end % 2
    if size - end > _MAX_AFTER_END_BYTES:
        raise SensorError(
            f"{path}: {size} bytes, its container ends at {end}; the file is damaged, or its "
            "recorder did not finish it"
        )


def _head(path: Path) -> bytes:
    with open(path, "rb") as file:
        return file.read(_HEAD_BYTES)


def _matches(head: bytes, magic: bytes) -> bool:
    """Return True if a file begins with some bytes; a point stands for any byte."""
    return len(head) >= len(magic) and all(
        m in (ord("."), h) for h, m in zip(head, magic, strict=False)
    )


class AviVideo:
    """An AVI video, opened.

    Attributes:
        size_px: (width, height) of its frames.
        promised: Number of frames that its header states.
        listed: Places of the frames in its index that are not empty; a file that was cut has none.
        places: Places of the packets that ``decoded`` has found until now, in their order.
        predicts: Whether frames are predicted from others.
        delay: Frames by which the decoder may hand a frame over later than its packet.
    """

    def __init__(self, path: Path) -> None:
        """Open a video; ``close`` it.

        Raises:
            SensorError: It is not an AVI file, holds no video, or its codec is not supported.
        """
        import av

        check_container(path)
        self._path = path
        try:
            # a resolved path is absolute, so FFmpeg takes it for no URL and no pattern
            self._container = av.open(str(path.resolve()), format="avi")
        except (av.FFmpegError, OSError, ValueError) as error:
            raise SensorError(f"{path}: a damaged AVI file ({first_line(error)})") from error
        try:
            self._open_stream()
        except BaseException:
            self._container.close()
            raise

    def _open_stream(self) -> None:
        streams = self._container.streams.video
        if not streams:
            raise SensorError(f"{self._path}: an AVI file without video; ntu: needs a colour video")
        self._stream = stream = streams[0]
        context = stream.codec_context
        if context is None or context.name not in _CODECS:
            name = "an unknown codec" if context is None else context.name
            raise SensorError(
                f"{self._path}: coded as {name}, expected one of {', '.join(_CODECS)}"
            )
        # in one thread, messages and frames belong to the packet that was given last
        context.thread_type, context.thread_count = "NONE", 1
        context.copy_opaque = True
        self.size_px = (context.width, context.height)
        self.promised = int(stream.frames)
        self.predicts = context.name not in _WITHOUT_PREDICTION
        self.delay = max(int(context.reorder_depth), int(context.has_b_frames))
        self._is_h264 = context.name == "h264"
        self.places = array("q")
        # the index counts from a chunk's header, packets from its content
        found = {int(e.pos) + 8: int(e.timestamp) for e in stream.index_entries}
        # without an index in the file, FFmpeg makes one of what it has seen
        self._entries = _count_entries(self._path, stream.index)
        self._places = found if self._entries else {}
        self.listed = array("q", sorted(self._places.values()))

    def last_is_listed(self) -> bool:
        """Return True if the index has an entry, maybe an empty one, for every promised frame."""
        return self._entries == self.promised

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def decoded(self) -> Iterator[Decoded]:
        """Decode all frames, in the order in which they are shown.

        Raises:
            SensorError: A packet is not in the index, or the places do not rise.
        """
        reports: dict[int, tuple[bool, bool]] = {}
        place = -1
        for packet in self._container.demux(self._stream):
            is_end = packet.size == 0
            if not is_end:
                packet.opaque = place = self._place(packet, place)
                self.places.append(place)
            frames, spoken = decode_packet(packet)
            if not is_end:
                reports[place] = spoken, self._is_reference(packet)
            for frame in frames:
                found = reports.pop(frame.opaque, None) if isinstance(frame.opaque, int) else None
                if found is None:
                    raise SensorError(
                        f"{self._path}: the decoder gives more frames than there are in the file; "
                        "it is damaged, no frame can be given its joints"
                    )
                yield Decoded(
                    frame.opaque, frame, bool(frame.key_frame), frame.is_corrupt or found[0],
                    found[1],
                )  # fmt: skip

    def _place(self, packet: "av.Packet[Any]", last: int) -> int:
        """Return the place of a packet in the container."""
        found = self._places.get(int(packet.pos)) if packet.pos is not None else None
        if not self._places:
            found = last + 1 if packet.dts is None else int(packet.dts)
        if found is None or found <= last:
            raise SensorError(
                f"{self._path}: its index does not agree with its frames; the file is damaged, "
                "no frame can be given its joints"
            )
        return found

    def _is_reference(self, packet: "av.Packet[Any]") -> bool:
        """Return False if no other frame is predicted from a packet."""
        if not self.predicts:
            return False
        if not self._is_h264:
            return True
        data = bytes(packet)
        at = data.find(b"\x00\x00\x01")
        while at >= 0 and at + 3 < len(data):
            if data[at + 3] & 0x1F in (1, 2, 5):
                return bool(data[at + 3] & _NO_REFERENCE)
            at = data.find(b"\x00\x00\x01", at + 3)
        return True


def _count_entries(path: Path, stream: int) -> int:
    """Return the number of entries that an AVI file's index has for a stream; 0: there is none."""
    names = (b"%02ddc" % stream, b"%02ddb" % stream)
    with open(path, "rb") as file:
        end = file.seek(0, 2)
        at = _HEAD_BYTES
        while at + 8 <= end:
            file.seek(at)
            name, size = struct.unpack("<4sI", file.read(8))
            if not _CHUNK_NAME.fullmatch(name):
                break
            if name == b"idx1":
                entries = file.read(min(size, _MAX_INDEX_BYTES))
                return sum(
                    entries[k : k + 4] in names for k in range(0, len(entries), _ENTRY_BYTES)
                )
            at += 8 + size + size % 2
    return 0
