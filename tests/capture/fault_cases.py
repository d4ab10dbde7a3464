"""The rows of the table: what each fault looks like, and what must be noticed of it."""

from dataclasses import replace
from typing import Any

import numpy as np

from kincap.capture.sources.sensor import Notice, TakeStart
from kincap.core.errors import SensorError
from kincap.sessions.schema import EventKind

from .fault_table import Case, Named
from .scripted import TICK, TWO, Shot, change, jump, say, silence, steady

HOUR = 36_000_000_000


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


def unplugged(shots: list[Shot], first: int, last: int) -> list[Shot]:
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
        "unplugged for 5 s", unplugged(steady(270), 60, 210),
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
        told=("no body frames for 3 s, others arrive",),
    ),
    Case(
        "bodies without colour for 2 s", silence(steady(180), 60, 120, "color"),
        _stalls("color", 59, 60, 60), told=("no colour frames for 1 s, others arrive",),
    ),
    Case(
        "bodies without colour from the start", silence(steady(120), 0, None, "color"),
        [("stall", "color", 0, 0, 0)] * 2, told=("no colour frames for 3 s, others arrive",),
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
        _low_light(_people(unplugged(_known(steady(300)), 60, 120), 150, None, _SWAPPED), 181, 241,
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
    Case(
        "bodies 2 s after colour",
        silence(silence(steady(150), 0, 10), 0, 70, "bodies"),
    ),
    Case("colour at 60 Hz", _rate(steady(150), 60, "color")),
    Case("bodies at 15 Hz", _rate(steady(150), 15, "bodies")),
    Case("steps of a real clock, late arrivals", _jittered(steady(150))),
    Case("colour alone", steady(90, ("color",)), sensor={"streams": ("color",)}),
    Case("bodies alone", steady(90, ("bodies",)), sensor={"streams": ("bodies",)}),
]
"""Devices that are odd in some way, and fine: nothing must be said of them."""
