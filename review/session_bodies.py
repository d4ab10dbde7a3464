"""The body rows of one open session: what the page needs of them, read a shard at a time."""

from typing import Final

import numpy as np

from ..core.skeleton import JOINTS
from ..sessions.reader import SessionReader, ShardState
from ..sessions.schema import STREAM_TABLE, Stream, by_kinect_joints, good_rows
from . import timeline

BODIES: Final = STREAM_TABLE[Stream.bodies]
ROWS_AT_ONCE: Final = 512


class SessionBodies:
    """A quarter of each row is kept (``timeline.body_dtype``); the rest is read when asked for.

    Args:
        reader: Of the session; whoever refreshes it calls ``refresh`` then.
    """

    def __init__(self, reader: SessionReader) -> None:
        self._reader = reader
        self._sealed: dict[str, np.ndarray] = {}
        self._all: np.ndarray | None = None

    def refresh(self) -> None:
        """Forget what a recorder may have changed."""
        self._all = None

    def read_more(self) -> bool:
        """Read the next sealed shard that was not read; return False where there is none.

        So other requests about a long session are answered while its bodies are read.
        """
        for shard in self._reader.shards:
            if shard.record is not None and shard.record.sha256 not in self._sealed:
                self._of_shard(shard)
                return True
        return False

    def rows(self) -> np.ndarray:
        """Return (M,) ``timeline.body_dtype`` of all bodies."""
        if self._all is None:
            none = np.zeros(0, timeline.body_dtype(self._reader.info.shape.bodies))
            parts = [none, *map(self._of_shard, self._reader.shards)]
            self._all = np.concatenate(parts)
            ends = np.cumsum([len(part) for part in parts[1:]])
            # kept once, as parts of the whole
            for shard, part, end in zip(self._reader.shards, parts[1:], ends, strict=True):
                if shard.record is not None:
                    self._sealed[shard.record.sha256] = self._all[end - len(part) : end]
        return self._all

    def count(self) -> int:
        """Return how many there are: the manifest knows it of sealed shards."""
        return sum(
            len(self._of_shard(shard)) if shard.record is None else shard.record.rows.get(BODIES, 0)
            for shard in self._reader.shards
        )

    def joints_m(self, bodies: np.ndarray, slots: np.ndarray) -> np.ndarray:
        """Return (P, 25, 3) the joints of people in camera space, metres, read where they are.

        Args:
            bodies: (P,) numbers of body rows, as in ``rows``.
            slots: (P,) slots.
        """
        found = np.full((len(bodies), JOINTS, 3), np.nan, np.float32)
        if not len(bodies):
            return found
        ends = np.cumsum([len(self._of_shard(shard)) for shard in self._reader.shards])
        owner = np.searchsorted(ends, bodies, side="right")
        row = self.rows()["row"][bodies].astype(np.int64)
        for number in np.unique(owner):
            own = np.flatnonzero(owner == number)
            first, last = int(row[own].min()), int(row[own].max())
            reader = self._reader.shard(self._reader.shards[number].name)
            rows = reader.all_rows(BODIES, first, last - first + 1)
            joints = by_kinect_joints(rows, self._reader.info.shape.skeleton)["joint_xyz_m"]
            found[own] = joints[row[own] - first, slots[own]]
        return found

    def _of_shard(self, shard: ShardState) -> np.ndarray:
        """Return what is needed of a shard's bodies; kept for a sealed one, which never changes."""
        if shard.record is None:
            return self._read(shard)
        key = shard.record.sha256
        if key not in self._sealed:
            self._sealed[key] = self._read(shard)
        return self._sealed[key]

    def _read(self, shard: ShardState) -> np.ndarray:
        reader = self._reader.shard(shard.name)
        shape = self._reader.info.shape
        parts = [np.zeros(0, timeline.body_dtype(shape.bodies))]
        # a few at a time: an hour of whole rows is 600 MB
        for first in range(0, reader.layout.rows.get(BODIES, 0), ROWS_AT_ONCE):
            rows = reader.all_rows(BODIES, first, ROWS_AT_ONCE)
            good = np.flatnonzero(good_rows(rows))
            if len(good):
                slim = timeline.slim_bodies(by_kinect_joints(rows[good], shape.skeleton))
                slim["row"] = first + good
                parts.append(slim)
        return np.concatenate(parts)
