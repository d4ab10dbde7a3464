"""Decoding of single packets, with FFmpeg's messages counted instead of printed."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av


def decode_packet(packet: "av.Packet[Any]") -> tuple[list[Any], bool]:
    """Decode a packet; return the frames that came out, and True if FFmpeg reported an error.

    Its messages are collected instead of being printed on stderr.
    """
    import av
    import av.logging

    before, skipped = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.ERROR)
    av.logging.set_skip_repeated(False)
    try:
        with av.logging.Capture() as messages:
            try:
                frames = list(packet.decode())
            except (av.FFmpegError, ValueError):
                return [], True
            return frames, bool(messages)
    finally:
        av.logging.set_level(before)
        av.logging.set_skip_repeated(skipped)


def first_line(error: Exception) -> str:
    """Return what an error of FFmpeg says, as one line."""
    return str(getattr(error, "strerror", None) or error).split("\n")[0]
