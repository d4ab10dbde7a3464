"""Units of time: every conversion between 100 ns, nanoseconds, milliseconds and seconds.

The sensor counts in steps of 100 ns (names end in ``_100ns``), the host in nanoseconds (``_ns``). A
constant here is a duration in the unit that its name ends with, so ``step / SECOND_100NS`` is in
seconds and ``round(seconds * SECOND_100NS)`` in steps of 100 ns.
"""

from typing import Final

NS_PER_100NS: Final = 100
"""Nanoseconds in one step of the sensor's clock."""

MS_100NS: Final = 10_000
SECOND_100NS: Final = 10_000_000
HOUR_100NS: Final = 3600 * SECOND_100NS

MS_NS: Final = 1_000_000
SECOND_NS: Final = 1_000_000_000

TICK_100NS: Final = 333_333
"""The time between two items of a 30 Hz sensor. A source without times counts in this."""
TICK_S: Final = 1 / 30
"""The same in seconds."""
