"""Thresholds and rules for the items of a stream, shared by live watches and later checks.

The recorder applies them to one item after another (``capture/watches``), the report to arrays of
stored rows (``checks/streams.py``): both must name the same items. Times are device times in steps
of 100 ns.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..core.units import SECOND_100NS, TICK_100NS

STALL_100NS: Final = SECOND_100NS
"""A step this long or longer is a stall; a shorter one that is too long is a gap."""
LATE_100NS: Final = SECOND_100NS // 10
"""An item this much older than the newest one of its stream is late; if older, the clock jumped."""
APART_100NS: Final = 10 * SECOND_100NS
"""Items of one clock are never farther apart than this without time passing on the host."""
RECENT_ITEMS: Final = 8
"""An item with the device time of one of this many before it is a duplicate."""
FROZEN_ITEMS: Final = 4
"""This many equal items in a row can't be chance: a real sensor has noise."""
LOW_LIGHT_STEPS: Final = 4
"""This many steps in a row at half the rate are low light, or another rate."""
NO_BODY_100NS: Final = 3 * SECOND_100NS
"""Time without any body after which the recorder reports it."""

_LOW_LIGHT_TICKS: Final = (1.75, 2.25)


def longest_step(interval: float, tick: int = TICK_100NS) -> float:
    """Return the longest time between two items that is not a gap: half a tick over the expected.

    Args:
        interval: Expected time between two items.
        tick: The sensor's usual period.
    """
    return interval + min(interval, tick) / 2


def missing_items(step: float, interval: float, lost: int = 0, tick: int = TICK_100NS) -> int:
    """Return how many items are missing in a step that nothing accounts for.

    Args:
        step: Time between two items that follow each other.
        interval: Expected time.
        lost: Items between them that are known to be lost.
        tick: The sensor's usual period.
    """
    if step <= longest_step(interval, tick) + lost * interval:
        return 0
    return max(1, round(step / interval) - 1 - lost)


def is_low_light_step(step: float, tick: int = TICK_100NS) -> bool:
    """Return True if a step is that of colour at half the sensor's rate.

    Args:
        step: Time between two items.
        tick: The sensor's usual period.
    """
    shortest, longest = _LOW_LIGHT_TICKS
    return shortest * tick <= step <= longest * tick


@dataclass(frozen=True)
class BodyChanges:
    """Differences of the tracked bodies of a row from those of the row before it.

    Attributes:
        lost: Tracking ids that are no longer tracked.
        found: Tracking ids that were not tracked.
        moved: Tracking ids in another slot.
    """

    lost: tuple[int, ...]
    found: tuple[int, ...]
    moved: tuple[int, ...]


def body_changes(before: Mapping[int, int], now: Mapping[int, int]) -> BodyChanges:
    """Compare the tracked bodies of two rows.

    Args:
        before: Slot of each tracking id in the row before.
        now: The same in this row.
    """
    return BodyChanges(
        lost=tuple(body for body in before if body not in now),
        found=tuple(body for body in now if body not in before),
        moved=tuple(body for body in now if before.get(body, now[body]) != now[body]),
    )
