"""The conductor waits, counts down, shows cards and stops, by what the sensor gives."""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from kincap.capture.live.control import RecordingControl
from kincap.capture.live.status import LiveStatus
from kincap.capture.operator.conductor import Conductor, HandsFree
from kincap.capture.operator.cues import CueCard, CueDeck
from kincap.capture.sources.sensor import SensorInfo
from kincap.core.errors import KincapError, SensorError
from kincap.core.sensor_shape import SensorShape
from kincap.core.skeleton import KINECT_V2_SKELETON, Skeleton
from kincap.sessions.schema import bodies_dtype

from .body_rows import HERE, NOBODY, raised, row
from .statuses import GOOD, WAITING

DECK = CueDeck("two", (CueCard("zoom", "pull", 4, 2), CueCard("draw", "", 3)), ready_s=1)
TICK_NS = 33_333_300


@dataclass
class Played:
    """A conductor and the recording that it steers, without the recording.

    Attributes:
        log: What was asked for and when, seconds of the sensor's clock.
    """

    hands_free: HandsFree
    now_ns: int = 0
    seq: int = 0
    is_stored: bool = False
    log: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.control = RecordingControl(waiting=self.hands_free.waits)
        self.conductor = Conductor(self.hands_free, self.control, lambda: self.now_ns)
        self.is_stored = not self.hands_free.waits

    @property
    def seconds(self) -> float:
        return round(self.now_ns / 1e9, 1)

    def play(self, seconds: float, body: np.ndarray = NOBODY) -> "Played":
        """Give frames and rows for some seconds, and do what is asked for."""
        for _ in range(round(30 * seconds)):
            self.now_ns += TICK_NS
            made = body.copy()
            made["time_device"] = self.now_ns // 100
            self.conductor.on_bodies(made)
            self.conductor.on_color(self.seq if self.is_stored else -1, self.now_ns)
            self.seq += self.is_stored
            for request in self.control.take_requests():
                text = json.loads(request.text) if request.action == "cue" else {}
                words = " ".join(
                    str(text[key]) for key in ("name", "repetition", "phase") if key in text
                )
                if words or request.action != "start" or not self.is_stored:
                    self.log.append((self.seconds, f"{request.action} {words}".strip()))
                self.is_stored = self.is_stored or request.action == "start"
            if self.control.stop_request.is_asked() and "stop" not in dict(map(reversed, self.log)):
                self.log.append((self.seconds, "stop"))
        return self

    def shown(self, status: LiveStatus = WAITING) -> LiveStatus:
        return self.conductor.complete(replace(status, note=""))


def test_without_anything_asked_it_does_nothing() -> None:
    played = Played(HandsFree()).play(20, raised())
    assert played.log == []
    assert played.shown(GOOD) == GOOD
    assert not HandsFree().waits


def test_a_countdown_begins_with_the_first_frame() -> None:
    played = Played(HandsFree(countdown_s=3)).play(0.1)
    shown = [played.shown()]
    for _ in range(2):
        shown.append(played.play(1).shown())
    assert [(each.state, each.note) for each in shown] == [
        ("countdown", "3"), ("countdown", "2"), ("countdown", "1"),
    ]  # fmt: skip
    played.play(2)
    assert played.log == [(pytest.approx(3.1, abs=0.1), "start")]


def test_a_person_in_the_zone_starts_it_after_the_countdown() -> None:
    played = Played(HandsFree(countdown_s=3, start_when="body")).play(1)
    assert (played.shown().state, played.shown().note) == ("waiting", "step into view")
    played.play(1, row((0, 0.9)))
    assert played.shown().note == "step back"
    played.play(1, HERE)
    assert played.shown().note == "stay there: 1 s"
    played.play(1.2, HERE)
    assert (played.shown().state, played.shown().note) == ("countdown", "3")
    # on the way to their place they may leave the zone
    played.play(2, NOBODY).play(2, HERE)
    assert played.log == [(pytest.approx(7.0, abs=0.2), "start")]


def test_the_start_may_be_asked_for_by_hand() -> None:
    played = Played(HandsFree(start_when="body", stop_when="raised-hands")).play(1)
    played.is_stored = True
    played.play(3, HERE).play(2, raised())
    assert played.log == [(pytest.approx(5.0, abs=0.1), "stop")]


@pytest.mark.parametrize(
    ("stop_when", "body", "after_s"), [("lost", NOBODY, 3.0), ("raised-hands", raised(), 1.0)]
)
def test_triggers_stop_it_once(stop_when: str, body: np.ndarray, after_s: float) -> None:
    played = Played(HandsFree(stop_when=stop_when)).play(5, HERE).play(10, body)
    assert played.log == [(pytest.approx(5 + after_s, abs=0.1), "stop")]
    assert played.conductor.ended_by


def test_hands_raised_while_it_waits_do_not_stop_it() -> None:
    played = Played(HandsFree(start_when="body", stop_when="raised-hands")).play(1.5, raised())
    assert played.log == []
    played.play(1, HERE).play(3, HERE)
    assert [words for _, words in played.log] == ["start"]


def test_cards_are_shown_stored_and_end_the_recording() -> None:
    played = Played(HandsFree(cues=DECK)).play(0.5)
    card = played.shown(GOOD).card
    assert card is not None
    assert (card["name"], card["phase"], card["next"]) == ("zoom", "ready", "zoom")
    played.play(2)
    card = played.shown(GOOD).card
    assert card is not None
    assert (card["name"], card["phase"], card["repetition"]) == ("zoom", "on", 1)
    assert card["left_s"] == pytest.approx(2.5, abs=0.1)
    played.play(20)
    close = [(pytest.approx(at, abs=0.15), words) for at, words in (
        (1, "cue zoom 1 begin"), (5, "cue zoom 1 end"), (6, "cue zoom 2 begin"),
        (10, "cue zoom 2 end"), (11, "cue draw begin"), (14, "cue draw end"), (14, "stop"),
    )]  # fmt: skip
    assert played.log == close


def test_cards_go_round_where_something_else_ends_it() -> None:
    played = Played(HandsFree(cues=DECK, cues_again=True)).play(15.6)
    assert played.log[-1] == (pytest.approx(15.0, abs=0.15), "cue zoom 1 begin")
    assert not played.control.stop_request.is_asked()


def test_a_pause_holds_the_cards_and_a_retake_begins_anew() -> None:
    played = Played(HandsFree(cues=DECK)).play(2)
    played.is_stored = False
    played.play(30)
    assert played.shown(GOOD).card == played.play(5).shown(GOOD).card
    played.is_stored = True
    played.play(1)
    card = played.shown(GOOD).card
    assert card is not None
    assert card["left_s"] == pytest.approx(2.0, abs=0.15)
    played.control.retake()
    played.play(0.5)
    card = played.shown(GOOD).card
    assert card is not None
    assert (card["name"], card["phase"], card["repetition"]) == ("zoom", "ready", 1)


def test_a_jump_of_the_clock_does_not_skip_cards() -> None:
    played = Played(HandsFree(cues=DECK)).play(2)
    played.now_ns += 3_600_000_000_000
    played.play(1)
    card = played.shown(GOOD).card
    assert card is not None
    assert (card["name"], card["phase"]) == ("zoom", "on")


INFO = SensorInfo("memory", "memory:", "1", (64, 48), mirrored=True)


@pytest.mark.parametrize(
    ("asked", "info", "message"),
    [
        (HandsFree(countdown_s=2), replace(INFO, live=False), "--countdown: memory: is not live"),
        (HandsFree(start_when="body"), replace(INFO, live=False), "--start-when: memory: is not"),
        (HandsFree(start_when="body"), replace(INFO, streams=("color",)), "--start-when body: "),
        (HandsFree(stop_when="lost"), replace(INFO, streams=("color",)), "--stop-when lost: .* n"),
        (HandsFree(countdown_s=1), replace(INFO, streams=("bodies",)), "--countdown: .* no colour"),
        (HandsFree(cues=DECK), replace(INFO, streams=("bodies",)), "--cues: .* no colour"),
    ],
)  # fmt: skip
def test_a_source_that_can_not_do_it_is_refused(
    asked: HandsFree, info: SensorInfo, message: str
) -> None:
    with pytest.raises(SensorError, match=message) as refused:
        Conductor(asked, RecordingControl()).begin(info)
    assert refused.value.exit_code == 2
    Conductor(HandsFree(cues=DECK), RecordingControl()).begin(replace(INFO, live=False))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (HandsFree(countdown_s=-1), "--countdown -1: expected seconds, 0 to 3600"),
        (HandsFree(countdown_s=float("nan")), "--countdown nan"),
        (HandsFree(start_when="bodies"), "--start-when bodies: unknown trigger; expected body"),
        (HandsFree(stop_when="body"), "--stop-when body: .* expected lost or raised-hands"),
    ],
)
def test_what_makes_no_sense_is_refused(asked: HandsFree, message: str) -> None:
    with pytest.raises(KincapError, match=message):
        asked.check()


def test_a_sensor_with_other_joints_works_by_their_names() -> None:
    names = ("Extra", *reversed(KINECT_V2_SKELETON.points))
    skeleton = Skeleton("other", names, ())
    info = replace(INFO, shape=SensorShape(skeleton=skeleton, bodies=2))
    control = RecordingControl()
    conductor = Conductor(HandsFree(stop_when="raised-hands"), control)
    conductor.begin(info)
    source = raised()
    for number in range(60):
        made = np.zeros(1, bodies_dtype(2, len(names)))
        made["time_device"] = number * 333_333
        made["tracked"][0, 0] = 1
        for key in ("joint_xyz_m", "joint_state"):
            made[key][0, 0, 1:] = source[key][0, 0, ::-1]
        for side in ("left", "right"):
            made[f"hand_{side}_state"][0, 0] = 3
        conductor.on_bodies(made)
    assert control.stop_request.is_asked()
