"""The streams that ``--streams`` can choose from: those of a Kinect v2."""

from typing import Final

from ...core.errors import SensorError

STREAMS: Final = ("color", "bodies", "mask", "depth")
_USUAL_STREAMS: Final = ("color", "bodies")


def checked_streams(streams: tuple[str, ...]) -> tuple[str, ...]:
    """Return streams in their usual order.

    Args:
        streams: Of STREAMS, in any order; (): the usual ones.

    Raises:
        SensorError: There is no such stream, or one appears twice.
    """
    for name in streams:
        if name not in STREAMS or streams.count(name) > 1:
            raise SensorError(
                f"--streams {','.join(streams)}: {name!r} is none of {', '.join(STREAMS)}, "
                "or appears twice"
            )
    return tuple(name for name in STREAMS if name in (streams or _USUAL_STREAMS))
