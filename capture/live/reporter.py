"""Put the status of a running recording together from its threads' counters."""

from pathlib import Path

from ...sessions.schema import Stream
from ..hand_over import HandOver
from ..source_thread import SourceThread
from ..stop import Stop
from ..writer import Writer
from .meter import StreamMeter
from .status import LiveStatus, State


class StatusReporter:
    """Makes ``LiveStatus`` in the main thread; reads counters, waits for no one.

    Args:
        folder: The session's folder.
        meter: What came lately.
        source_thread: Knows the state, the time recorded, the light.
        hand_over: Counts what the source gave.
        writer: Counts what is stored and lost.
        stop: Whether the recording is to end.
    """

    def __init__(
        self,
        folder: Path,
        meter: StreamMeter,
        source_thread: SourceThread,
        hand_over: HandOver,
        writer: Writer,
        stop: Stop,
    ) -> None:
        self._folder, self._meter = folder, meter
        self._source_thread, self._hand_over = source_thread, hand_over
        self._writer, self._stop = writer, stop

    def status(self, now_ns: int) -> LiveStatus:
        """Return the status at a host time, ns."""
        meter, writer, source_thread = self._meter, self._writer, self._source_thread
        color_fps, body_fps = meter.fps(now_ns)
        shares = meter.body_shares(now_ns)
        not_stored = sum(self._hand_over.not_stored.values())
        handed = sum(self._hand_over.handed.values()) - not_stored
        return LiveStatus(
            state=self._state(),
            session=self._folder.name,
            take=self._hand_over.take,
            elapsed_s=round(source_thread.recorded_s, 3),
            color_fps=round(color_fps, 2),
            body_fps=round(body_fps, 2),
            color_frames=writer.stored[Stream.color],
            body_frames=writer.stored[Stream.bodies],
            dropped=dict(sorted(writer.lost.copy().items())),
            dropped_share_10s=meter.dropped_share(handed, writer.dropped, now_ns),
            bodies=shares.bodies,
            tracked_share=shares.tracked,
            inferred_share=shares.inferred,
            pair_residual_ms=meter.pair_residual_ms(now_ns),
            low_light=source_thread.is_low_light,
            disk_minutes_left=meter.disk_minutes_left(self._folder, writer.written_bytes, now_ns),
            not_stored=not_stored + source_thread.waited,
            cue=source_thread.steering.cue,
        )

    def _state(self) -> State:
        if self._stop.is_asked() or not self._source_thread.thread.is_alive():
            return "ending"
        return self._source_thread.steering.state
