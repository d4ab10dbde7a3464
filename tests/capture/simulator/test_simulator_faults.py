"""Each fault of the simulator does what its name says, and the truth says where: one recording."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.capture.simulator.faults.schedule import DEFAULT_S, FAULTS, FaultPlan, plan_faults
from kincap.capture.simulator.sensor import open_simulator
from kincap.capture.sources.sensor import BodyFrame, ColorFrame, Notice, TakeStart
from kincap.core.errors import SensorError
from kincap.core.skeleton import JOINT
from kincap.sessions.reader import SessionReader
from kincap.sessions.schema import ColorFlag, EventKind, Stream
from kincap.sessions.truth import SessionTruth, load_truth

SPANS = {
    "crossed_arms": (0.3, 2.5), "side_swap": (2.8, 6.0), "feet_noise": (6.2, 7.4),
    "outliers": (6.6, 8.4), "body_lost": (8.6, 9.2), "slot_swap": (9.4, 10.0),
    "second_person": (10.2, 14.2), "lag": (14.4, 15.4), "freeze": (15.6, 16.4),
    "frozen_joints": (16.6, 17.2), "unplug": (17.4, 18.6), "stall": (18.8, 20.3),
    "clock_jump": (20.5, None), "low_light": (20.8, 22.0), "gaps": (22.2, 27.2),
    "duplicate": (27.4, 29.0), "out_of_order": (29.2, 30.8), "color_only": (31.0, 31.6),
    "bodies_only": (31.8, 32.4), "clock_jump_back": (32.7, None),
}  # fmt: skip
FRAMES, FPS = 332, 10
COLOR, BODIES = Stream.color, Stream.bodies


@dataclass
class Recorded:
    """A recording with every fault in it, read back."""

    reader: SessionReader
    truth: SessionTruth

    def inside(self, stream: Stream, name: str, margin_s: float = 0.0) -> np.ndarray:
        """The truth's rows of a stream between a fault's start and end."""
        start, end = SPANS[name]
        rows = self.truth.rows(stream)
        times = rows["time_s"]
        return rows[(times >= start + margin_s) & (times < (end or start) - margin_s)]

    def rows(self, name: str, margin_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
        """The body rows and the truth of them, inside of a fault."""
        truth = self.inside(BODIES, name, margin_s)
        return self.reader.bodies[np.searchsorted(self.reader.bodies["seq"], truth["seq"])], truth

    def errors_m(self, name: str, margin_s: float = 0.0) -> np.ndarray:
        """(N, 25) how far the main person's joints are off, inside of a fault."""
        rows, truth = self.rows(name, margin_s)
        own = rows["joint_xyz_m"][np.arange(len(rows)), truth["slot"][:, 0]]
        return np.linalg.norm(own - truth["joint_xyz_m"][:, 0], axis=2)

    def pictures(self, rows: np.ndarray) -> list[bytes]:
        return [self.reader.color_blob(int(seq)) for seq in rows["seq"]]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """Record two people with every fault, ten frames a second, as fast as it goes."""
    recordings = tmp_path_factory.mktemp("faults")
    wishes = [f"{n}@{a}" + (f"-{b}" if b else "") for n, (a, b) in SPANS.items()]
    source = (
        f"simulator:frames={FRAMES},fps={FPS},pace=fast,persons=2,seed=5,faults={'+'.join(wishes)}"
    )
    record(RecordSettings("all", recordings, source, shard_mib=64))
    with SessionReader(recordings / "all") as reader:
        yield Recorded(reader, load_truth(recordings / "all"))


def test_the_truth_has_a_row_for_each_item_stored_or_dropped(taken: Recorded) -> None:
    for stream, rows in ((COLOR, taken.reader.color), (BODIES, taken.reader.bodies)):
        truth = taken.truth.rows(stream)
        assert np.array_equal(truth["seq"], np.arange(len(truth)))
        stored = truth[rows["seq"].astype(int)]
        assert np.array_equal(stored["time_device"], rows["time_device"])
        drops = taken.reader.events
        lost = sum(int(e["count"]) for e in drops if EventKind(int(e["kind"])).is_drop
                   and e["stream"] == stream)  # fmt: skip
        assert len(truth) == len(rows) + lost


def test_every_fault_is_told_with_its_time_and_its_items(taken: Recorded) -> None:
    assert sorted(fault.name for fault in taken.truth.faults) == sorted(SPANS)
    assert {*SPANS, "wrong_size"} == set(FAULTS)
    for fault in taken.truth.faults:
        start, end = SPANS[fault.name]
        assert fault.ended
        assert (fault.start_s, fault.end_s) == (start, end or start)
        assert fault.time_device is not None
        for stream, (first, last) in fault.seq.items():
            times = np.sort(taken.truth.rows(stream)["time_s"][[first, last]])
            # the neighbours of a hole lie just outside
            assert start - 0.45 < times[0] <= times[1] < (end or start) + 0.45, fault
            touched = taken.truth.touched(fault.name, stream)
            assert len(touched)
            assert first <= touched.min() <= touched.max() <= last


def test_crossed_arms_cross_in_the_picture_and_the_tracker_guesses_the_hands(
    taken: Recorded,
) -> None:
    truth = taken.inside(COLOR, "crossed_arms", 0.6)["joint_color_px"][:, 0]
    wrists = truth[:, [JOINT["WristLeft"], JOINT["WristRight"]], 0]
    # the person's right is at the right of a mirrored image, unless the arms cross
    assert (wrists[:, 1] < wrists[:, 0] - 40).all()
    rows, seen = taken.rows("crossed_arms", 0.6)
    states = rows["joint_state"][np.arange(len(rows)), seen["slot"][:, 0]]
    hands = [JOINT[part + side] for part in ("Wrist", "Hand") for side in ("Left", "Right")]
    assert (states[:, hands] == 1).all()
    errors, usual = taken.errors_m("crossed_arms", 0.6), taken.errors_m("lag")
    assert np.median(errors[:, hands]) > 0.06
    shoulders = [JOINT["ShoulderLeft"], JOINT["ShoulderRight"]]
    assert np.median(errors[:, shoulders]) < 2.5 * np.median(usual[:, shoulders])


def test_who_turns_around_is_taken_for_facing_the_sensor(taken: Recorded) -> None:
    rows, truth = taken.rows("side_swap", 1.2)
    own = rows["joint_xyz_m"][np.arange(len(rows)), truth["slot"][:, 0]]
    real = truth["joint_xyz_m"][:, 0]
    for part in ("Shoulder", "Hip"):
        left, right = JOINT[part + "Left"], JOINT[part + "Right"]
        assert (real[:, right, 0] < real[:, left, 0]).all()  # really turned away
        assert (own[:, right, 0] > own[:, left, 0]).all()  # labelled as if facing
        assert np.median(np.linalg.norm(own[:, left] - real[:, right], axis=1)) < 0.05


def test_feet_shake_and_single_joints_fly_off(taken: Recorded) -> None:
    feet = [JOINT["FootLeft"], JOINT["FootRight"]]
    shaken, calm = taken.errors_m("feet_noise")[:, feet], taken.errors_m("lag")[:, feet]
    assert np.median(shaken) > 3 * np.median(calm)
    thrown = set(taken.truth.touched("outliers", BODIES).tolist())
    assert 2 <= len(thrown) < 17
    errors = taken.errors_m("outliers")
    flags = [int(seq) in thrown for seq in taken.inside(BODIES, "outliers")["seq"]]
    others = np.delete(errors, [*feet, JOINT["AnkleLeft"], JOINT["AnkleRight"]], axis=1)
    assert (errors.max(axis=1) > 0.25).tolist() == flags
    assert (np.sum(others > 0.25, axis=1) <= 1).all()


def test_a_lost_body_is_found_again_under_another_id_and_bodies_swap_slots(
    taken: Recorded,
) -> None:
    truth = taken.truth.bodies
    gone = taken.inside(BODIES, "body_lost")
    assert (gone["slot"][:, 0] == -1).all()
    before, after = truth[gone["seq"][0] - 1], truth[gone["seq"][-1] + 1]
    assert before["tracking_id"][0] != after["tracking_id"][0]
    assert before["tracking_id"][1] == after["tracking_id"][1]
    assert (taken.rows("body_lost")[0]["tracked"].sum(axis=1) == 1).all()
    rows, swapped = taken.rows("slot_swap")
    last = truth[swapped["seq"][0] - 1]
    assert (swapped["slot"][:, :2] == last["slot"][[1, 0]]).all()
    assert (swapped["tracking_id"] == last["tracking_id"]).all()
    ids = rows["tracking_id"][np.arange(len(rows))[:, None], swapped["slot"][:, :2]]
    assert (ids == swapped["tracking_id"][:, :2]).all()


def test_somebody_walks_in_and_out_again(taken: Recorded) -> None:
    there = taken.truth.bodies["slot"][:, 2] >= 0
    times = taken.truth.bodies["time_s"][there]
    start, end = SPANS["second_person"]
    assert start + 0.2 < times[0] < start + 1.5
    assert end - 1.5 < times[-1] < end - 0.2
    assert np.diff(times).max() < 0.2
    pixels = taken.inside(COLOR, "second_person")["joint_color_px"][:, 2, JOINT["SpineMid"]]
    assert min(pixels[0, 0], pixels[-1, 0]) > 1919 > pixels[len(pixels) // 2, 0]
    middle = taken.inside(COLOR, "second_person", 1.9)[:1]
    x, y = np.round(middle["joint_color_px"][0, 2, JOINT["SpineMid"]]).astype(int)
    blobs = taken.pictures(np.concatenate([middle, taken.inside(COLOR, "lag")[-1:]]))
    pictures = [cv2.imdecode(np.frombuffer(blob, np.uint8), cv2.IMREAD_COLOR) for blob in blobs]
    there, gone = (picture[y - 20 : y + 20, x - 9 : x + 9].astype(int) for picture in pictures)
    assert np.abs(there - gone).mean() > 20


def test_late_joints_and_frozen_ones_show_an_earlier_moment(taken: Recorded) -> None:
    rows, truth = taken.rows("lag")
    assert np.allclose(truth["time_s"] - truth["shown_s"], 0.1)
    color = taken.inside(COLOR, "lag")
    own = rows["joint_xyz_m"][np.arange(len(rows)), truth["slot"][:, 0]]
    to_shown = np.linalg.norm(own - truth["joint_xyz_m"][:, 0], axis=2).mean()
    to_picture = np.linalg.norm(own - color["joint_xyz_m"][:, 0], axis=2).mean()
    assert to_shown < 0.85 * to_picture
    rows, _ = taken.rows("frozen_joints")
    assert (rows["joint_xyz_m"] == rows["joint_xyz_m"][0])[rows["tracked"] == 1].all()
    assert (np.diff(rows["time_device"]) > 0).all()


def test_a_frozen_picture_comes_again_while_joints_go_on(taken: Recorded) -> None:
    frozen = taken.inside(COLOR, "freeze")
    assert len(frozen) == 8
    assert len(set(taken.pictures(frozen))) == 1
    assert len(set(frozen["shown_s"])) == 1
    assert len(set(taken.pictures(taken.inside(COLOR, "frozen_joints")))) == 6
    rows, _ = taken.rows("freeze")
    assert len({row["joint_xyz_m"].tobytes() for row in rows}) == len(rows)


def test_unplugging_is_said_and_begins_a_take_on_a_new_clock(taken: Recorded) -> None:
    kinds = [EventKind(int(event["kind"])) for event in taken.reader.events]
    assert kinds.count(EventKind.sensor_lost) == kinds.count(EventKind.sensor_back) == 1
    for stream in (COLOR, BODIES):
        assert len(taken.inside(stream, "unplug")) == 0
        rows = taken.truth.rows(stream)
        first = np.flatnonzero(rows["time_s"] > SPANS["unplug"][1])[0]
        assert rows["time_device"][first] < 40_000_000_000 < rows["time_device"][first - 1] + 1
        assert rows["tracking_id"][first][0] != rows["tracking_id"][first - 1][0]
    takes = taken.reader.color["take"]
    assert takes[-1] >= 1


def test_a_stall_is_silence_in_device_and_host_time(taken: Recorded) -> None:
    for stream, rows in ((COLOR, taken.reader.color), (BODIES, taken.reader.bodies)):
        assert len(taken.inside(stream, "stall")) == 0
        (fault,) = [f for f in taken.truth.faults if f.name == "stall"]
        around = rows[np.isin(rows["seq"], fault.seq[stream])]
        assert np.diff(around["time_device"])[0] == pytest.approx(16_000_000, abs=1_000_000)
        assert np.diff(around["time_host"])[0] == pytest.approx(1.6e9, abs=0.1e9)


@pytest.mark.parametrize(("name", "jump"), [("clock_jump", 1), ("clock_jump_back", -1)])
def test_the_device_clock_jumps_by_an_hour(taken: Recorded, name: str, jump: int) -> None:
    for stream in (COLOR, BODIES):
        rows = taken.truth.rows(stream)
        (seq,) = taken.truth.touched(name, stream)
        step = rows["time_device"][seq] - rows["time_device"][seq - 1]
        assert step == pytest.approx(jump * 36_000_000_000 + 1_000_000, abs=30_000)
        assert rows["time_device"].min() > 0


def test_low_light_halves_the_rate_and_darkens_the_picture(taken: Recorded) -> None:
    truth = taken.inside(COLOR, "low_light")
    rows = taken.reader.color[np.searchsorted(taken.reader.color["seq"], truth["seq"])]
    assert np.diff(rows["time_device"]) == pytest.approx(2_000_000, abs=40_000)
    assert (rows["flags"] & ColorFlag.low_light == ColorFlag.low_light).all()
    assert (rows["frame_interval"] == 666_666).all()
    assert (rows["exposure"] > 333_333).all()
    assert len(taken.inside(BODIES, "low_light")) == 12
    light = taken.pictures(np.concatenate([truth[2:3], taken.inside(COLOR, "gaps")[:1]]))
    dark, bright = (cv2.imdecode(np.frombuffer(b, np.uint8), 0).mean() for b in light)
    assert dark < 0.55 * bright
    usual = np.isin(taken.reader.color["seq"], taken.inside(COLOR, "lag")["seq"])
    assert not (taken.reader.color["flags"][usual] & ColorFlag.low_light).any()


def test_gaps_are_one_or_two_missing_frames(taken: Recorded) -> None:
    steps = []
    for stream in (COLOR, BODIES):
        inside = taken.inside(stream, "gaps")
        ticks = np.round(np.diff(inside["time_device"]) / 1e6).astype(int)
        steps += ticks.tolist()
        gaps = inside["seq"][1:][ticks > 1]
        assert set(gaps.tolist()) <= set(taken.truth.touched("gaps", stream).tolist())
    assert set(steps) <= {1, 2, 3}
    assert 2 <= sum(step > 1 for step in steps) <= 10


def test_items_come_twice_or_in_the_wrong_order(taken: Recorded) -> None:
    for stream in (COLOR, BODIES):
        twice = taken.inside(stream, "duplicate")
        again = np.flatnonzero(np.diff(twice["time_device"]) == 0)
        assert 1 <= len(again) < 6
        marked = set(taken.truth.touched("duplicate", stream).tolist())
        assert {int(twice["seq"][k + d]) for k in again for d in (0, 1)} == marked
        order = taken.inside(stream, "out_of_order")
        older = np.flatnonzero(np.diff(order["time_device"]) < 0)
        assert 1 <= len(older) < 6
        marked = set(taken.truth.touched("out_of_order", stream).tolist())
        assert {int(order["seq"][k + d]) for k in older for d in (0, 1)} == marked


def test_one_stream_comes_alone(taken: Recorded) -> None:
    assert len(taken.inside(COLOR, "color_only")) == len(taken.inside(BODIES, "bodies_only")) == 6
    assert len(taken.inside(BODIES, "color_only")) == len(taken.inside(COLOR, "bodies_only")) == 0


def test_pictures_of_a_wrong_size_are_dropped_by_name(tmp_path: Path) -> None:
    source = "simulator:frames=20,fps=20,faults=wrong_size@0.1-0.9"
    result = record(RecordSettings("s1", tmp_path, source, shard_mib=32))
    wrong = load_truth(tmp_path / "s1").touched("wrong_size", COLOR)
    assert result.dropped == {"wrong_size": len(wrong)}
    with SessionReader(tmp_path / "s1") as reader:
        assert wrong.tolist() == sorted(set(range(20)) - set(reader.color["seq"].tolist()))
    assert 2 <= len(wrong) < 6


def digest(faults: str) -> list[bytes]:
    """Pictures and rows of a short take."""
    options = {"pace": "fast", "frames": "9", "fps": "10", "seed": "8", "faults": faults}
    found = []
    for item in open_simulator(options).items():
        if isinstance(item, ColorFrame):
            assert item.image is not None
            found.append(item.image[::8].tobytes())
            if item.release is not None:
                item.release()
        elif isinstance(item, BodyFrame):
            item.row["time_host"] = 0
            found.append(item.row.tobytes())
    return found


def test_the_same_seed_gives_the_same_faulty_bytes() -> None:
    faults = "crossed_arms@0-0.8+outliers@0-0.9+low_light@0.2-0.6"
    assert digest(faults) == digest(faults) != digest("outliers@0-0.9")


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ("crossed_arm", ["crossed_arm'", "did you mean crossed_arms?"]),
        ("gaps+stal@3", ["stal'", "did you mean stall?"]),
        ("stall@", ["'stall@'", "NAME@START-END"]),
        ("stall@1-2-3", ["'stall@1-2-3'"]),
        ("gaps@5-4", ["gaps@5-4", "before it begins"]),
        ("gaps@70", ["gaps@70", "10.0 s"]),
        ("clock_jump@1-2", ["clock_jump@1"]),
        ("slot_swap", ["slot_swap", "persons=2"]),
        ("all@3", ["'all'", "crossed_arms"]),
        ("all", ["more frames", "10.0 s"]),
        ("gaps++stall", ["''"]),
    ],
)
def test_bad_faults_are_refused_in_one_line(faults: str, words: list[str]) -> None:
    with pytest.raises(SensorError) as caught:
        open_simulator({"frames": "300", "faults": faults})
    message = str(caught.value)
    assert message.startswith("simulator: faults: ")
    assert "\n" not in message
    assert caught.value.exit_code == 2
    assert all(word in message for word in words), message


def test_the_command_refuses_bad_faults_and_writes_nothing(kincap, tmp_path: Path) -> None:
    source = "simulator:frames=30,faults=freze"
    run = kincap("record", "--session", "s1", "--source", source)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.count("\n") == 1
    assert "did you mean freeze?" in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_faults_need_people_and_a_room_that_stay() -> None:
    with pytest.raises(SensorError, match="scene=room"):
        open_simulator({"frames": "300", "scene": "wild", "faults": "gaps"})
    with pytest.raises(SensorError, match="persons=5"):
        open_simulator({"persons": "6", "faults": "second_person"})


def spans(plan: FaultPlan) -> list[tuple[float, float]]:
    return [(fault.start_s, fault.end_s) for fault in plan.faults]


@pytest.mark.parametrize(("take_s", "persons"), [(None, 2), (120.0, 1), (65.0, 5)])
def test_faults_without_times_are_spread_one_after_another(
    take_s: float | None, persons: int
) -> None:
    plan = plan_faults("all", persons, take_s, live=persons > 1)
    names = {fault.name for fault in plan.faults}
    assert names == set(FAULTS) - ({"slot_swap", "wrong_size"} if persons == 1 else set())
    edges = np.array(spans(plan)).ravel()
    assert edges[0] >= 0.3
    assert (np.diff(edges)[1::2] >= 0.3).all()
    assert all(f.end_s - f.start_s == pytest.approx(DEFAULT_S[f.name]) for f in plan.faults)
    assert take_s is None or edges[-1] <= take_s - 0.3


def test_a_take_begins_anew_after_the_cable_and_silence_costs_no_time_when_fast() -> None:
    options = {"pace": "fast", "frames": "14", "fps": "2", "faults": "unplug@2-4.6+stall@5-6"}
    items = list(open_simulator(options).items())
    starts = [item for item in items if isinstance(item, TakeStart)]
    assert [start.device_100ns for start in starts] == [5_000_000]
    host = [item.time_host / 1e9 for item in items if isinstance(item, ColorFrame)]
    assert max(np.diff(host)) == pytest.approx(4.5, abs=0.02)
    assert host[-1] - host[0] == pytest.approx(6.5, abs=0.02)


def test_closing_ends_the_silence_of_a_live_sensor() -> None:
    sensor = open_simulator({"faults": "unplug@0.05-600"})
    items = sensor.items()
    lost = next(item for item in items if isinstance(item, Notice))
    assert lost.kind is EventKind.sensor_lost
    ender = threading.Timer(0.2, sensor.close)
    ender.start()
    assert list(items) == []
    ender.join()


def test_silence_is_silence_although_the_sensor_was_late_before_it() -> None:
    options = {"fps": "10", "frames": "20", "faults": "stall@0.5-1.5"}
    hosts = []
    for item in open_simulator(options).items():
        if isinstance(item, ColorFrame):
            hosts.append(item.time_host / 1e9)
            time.sleep(0.3 * (len(hosts) <= 4))
            if item.release is not None:
                item.release()
    assert len(hosts) == 10
    assert hosts[5] - hosts[4] > 0.8
