"""Every fault of a device or a disk is named, every item accounted for, nothing piles up."""

import pytest

from .fault_table import CASES, Case, check_named, run_case
from .scripted import steady
from .virtual_clock import VirtualClock, VirtualQueue


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fault(case, tmp_path):
    check_named(run_case(case, tmp_path))


class _EndlessPlaces(VirtualQueue):
    """A queue that, where it holds places, always has one more to give."""

    holds_places = False

    def put(self, item):
        self.holds_places |= isinstance(item, int)
        super().put(item)

    def get_nowait(self):
        return 0 if self.empty() and self.holds_places else super().get_nowait()


class _Boundless(VirtualClock):
    """What if the recorder's queues had no bounds?"""

    def queue(self):
        return _EndlessPlaces(self)


def test_a_queue_without_bounds_would_be_noticed(tmp_path):
    case = Case("slow disk", steady(240), disk={"stall_s": 6.0, "at_s": 1.0})
    with pytest.raises(AssertionError, match="pile up"):
        run_case(case, tmp_path, _Boundless)
