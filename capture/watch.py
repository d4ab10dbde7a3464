"""What the recorder notices while it records: nobody is seen, no frames come."""

from typing import Any

import numpy.typing as npt

NO_BODY_AFTER_100NS = 30_000_000
"""Device time without a body after which the person is told."""
STALL_AFTER_NS = 1_000_000_000
"""Host time without any item after which the person is told."""


class BodyWatch:
    """Notices when nobody has been seen for some seconds, once per absence."""

    def __init__(self) -> None:
        self.bodies_seen = 0
        self._since: int | None = None
        self._told = self._ever_told = False

    def restart(self) -> None:
        """Begin anew with a take: its times don't compare with those before."""
        self._since, self._told = None, False

    def body(self, row: npt.NDArray[Any]) -> None:
        """Look at a body row, (1,) BODIES_DTYPE."""
        if row["tracked"].any():
            self.bodies_seen += 1
            self._since, self._told = int(row["time_device"][0]), False

    def is_unseen(self) -> bool:
        """Say whether nobody was seen in all takes, and nothing has been told of it yet."""
        return self._since is not None and self.bodies_seen == 0 and not self._ever_told

    def seconds_alone(self, time_device: int) -> float | None:
        """Return how long nobody has been seen, once, when that has become worth telling.

        Args:
            time_device: Of the present item, 100 ns.
        """
        if self._since is None:
            self._since = time_device
        alone = time_device - self._since
        if self._told or alone < NO_BODY_AFTER_100NS:
            return None
        self._told = self._ever_told = True
        return alone / 1e7


class StallWatch:
    """Notices when a live source has gone quiet, once per silence."""

    def __init__(self) -> None:
        self._told = False

    def is_new_stall(self, last_item_ns: int, now_ns: int) -> bool:
        """Say whether the source has just been quiet for too long.

        Args:
            last_item_ns: ``time.perf_counter_ns()`` of the last item.
            now_ns: The same clock, now.
        """
        if now_ns - last_item_ns < STALL_AFTER_NS:
            self._told = False
            return False
        told, self._told = self._told, True
        return not told
