"""Watch of body rows: bodies that are lost, found or in another slot, and frozen joints."""

from collections import deque
from collections.abc import Sequence, Set
from typing import Any

import numpy as np
import numpy.typing as npt

from ...checks.limits import body_changes
from ...core.geometry import has_place_m
from ...core.sensor_shape import KINECT_V2
from ...core.units import SECOND_100NS
from ...sessions.schema import ROW_HEAD, EventKind, Stream
from .frozen import Frozen
from .observations import Observation

SAME_PLACE_M = 0.6
"""A body found this near to where another was lost is most likely the same person, if it is found
within ``SAME_PERSON_100NS``."""
SAME_PERSON_100NS = 2 * SECOND_100NS
_LOST_PER_BODY = 2


class Tracking:
    """Compares each body row with the one before it, within a take.

    Args:
        bodies: Slots of a row.
    """

    def __init__(self, bodies: int = KINECT_V2.bodies) -> None:
        self._before: npt.NDArray[Any] | None = None
        self._slots: dict[int, int] = {}
        self._lost: deque[tuple[int, int, npt.NDArray[np.float64] | None]]
        self._lost = deque(maxlen=_LOST_PER_BODY * bodies)
        self._frozen = [Frozen() for _ in range(bodies)]
        self._followed: Set[int] = frozenset()

    def row(self, row: npt.NDArray[Any], seq: int) -> list[Observation]:
        """Look at the next row.

        Args:
            row: (1,) of the type of ``bodies``.
            seq: Its number.

        Returns:
            The changes; bodies of a take's first row are not "found".
        """
        time_device: int = ROW_HEAD.unpack_from(row.data)[2]
        slots: dict[int, int] = {}
        tracked = row["tracked"].tobytes()
        if any(tracked):
            ids: list[int] = row["tracking_id"][0].tolist()
            for slot, is_tracked in enumerate(tracked):
                if is_tracked:
                    slots.setdefault(ids[slot], slot)
        found = self._frozen_joints(row, slots, seq, time_device)
        if self._before is not None and slots != self._slots:
            found += self._changes(self._before, row, slots, seq, time_device)
        self._before, self._slots = row, slots
        return found

    def close(self) -> list[Observation]:
        """End: return what was still frozen."""
        overs = [(slot, frozen.close()) for slot, frozen in enumerate(self._frozen)]
        return [_froze(slot, over, -1, is_over=True) for slot, over in overs if over]

    def _changes(
        self,
        before: npt.NDArray[Any],
        row: npt.NDArray[Any],
        slots: dict[int, int],
        seq: int,
        time_device: int,
    ) -> list[Observation]:
        """Name the bodies that are in one of two rows only, or in another slot."""
        changes = body_changes(self._slots, slots)
        lost, new, moved = changes.lost, changes.found, changes.moved
        found = []
        if lost:
            for body in lost:
                place = _place(before, self._slots[body])
                self._lost.append((body, time_device, place))
            text = f"{_bodies(lost)} lost at body frame {seq}"
            found.append(_event(EventKind.body_lost, seq, time_device, text, len(lost)))
        for body in new:
            text = f"body {body} found in slot {slots[body]} at body frame {seq}"
            text += self._known_as(body, _place(row, slots[body]), time_device)
            found.append(_event(EventKind.body_found, seq, time_device, text, 1))
        if moved:
            ways = [f"{body} from slot {self._slots[body]} to {slots[body]}" for body in moved]
            text = f"bodies changed slots at body frame {seq}: {', '.join(ways)}"
            found.append(_event(EventKind.body_moved, seq, time_device, text, len(moved)))
        return found

    def _known_as(self, body: int, place: npt.NDArray[np.float64] | None, time_device: int) -> str:
        """Return which lost body a new one most likely is; "" if none."""
        for known, lost_at, where in tuple(self._lost)[::-1]:
            gone = time_device - lost_at
            if not 0 <= gone <= SAME_PERSON_100NS or place is None or where is None:
                continue
            if float(np.linalg.norm(place - where)) <= SAME_PLACE_M:
                again = "again" if known == body else f"most likely body {known} again"
                return f", {again}, lost {gone / SECOND_100NS:.1f} s before"
        return ""

    def _frozen_joints(
        self, row: npt.NDArray[Any], slots: dict[int, int], seq: int, time_device: int
    ) -> list[Observation]:
        """Compare each tracked body's joints with those of the row before, bit for bit."""
        bodies = {slot: body for body, slot in slots.items()}
        before, self._followed = self._followed, bodies.keys()
        if not bodies and not before:
            return []
        raw = row["joint_xyz_m"].tobytes()
        size = len(raw) // len(self._frozen)
        found = []
        for slot in sorted(bodies.keys() | before):
            frozen, body = self._frozen[slot], bodies.get(slot)
            # with the id: a body that took another's slot is another thing
            content = None if body is None else (body, raw[slot * size : (slot + 1) * size])
            change = frozen.item(seq, content)
            if change is not None:
                found.append(_froze(slot, change, time_device, is_over=not frozen.is_frozen()))
        return found


def _froze(slot: int, seqs: tuple[int, int], time_device: int, *, is_over: bool) -> Observation:
    first, last = seqs
    until = f"to {last}" if is_over else "on"
    text = f"the joints in slot {slot} don't move at all, from body frame {first} {until}"
    return Observation(
        EventKind.frozen, Stream.bodies, first, last, time_device, text, last - first + 1
    )


def _event(kind: EventKind, seq: int, time_device: int, text: str, count: int) -> Observation:
    return Observation(kind, Stream.bodies, seq, seq, time_device, text, count)


def _bodies(ids: Sequence[int]) -> str:
    return ("body " if len(ids) == 1 else "bodies ") + ", ".join(map(str, ids))


def _place(row: npt.NDArray[Any], slot: int) -> npt.NDArray[np.float64] | None:
    """Return where a body is, (3,) metres, camera space: its joints' mean; None: unknown."""
    joints = row["joint_xyz_m"][0, slot].astype(np.float64)
    known = joints[has_place_m(joints)]
    return known.mean(axis=0) if len(known) else None
