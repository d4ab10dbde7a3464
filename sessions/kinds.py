"""The one table of event and finding kinds: number, severity, unit, text, advice.

An *event* is written by the recorder while it records; its kind has a number. A *finding* is made
later, from the stored rows and events. Both take their kinds from ``KINDS``; the live watches, the
checks, the report, its advice, the verdict, the plot, build and review read what they need there.

Steps to add a kind (at most three code files):

1. Add a row to ``KINDS`` here; an event also gets a member of ``EventKind`` with a new number.
2. Write the function that detects it: a ``Filter`` in ``checks/filters/registry.py`` if it judges
   single bodies (nothing else is needed then), a function in ``checks/streams.py`` if it judges a
   stream, a watch in ``capture/watches/`` if only the recorder can see it.
3. If it judges a stream, call the function in ``checks/session_findings.py``; if it is a watch,
   call it in ``capture/watches/watches.py``.

A kind of colour frames with ``wrong_labels`` also gets a bit in ``checks/filters/verdict.py``.
Then describe it in docs/format.md (1.5 for an event, 1.11 for a finding) and docs/recording.md;
their tests fail until then. ``tests/sessions/test_kinds.py`` adds a made-up kind by value.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal


class EventKind(IntEnum):
    """Numbers of the kinds of events, as stored; ``drop_*`` covers items that were lost."""

    take_start = 1
    stall = 2
    no_body = 3
    write_failed = 4
    warning = 5
    sensor_lost = 6
    sensor_back = 7
    gap = 8
    clock_step = 9
    duplicate = 10
    out_of_order = 11
    low_light = 12
    body_lost = 13
    body_found = 14
    body_moved = 15
    frozen = 16
    damaged_image = 17
    pause = 18
    resume = 19
    retake = 20
    mark = 21
    cue = 22
    not_stored = 23
    drop_ring_full = 32
    drop_queue_full = 33
    drop_encoder = 34
    drop_writer = 35
    drop_source = 36
    drop_damaged = 37
    drop_stale = 38
    drop_wrong_size = 39

    @property
    def is_drop(self) -> bool:
        """True if items of a stream were lost."""
        return self.name.startswith("drop_")

    @property
    def covers_items(self) -> bool:
        """True if the items that it names are accounted for by it, as no row has them."""
        return self.is_drop or self is EventKind.not_stored


Severity = Literal["poor", "grave", "odd", "usual"]
"""Severity of a finding.

- poor: the recording must be looked at before a data set is built from it; build repeats it.
- grave: data is missing or wrong; printed first.
- odd: worth a look.
- usual: a fact, not a fault.
"""
SEVERITIES: Final[tuple[Severity, ...]] = ("poor", "grave", "odd", "usual")

Group = Literal["sensor and clock", "times and pairs", "light", "people", "pose", "lost or damaged"]
"""Lanes of one group have one colour in the plot and on the review page."""


@dataclass(frozen=True)
class Kind:
    """One kind of event or finding.

    Attributes:
        name: Its name, as in docs/format.md.
        severity: How much it matters.
        group: Which lanes it belongs to.
        text: What it means.
        unit: What ``count`` counts: "missing", "items", "lost", "rows", "frames", "bodies", "" for
            nothing.
        advice: What to do next time; "" for nothing.
        number: Its number in a shard's table of events; None if it is never an event.
        lasts: Whether the recorder writes two events, when it is noticed and when it is over.
        wrong_labels: Whether joints in these rows can't be labels: build takes their weight.
    """

    name: str
    severity: Severity
    group: Group
    text: str
    unit: str = ""
    advice: str = ""
    number: int | None = None
    lasts: bool = False
    wrong_labels: bool = False


def _event(
    kind: EventKind,
    severity: Severity,
    group: Group,
    text: str,
    *,
    unit: str = "",
    advice: str = "",
    lasts: bool = False,
    wrong_labels: bool = False,
) -> Kind:
    """Return a kind that the recorder may write as an event."""
    return Kind(kind.name, severity, group, text, unit, advice, int(kind), lasts, wrong_labels)


_SENSOR: Final = "check the sensor's cable, power and USB port"

_ROWS: Final = (
    _event(EventKind.take_start, "usual", "sensor and clock", "a take begins"),
    _event(
        EventKind.stall, "grave", "sensor and clock", "a stream gave nothing for 1 s or longer",
        unit="missing", advice=_SENSOR, lasts=True,
    ),
    _event(EventKind.no_body, "usual", "people", "no one was seen"),
    _event(
        EventKind.write_failed, "grave", "sensor and clock",
        "the disk refused a write; recording went on in another shard",
    ),
    _event(EventKind.warning, "usual", "sensor and clock", "the source reported something"),
    _event(
        EventKind.sensor_lost, "poor", "sensor and clock",
        "the sensor was unplugged, fell silent, or the source ended early", advice=_SENSOR,
    ),
    _event(EventKind.sensor_back, "usual", "sensor and clock", "the sensor delivers frames again"),
    _event(
        EventKind.gap, "odd", "times and pairs",
        "more time than expected between two items of a stream", unit="missing",
    ),
    _event(
        EventKind.clock_step, "odd", "sensor and clock", "the sensor's clock jumped; a take begins"
    ),
    _event(
        EventKind.duplicate, "odd", "times and pairs",
        "an item has the device time of one of the last 8 of its stream", unit="items",
    ),
    _event(
        EventKind.out_of_order, "odd", "times and pairs",
        "an item is up to 0.1 s older than the newest of its stream", unit="items",
    ),
    _event(
        EventKind.low_light, "odd", "light", "colour came at half its rate, for a longer exposure",
        advice="more light: in the dark, colour comes at half its rate and is blurred", lasts=True,
    ),
    _event(
        EventKind.body_lost, "odd", "people", "a body that was tracked in the row before is not",
        unit="bodies", advice="stay in view: the sensor lost someone and found them again",
    ),
    _event(
        EventKind.body_found, "usual", "people",
        "a body is tracked that was not in the row before", unit="bodies",
    ),
    _event(
        EventKind.body_moved, "odd", "people",
        "a tracking id is in another of the six slots than in the row before", unit="bodies",
    ),
    _event(
        EventKind.frozen, "poor", "sensor and clock",
        "the same image byte for byte, or the same joints bit for bit, four times or more",
        advice=_SENSOR, lasts=True, wrong_labels=True,
    ),
    _event(
        EventKind.damaged_image, "poor", "lost or damaged",
        "the source's decoder reports damage in images, or they are predicted from damaged ones",
        unit="frames", advice="take an undamaged copy of the recording that was imported",
        wrong_labels=True,
    ),
    _event(EventKind.pause, "usual", "sensor and clock", "recording was paused"),
    _event(EventKind.resume, "usual", "sensor and clock", "recording went on; a take begins"),
    _event(
        EventKind.retake, "usual", "sensor and clock",
        "the person rejected the take and began another one", unit="frames",
    ),
    _event(EventKind.mark, "usual", "sensor and clock", "the person marked this moment"),
    _event(EventKind.cue, "usual", "people", "the person was asked to do something, or was done"),
    _event(
        EventKind.not_stored, "usual", "sensor and clock",
        "items came while recording was paused; they are not stored, and not lost", unit="items",
    ),
    _event(
        EventKind.drop_ring_full, "grave", "lost or damaged",
        "the encoders were too slow; the new frame was dropped", unit="lost",
    ),
    _event(
        EventKind.drop_queue_full, "grave", "lost or damaged", "the queue of bodies was full",
        unit="lost",
    ),
    _event(
        EventKind.drop_encoder, "grave", "lost or damaged", "a frame could not be encoded",
        unit="lost",
    ),
    _event(
        EventKind.drop_writer, "grave", "lost or damaged", "the disk was too slow or refused it",
        unit="lost",
    ),
    _event(
        EventKind.drop_source, "grave", "lost or damaged", "the source itself lost it", unit="lost"
    ),
    _event(
        EventKind.drop_damaged, "grave", "lost or damaged",
        "the item was damaged in the source's file, or on the disk and repair took it out",
        unit="lost",
    ),
    _event(
        EventKind.drop_stale, "grave", "lost or damaged",
        "the source repeated an old frame, or its clock jumped again and again", unit="lost",
    ),
    _event(
        EventKind.drop_wrong_size, "grave", "lost or damaged",
        "a frame did not have the size that its source declared", unit="lost",
    ),
    Kind(
        "crossed_arms", "odd", "pose",
        "arms crossed or held in front of the trunk; hands and wrists are guesses", "rows",
        "keep the arms apart in front of the body: where they cross, hands are guesses",
    ),
    Kind(
        "turned_away", "usual", "pose", "turned by more than 60 degrees from the sensor", "rows",
        "turn towards the sensor: beyond 60 degrees half the body is a guess",
    ),
    Kind(
        "side_swap", "odd", "pose", "left and right of a body are exchanged", "rows",
        "face the sensor: from behind it takes left for right", wrong_labels=True,
    ),
    Kind(
        "feet_noise", "odd", "pose", "feet or ankles jump about", "rows",
        "keep the feet in view and away from shiny floors: they jump about",
    ),
    Kind("outliers", "odd", "pose", "joints jump away for single rows", "rows"),
    Kind("speed", "odd", "pose", "joints move faster than any body does", "rows"),
    Kind("bone_length", "odd", "pose", "a bone is far from the person's usual length", "rows"),
    Kind(
        "symmetry", "odd", "pose", "a bone is much longer than its twin on the other side", "rows",
    ),
    Kind(
        "body_index", "odd", "pose", "keypoints are beside the pixels of their own body", "rows",
    ),
    Kind(
        "occlusion", "usual", "pose", "something hides keypoints, or they are in front of nothing",
        "rows", "keep what is in front of the body away from it",
    ),
    Kind(
        "overlap", "odd", "people", "the boxes of two people overlap in the image", "rows",
        "record alone, or keep apart in the image",
    ),
    Kind(
        "implausible_body", "poor", "people",
        "a tracked body that can't be a person: impossible bone lengths or height, or no movement",
        "rows",
        "clear the view of furniture, coats and mirrors: the sensor tracked a thing as a body",
        wrong_labels=True,
    ),
    Kind(
        "guessed_keypoint", "odd", "pose", "a keypoint is a guess in most rows of a take", "rows",
    ),
    Kind(
        "implausible_figure", "poor", "sensor and clock",
        "a rate or a distance that no sensor gives: units or clock of the source are wrong", "",
        "check the units of the source: times in 100 ns, joints in metres",
    ),
    Kind(
        "too_short", "odd", "sensor and clock", "too few items to judge the recording", "items",
    ),
    Kind(
        "several_bodies", "usual", "people", "more than one tracked body", "rows",
        "record alone: someone else was in view",
    ),
    Kind(
        "color_only", "odd", "times and pairs", "colour frames without a body row near them",
        "frames",
    ),
    Kind("bodies_only", "odd", "times and pairs", "body rows without an image near them", "rows"),
    Kind(
        "lag", "poor", "times and pairs",
        "joints come more than 33 ms after, or before, the images", "frames",
        "late joints are labels beside moving hands: check the sensor's driver; kincap build "
        "corrects only a certain lag of a whole take",
        wrong_labels=True,
    ),
    Kind("damaged", "grave", "lost or damaged", "rows or shards that can't be read", "rows"),
)  # fmt: skip

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in _ROWS}
"""Every kind by its name; events first, in the order of their numbers."""
