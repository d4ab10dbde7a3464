"""The table of faults: each a script for a device or a disk, what must be noticed, and the checks.

    for case in CASES:
        print(run_case(case, folder).as_row())

Everything is real (``record``, threads, files) but the device, the disk's speed and the time.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from kincap.capture.record import RecordError, RecordResult, RecordSettings, record
from kincap.capture.ring import BODY_ROWS, ENCODED_FRAMES, PICTURES, RAW_FRAMES
from kincap.capture.sensor import Notice, TakeStart
from kincap.core.errors import SensorError
from kincap.core.fileio import Data, FileIO
from kincap.core.jpeg import encode_jpeg
from kincap.core.pairing import NO_BODY, PAIR_WITHIN_100NS, pair_nearest
from kincap.core.session_reader import SessionReader
from kincap.core.shard import ColorFlag, EventKind, Stream
from kincap.core.verify import verify_session

from .scripted import (
    TICK,
    TWO,
    ScriptedSensor,
    Shot,
    change,
    jump,
    picture_of,
    row_of,
    say,
    silence,
    steady,
)
from .virtual_clock import VirtualClock

HOUR = 36_000_000_000
ENCODERS = 2
PLACES = len(PICTURES) * RAW_FRAMES + ENCODED_FRAMES + BODY_ROWS
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


def _stalls(stream: str, last: int, first: int, missing: int) -> list[Named]:
    """Return the two events of a silence that ended."""
    return [("stall", stream, last, last, 0), ("stall", stream, last, first, missing)]


def _both_stall(last: int, missing: int) -> list[Named]:
    return [n for s in ("color", "bodies") for n in _stalls(s, last, last + 1, missing)]


def _again(shots: list[Shot], tick: int, stream: str) -> list[Shot]:
    """Give the shot of a tick a second time."""
    twice = [
        replace(shot, arrives=shot.arrives + 20_000)
        for shot in shots
        if shot.stream == stream and shot.moment // TICK == tick
    ]
    return sorted(shots + twice, key=lambda shot: shot.arrives)


def _swapped(shots: list[Shot], tick: int, stream: str) -> list[Shot]:
    """Let the shots of a tick and the next arrive in the wrong order."""
    late = 2 * TICK + 10_000
    return change(
        shots, tick, tick + 1, lambda shot: replace(shot, arrives=shot.arrives + late - TICK),
        stream,
    )  # fmt: skip


def _low_light(shots: list[Shot], first: int, last: int, interval: int) -> list[Shot]:
    """Take colour at every second tick only, from ``first`` on, ``last`` excluded."""

    def dim(shot: Shot) -> Shot | None:
        dark = shot.moment // TICK % 2 == first % 2
        return replace(shot, interval=interval) if dark else None

    return change(shots, first, last, dim, "color")


def _known(shots: list[Shot]) -> list[Shot]:
    """Let the sensor say its interval."""
    return [replace(shot, interval=TICK) for shot in shots]


def _people(shots: list[Shot], first: int, last: int | None, people: Any) -> list[Shot]:
    return change(shots, first, last, lambda shot: replace(shot, people=people), "bodies")


def _wrong(shots: list[Shot], first: int, last: int, **how: Any) -> list[Shot]:
    return change(shots, first, last, lambda shot: replace(shot, **how), "color")


def _frozen(shots: list[Shot], first: int, last: int) -> list[Shot]:
    """Give the picture of the first tick again and again."""
    return change(shots, first, last, lambda shot: replace(shot, shows=first * TICK), "color")


def _still(shots: list[Shot], first: int, last: int) -> list[Shot]:
    """Give the joints of the first tick again and again."""
    return change(shots, first, last, lambda shot: replace(shot, shows=first * TICK), "bodies")


def _pulled(shots: list[Shot], first: int, last: int) -> list[Shot]:
    """Pull the plug and put it in again: the clock begins anew."""
    shots = jump(silence(shots, first, last), first, -12_000_000_000)
    shots = say(shots, first, Notice("the sensor was unplugged", EventKind.sensor_lost))
    shots = say(shots, last, Notice("the sensor is back", EventKind.sensor_back))
    return say(shots, last, TakeStart())


_REFOUND = {0: (90, -0.5), 3: TWO[3]}
_SWAPPED = {0: TWO[3], 3: TWO[0]}
_LOST = ("sensor_lost", "none", 0, 0, 0)
_BACK = ("sensor_back", "none", 0, 0, 0)
_WRITER = {("drop_writer", "color"): None}

CASES = [
    Case("nothing wrong", steady(120)),
    Case(
        "unplugged for 5 s", _pulled(steady(270), 60, 210),
        [_LOST, _BACK, *_both_stall(59, 0)], takes=2, told=("unplugged", "no frames for 1 s"),
    ),
    Case(
        "unplugged for good, the source says so",
        say(steady(60), 60, SensorError("the cable was pulled", exit_code=1)),
        [_LOST], texts=("the cable was pulled",), fails="the cable was pulled",
    ),
    Case(
        "unplugged for good, in silence", steady(60),
        [(*("stall", s, 59, 59), 0) for s in ("color", "bodies") for _ in range(2)],
        sensor={"waits_after": True}, record={"duration_s": 4.0}, told=("no frames for 1 s",),
        texts=("of the recording",),
    ),
    Case(
        "stall of 0.1 s", silence(steady(120), 60, 62),
        [("gap", s, 59, 60, 2) for s in ("color", "bodies")], told=("2 colour frames missing",),
    ),
    Case("stall of 1.2 s", silence(steady(150), 60, 95), _both_stall(59, 35)),
    Case("stall of 10 s", silence(steady(420), 60, 359), _both_stall(59, 299)),
    Case(
        "clock jumps 1 h ahead", jump(steady(120), 60, HOUR),
        [("clock_step", "color", 60, 60, 1)], takes=2, texts=("3600.00 s ahead",),
        told=("clock jumped",), duration_s=3.9,
    ),
    Case(
        "clock jumps 1 h back", jump(steady(120), 60, -HOUR),
        [("clock_step", "color", 60, 60, 1)], takes=2, texts=("s back",), told=("clock jumped",),
    ),
    Case(
        "clock jumps 1 h ahead in a recording of 5 s", jump(steady(300), 60, HOUR),
        [("clock_step", "color", 60, 60, 1)], takes=2, record={"duration_s": 5.0}, duration_s=5.0,
    ),
    Case(
        "duplicate times", _again(_again(steady(120), 50, "color"), 70, "bodies"),
        [("duplicate", "color", 51, 51, 1), ("duplicate", "bodies", 71, 71, 1)],
    ),
    Case(
        "out-of-order times", _swapped(_swapped(steady(120), 50, "color"), 70, "bodies"),
        [("out_of_order", "color", 51, 51, 1), ("out_of_order", "bodies", 71, 71, 1)],
    ),
    Case(
        "body lost and found with a new id",
        _people(_people(steady(120), 60, 75, {3: TWO[3]}), 75, None, _REFOUND),
        [("body_lost", "bodies", 60, 60, 1), ("body_found", "bodies", 75, 75, 1)],
        texts=("at body frame 75, most likely body 71 again, lost 0.5 s before",),
        told=("body 71 lost",),
    ),
    Case(
        "two bodies swap slots", _people(steady(120), 60, None, _SWAPPED),
        [("body_moved", "bodies", 60, 60, 2)],
        texts=("72 from slot 3 to 0, 71 from slot 0 to 3",), told=("bodies changed slots",),
    ),
    Case(
        "colour without bodies for 2 s", silence(steady(180), 60, 120, "bodies"),
        _stalls("bodies", 59, 60, 60), told=("no body frames for 1 s, others arrive",),
    ),
    Case(
        "colour without bodies from the start", silence(steady(120), 0, None, "bodies"),
        [("stall", "bodies", 0, 0, 0)] * 2,
        told=("no body frames for 1 s, others arrive",),
    ),
    Case(
        "bodies without colour for 2 s", silence(steady(180), 60, 120, "color"),
        _stalls("color", 59, 60, 60), told=("no colour frames for 1 s, others arrive",),
    ),
    Case(
        "bodies without colour from the start", silence(steady(120), 0, None, "color"),
        [("stall", "color", 0, 0, 0)] * 2, told=("no colour frames for 1 s, others arrive",),
    ),
    Case(
        "low light, said by the sensor", _low_light(_known(steady(180)), 61, 121, 2 * TICK),
        [("low_light", "color", 61, 61, 1), ("low_light", "color", 61, 90, 30)],
        dark=range(61, 91), told=("low light",),
    ),
    Case(
        "low light, seen by the times", _low_light(steady(180), 61, 120, -1),
        [("low_light", "color", 62, 65, 4), ("low_light", "color", 62, 90, 29)],
        dark=range(65, 91), told=("low light",),
    ),
    Case(
        "picture frozen, and again in the next take",
        jump(_frozen(_frozen(steady(120), 20, 40), 80, 120), 100, -HOUR),
        [("frozen", "color", 20, 23, 4), ("frozen", "color", 20, 39, 20),
         ("frozen", "color", 80, 83, 4), ("frozen", "color", 80, 99, 20),
         ("clock_step", "color", 100, 100, 1),
         ("frozen", "color", 100, 103, 4), ("frozen", "color", 100, 119, 20)],
        takes=2, told=("the colour picture is frozen",),
    ),
    Case(
        "joints frozen", _still(steady(120), 50, 70),
        [("frozen", "bodies", 50, 53, 4)] * 2 + [("frozen", "bodies", 50, 69, 20)] * 2,
        told=("don't move at all",),
    ),
    Case(
        "wrong frame size and type",
        _wrong(_wrong(steady(120), 60, 63, shape=(20, 30, 4)), 80, 81, dtype=np.float32),
        drops={("drop_wrong_size", "color"): [60, 61, 62, 80]}, told=("expected uint8 48x64x3",),
    ),
    Case(
        "disk at half speed", steady(450), drops=_WRITER, disk={"write_s": 1 / 45},
        told=("colour frame lost: the disk is behind",),
    ),
    Case("disk stands still for 0.2 s", steady(150), disk={"stall_s": 0.2}),
    Case("disk stands still for 2 s", steady(210), disk={"stall_s": 2.0}),
    Case(
        "disk stands still for 10 s", steady(450),
        drops={**_WRITER, ("drop_queue_full", "bodies"): None}, disk={"stall_s": 10.0},
    ),
    Case(
        "slow encoder", steady(180), drops={("drop_ring_full", "color"): None},
        sensor={"encoding_s": 0.1}, told=("colour frame lost: the processor is behind",),
    ),
    Case(
        "mixed: clock jump, disk stands still",
        jump(steady(300), 120, HOUR), [("clock_step", "color", 120, 120, 1)], takes=2,
        drops=_WRITER, disk={"stall_s": 4.0},
    ),
    Case(
        "mixed: unplugged, then swapped slots, then low light",
        _low_light(_people(_pulled(_known(steady(300)), 60, 120), 150, None, _SWAPPED), 181, 241,
                   2 * TICK),
        [_LOST, _BACK, *_both_stall(59, 0), ("body_moved", "bodies", 90, 90, 2),
         ("low_light", "color", 121, 121, 1), ("low_light", "color", 121, 150, 30)],
        takes=2, dark=range(121, 151),
    ),
    Case(
        "mixed: colour silent, body lost, slow encoder",
        _people(silence(steady(210), 60, 120, "color"), 90, None, {3: TWO[3]}),
        [*_stalls("color", 59, 60, 60), ("body_lost", "bodies", 90, 90, 1)],
        drops={("drop_ring_full", "color"): None}, sensor={"encoding_s": 0.1},
    ),
    Case(
        "mixed: duplicate, wrong size and gap at once",
        _wrong(_again(silence(steady(120), 60, 62), 59, "color"), 62, 63, shape=(9, 9, 3)),
        [("duplicate", "color", 60, 60, 1), ("gap", "color", 59, 61, 2),
         ("gap", "bodies", 59, 60, 2)],
        drops={("drop_wrong_size", "color"): [61]},
    ),
]  # fmt: skip


def _rate(shots: list[Shot], hz: float, stream: str) -> list[Shot]:
    """Give one stream another rate; its moments stay at multiples of its own tick."""
    kept = [shot for shot in shots if shot.stream != stream]
    seconds = max(shot.moment for shot in shots) / 1e7
    own = [shot for shot in shots if shot.stream == stream][0]
    for k in range(int(seconds * hz)):
        moment = own.moment + round(k * 1e7 / hz)
        device, arrives = own.device + moment - own.moment, own.arrives + moment - own.moment
        kept.append(replace(own, moment=moment, device=device, arrives=arrives))
    return sorted(kept, key=lambda shot: shot.arrives)


def _jittered(shots: list[Shot]) -> list[Shot]:
    """Let device times step as a Kinect v2's do, and items arrive up to 12 ms late."""
    rng = np.random.default_rng(5)
    shaken = []
    for shot in shots:
        by = (0, 7_300, 3_600)[shot.moment // TICK % 3]
        late = int(rng.integers(0, 120_000))
        shaken.append(replace(shot, device=shot.device + by, arrives=shot.arrives + late))
    return sorted(shaken, key=lambda shot: (shot.arrives, shot.moment))


QUIET = [
    Case("colour at 60 Hz", _rate(steady(150), 60, "color")),
    Case("bodies at 15 Hz", _rate(steady(150), 15, "bodies")),
    Case("steps of a real clock, late arrivals", _jittered(steady(150))),
    Case("colour alone", steady(90, ("color",)), sensor={"streams": ("color",)}),
    Case("bodies alone", steady(90, ("bodies",)), sensor={"streams": ("bodies",)}),
]
"""Devices that are odd in some way, and fine: nothing must be said of them."""
