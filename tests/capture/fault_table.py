"""The table of faults: each a script for a device or a disk, what must be noticed, and the checks.

    for case in fault_cases.CASES:
        print(run_case(case, folder).as_row())

Everything is real (``record``, threads, files) but the device, the disk's speed and the time.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kincap.capture.queues import BODY_ROWS, ENCODED_FRAMES, IMAGE_STREAMS, RAW_FRAMES
from kincap.capture.record import RecordError, RecordResult, RecordSettings, record
from kincap.core.files.file_io import Data, FileIO
from kincap.core.jpeg import encode_jpeg
from kincap.core.pairing import NO_BODY, PAIR_WITHIN_100NS, pair_nearest
from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import ColorFlag, EventKind, Stream

from .scripted import (
    ScriptedSensor,
    Shot,
    picture_of,
    row_of,
)
from .virtual_clock import VirtualClock

ENCODERS = 2
PLACES = len(IMAGE_STREAMS) * RAW_FRAMES + ENCODED_FRAMES + BODY_ROWS
MOST_QUEUED = PLACES + RAW_FRAMES + ENCODED_FRAMES + BODY_ROWS + 32
"""Free places, everything that can lie in them, and some events and jobs of the keeper."""
MOST_PICTURES = RAW_FRAMES + 1
MOST_ROWS = BODY_ROWS + 8

Named = tuple[str, str, int, int, int]
"""kind, stream, first seq, last seq, count."""


class VirtualDisk(FileIO):
    """The real disk, as slow as asked for: the writer's and the sync's calls wait on the clock."""

    def __init__(
        self, clock: VirtualClock, *, write_s: float = 0.0, stall_s: float = 0.0, at_s: float = 3.0
    ) -> None:
        self._clock, self._write_s = clock, write_s
        self._from = clock.now_ns() + int(at_s * 1e9)
        self._until = self._from + int(stall_s * 1e9)

    def write_at(self, fd: int, data: Data, offset: int) -> None:
        if threading.current_thread().name == "kincap-writer":
            self._clock.sleep(self._write_s)
            self._stand_still()
        super().write_at(fd, data, offset)

    def sync(self, fd: int) -> None:
        if threading.current_thread().name == "kincap-sync":
            self._stand_still()
        super().sync(fd)

    def _stand_still(self) -> None:
        if self._from <= self._clock.now_ns() < self._until:
            self._clock.sleep_until(self._until)


@dataclass(frozen=True)
class Case:
    """A row of the table.

    Attributes:
        name: What goes wrong.
        shots: The device's script.
        named: All events that must be there, and no others, but for starts of takes and losses.
        drops: Reasons for which items must be lost, and no others; seqs where they are known.
        takes: How many.
        texts: What must stand in some event's text.
        disk: Settings of the disk.
        sensor: Settings of the device.
        record: Settings of the recording.
        fails: What the recording must end with.
        dark: Colour seqs that must be marked as taken in low light.
        told: What the person must be told, in part.
        duration_s: How long the recording must say that it is.
    """

    name: str
    shots: list[Shot]
    named: list[Named] = field(default_factory=list)
    drops: dict[tuple[str, str], list[int] | None] = field(default_factory=dict)
    takes: int = 1
    texts: tuple[str, ...] = ()
    disk: dict[str, float] = field(default_factory=dict)
    sensor: dict[str, Any] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    fails: str = ""
    dark: range = range(0)
    told: tuple[str, ...] = ()
    duration_s: float | None = None


@dataclass
class Row:
    """What came of a case."""

    case: Case
    result: RecordResult
    named: list[Named]
    dropped: dict[tuple[str, str], list[int]]
    handed: dict[str, int]
    stored: dict[str, int]
    pairs: int
    could_pair: int
    most_pictures: int
    most_rows: int
    most_queued: int
    seconds: float
    texts: list[str]

    def as_row(self) -> dict[str, Any]:
        """Return it as one line of a table."""
        return {
            "fault": self.case.name,
            "events": [f"{k} {s} {a}-{b} ({n})" for k, s, a, b, n in self.named],
            "handed": self.handed,
            "stored": self.stored,
            "dropped": {f"{kind} {stream}": len(s) for (kind, stream), s in self.dropped.items()},
            "pairs": self.pairs,
            "takes": self.result.takes,
            "most_pictures": self.most_pictures,
            "most_rows": self.most_rows,
            "most_queued": self.most_queued,
            "virtual_s": round(self.seconds, 2),
        }


def run_case(
    case: Case,
    recordings: Path,
    clock_type: Callable[[], VirtualClock] = VirtualClock,
    sensor_type: Callable[..., ScriptedSensor] = ScriptedSensor,
) -> Row:
    """Record a case and check everything that must hold for every recording.

    Raises:
        AssertionError: It does not.
    """
    clock = clock_type()
    began = clock.now_ns()
    sensor = sensor_type(case.shots, clock, **case.sensor)
    io = VirtualDisk(clock, **case.disk)
    settings = RecordSettings("s", recordings, shard_mib=8, encoders=ENCODERS, **case.record)
    try:
        done = record(settings, sensor=sensor, io=io, clock=clock)
    except RecordError as error:
        done = error.result
    assert (case.fails or "None") in str(done.error), f"ended with: {done.error}"
    seconds = (clock.now_ns() - began) / 1e9
    with SessionReader(done.path) as reader:
        named, dropped, texts = _events(reader)
        _check_account(sensor, reader, dropped, done)
        pairs, could = _check_pairs(sensor, reader)
        dark = reader.color["seq"][(reader.color["flags"] & ColorFlag.low_light) > 0].tolist()
        assert dark == [seq for seq in case.dark if seq in set(reader.color["seq"].tolist())]
        stored = {"color": len(reader.color), "bodies": len(reader.bodies)}
    report = verify_session(done.path)
    assert report.ok, report.damage
    assert report.sealed
    handed = {stream: len(shots) for stream, shots in sensor.handed.items()}
    row = Row(
        case, done, named, dropped, handed, stored, pairs, could, sensor.most_pictures,
        sensor.most_rows, clock.most_queued, seconds, texts,
    )  # fmt: skip
    _check_flat(row, sensor)
    return row


def check_named(row: Row) -> None:
    """Check that exactly what the case names was noticed."""
    case = row.case
    assert sorted(row.named) == sorted(case.named), f"noticed: {sorted(row.named)}"
    assert set(row.dropped) == set(case.drops), f"lost: {row.dropped}"
    for reason, seqs in case.drops.items():
        assert seqs is None or row.dropped[reason] == seqs, f"lost: {row.dropped}"
    assert row.result.takes == case.takes, row.result.takes
    assert row.pairs == row.could_pair, f"paired: {row.pairs} of {row.could_pair}"
    if case.duration_s is not None:
        assert abs(row.result.duration_s - case.duration_s) < 0.05, row.result.duration_s
    for text in case.texts:
        assert any(text in found for found in row.texts), (text, row.texts)
    for text in case.told:
        assert any(text in line for line in row.result.warnings), (text, row.result.warnings)


def _events(
    reader: SessionReader,
) -> tuple[list[Named], dict[tuple[str, str], list[int]], list[str]]:
    """Return the events that are no losses, the lost seqs by reason and stream, all texts."""
    named, dropped, texts = [], {}, []
    for event in reader.events:
        kind, stream = EventKind(int(event["kind"])), Stream(int(event["stream"]))
        first, last, count = (int(event[name]) for name in ("seq_first", "seq_last", "count"))
        if kind.is_drop:
            assert count == last - first + 1
            dropped.setdefault((kind.name, stream.name), []).extend(range(first, last + 1))
        elif kind is not EventKind.take_start:
            named.append((kind.name, stream.name, first, last, count))
            texts.append(event["text"].decode())
    return named, dropped, texts


def _check_account(
    sensor: ScriptedSensor,
    reader: SessionReader,
    dropped: dict[tuple[str, str], list[int]],
    done: RecordResult,
) -> None:
    """Compare the source's own log with what is stored and what is lost, item by item."""
    assert done.handed_over == {name: len(shots) for name, shots in sensor.handed.items()}
    for stream, shots in sensor.handed.items():
        rows = reader.color if stream == "color" else reader.bodies
        lost = [seq for (_, of), seqs in dropped.items() if of == stream for seq in seqs]
        assert sorted(rows["seq"].tolist() + lost) == list(range(len(shots)))
        for row in rows:
            shot = shots[int(row["seq"])]
            assert row["time_device"] == shot.device
            if stream == "color":
                # the same picture, to the last byte
                wanted = encode_jpeg(picture_of(shot), 90)
                assert reader.color_blob(int(row["seq"])) == wanted
            else:
                made = row_of(shot, int(row["time_host"]))[0]
                assert row["joint_xyz_m"].tobytes() == made["joint_xyz_m"].tobytes()
                assert row["tracking_id"].tolist() == made["tracking_id"].tolist()
    lost_by_reason = Counter()
    for (kind, _), seqs in dropped.items():
        lost_by_reason[kind.removeprefix("drop_")] += len(seqs)
    assert done.dropped == lost_by_reason


def _check_pairs(sensor: ScriptedSensor, reader: SessionReader) -> tuple[int, int]:
    """Check that every pair was one moment in truth; return how many there are and could be."""
    color, bodies = reader.color, reader.bodies
    index, residual = pair_nearest(
        color["take"], color["time_device"], bodies["take"], bodies["time_device"]
    )
    pairs = 0
    for row, at in zip(color, index, strict=True):
        if at == NO_BODY:
            continue
        body = bodies[at]
        seen = sensor.handed["color"][int(row["seq"])]
        felt = sensor.handed["bodies"][int(body["seq"])]
        assert row["take"] == body["take"]
        assert abs(felt.moment - seen.moment) <= PAIR_WITHIN_100NS, (row["seq"], body["seq"])
        pairs += 1
    assert np.abs(residual).max(initial=0) <= PAIR_WITHIN_100NS
    # how many there could be, by the moments in truth
    felt_at = np.array([s.moment for s in _stored(sensor, bodies, "bodies")], np.int64)
    could = 0
    for shot in _stored(sensor, color, "color"):
        apart = np.abs(felt_at - shot.moment).min(initial=PAIR_WITHIN_100NS + 1)
        could += bool(apart <= PAIR_WITHIN_100NS)
    return pairs, could


def _stored(sensor: ScriptedSensor, rows: np.ndarray, stream: str) -> list[Shot]:
    return [sensor.handed[stream][int(seq)] for seq in rows["seq"]]


def _check_flat(row: Row, sensor: ScriptedSensor) -> None:
    """Check that nothing piled up, whatever stood still."""
    assert sensor.returned == sensor.lent, "pictures were not given back"
    assert row.most_pictures <= MOST_PICTURES, f"pictures pile up: {row.most_pictures}"
    assert row.most_rows <= MOST_ROWS, f"rows pile up: {row.most_rows}"
    assert row.most_queued <= MOST_QUEUED, f"queues pile up: {row.most_queued}"
