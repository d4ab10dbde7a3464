"""Guard rails: colours of outfits, backgrounds, and the warnings about two sessions."""

import json
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from kincap.checks.alike.background import Background, BackgroundMean, camera_shift_px
from kincap.checks.alike.compare import (
    LOOKS_DIFFERENT,
    LOOKS_SAME,
    MOVED_PX,
    SessionLook,
    alarms_about,
    alarms_among,
)
from kincap.checks.alike.outfit_colours import OutfitColours, OutfitCounter, colour_distance
from kincap.checks.alike.signature import SessionSignature, signature_from_json
from kincap.core.skeleton import KEYPOINT_NAMES, KEYPOINTS

WIDE, HIGH, BY = 480, 270, 4
POINTS = {
    "head": (240, 50), "l_shoulder": (265, 80), "r_shoulder": (215, 80), "l_elbow": (285, 115),
    "r_elbow": (195, 115), "l_wrist": (295, 145), "r_wrist": (185, 145), "l_hip": (255, 150),
    "r_hip": (225, 150), "l_knee": (258, 195), "r_knee": (222, 195), "l_ankle": (260, 240),
    "r_ankle": (220, 240),
}  # fmt: skip
PERSON = (175, 30, 305, 255)
RED, BLUE, GREEN, BLACK = (40, 40, 190), (180, 90, 40), (60, 150, 70), (35, 30, 30)
Light = Callable[[np.ndarray], np.ndarray]


def room(seed: int, shift: tuple[int, int] = (0, 0)) -> np.ndarray:
    """Return (HIGH, WIDE, 3) a wall with a hundred posters, moved by some pixels."""
    rng = np.random.default_rng(seed)
    wall = np.full((HIGH + 80, WIDE + 80, 3), 150, np.uint8)
    for _ in range(140):
        x, y = rng.integers(0, WIDE + 60), rng.integers(0, HIGH + 60)
        size = rng.integers(6, 30, 2)
        color = rng.integers(60, 230, 3).tolist()
        cv2.rectangle(wall, (int(x), int(y)), (int(x + size[0]), int(y + size[1])), color, -1)
    return wall[40 - shift[1] : 40 - shift[1] + HIGH, 40 - shift[0] : 40 - shift[0] + WIDE].copy()


def picture(top: tuple[int, ...], legs: tuple[int, ...], background: np.ndarray) -> np.ndarray:
    """Return an image of a person in two colours."""
    image, at = background.copy(), {name: np.array(place) for name, place in POINTS.items()}
    corners = [at[name] for name in ("l_shoulder", "r_shoulder", "r_hip", "l_hip")]
    cv2.fillConvexPoly(image, np.array(corners), top)
    for side in ("l_", "r_"):
        for first, last, color in (
            ("hip", "knee", legs), ("knee", "ankle", legs), ("shoulder", "elbow", top),
        ):  # fmt: skip
            cv2.line(image, at[side + first].tolist(), at[side + last].tolist(), color, 18)
    return image


def lit(gain: float, *casts: float) -> Light:
    """Return a light: a factor on all channels and one on each, in linear light."""

    def shine(image: np.ndarray) -> np.ndarray:
        light = (image / 255.0) ** 2.2 * gain * np.array(casts or (1.0, 1.0, 1.0))
        return np.round(255 * light.clip(0, 1) ** (1 / 2.2)).astype(np.uint8)

    return shine


def colours(image: np.ndarray, trusted: np.ndarray | None = None) -> OutfitColours | None:
    counter = OutfitCounter()
    points = np.array([POINTS[name] for name in KEYPOINT_NAMES], np.float64)
    empty = np.ones(image.shape[:2], bool)
    empty[PERSON[1] : PERSON[3], PERSON[0] : PERSON[2]] = False
    sure = np.ones(KEYPOINTS, bool) if trusted is None else trusted
    for _ in range(3):
        counter.add(image, points, sure, empty)
    return counter.colours()


def corners(image: np.ndarray) -> Background | None:
    mean = BackgroundMean()
    mean.add(np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), [PERSON])
    return mean.background(BY)


@pytest.mark.parametrize(
    "light", [lit(0.4), lit(1.3), lit(0.9, 0.8, 1.0, 1.2), lit(0.8, 1.25, 1.0, 0.85)]
)
def test_light_changes_no_outfit(light: Light) -> None:
    worn = colours(picture(RED, BLUE, room(1)))
    again = colours(light(picture(RED, BLUE, room(1))))
    assert worn is not None
    assert again is not None
    assert colour_distance(worn, again) < LOOKS_SAME
    for top, legs in ((BLUE, RED), (GREEN, BLACK), (BLACK, GREEN)):
        other = colours(light(picture(top, legs, room(1))))
        assert other is not None
        assert colour_distance(worn, other) > LOOKS_DIFFERENT


def test_an_outfit_of_which_the_trunk_is_not_seen_is_not_known() -> None:
    trusted = np.ones(KEYPOINTS, bool)
    trusted[KEYPOINT_NAMES.index("l_hip")] = False
    assert colours(picture(RED, BLUE, room(1)), trusted) is None
    trusted[:] = True
    trusted[[KEYPOINT_NAMES.index(name) for name in ("l_knee", "r_knee")]] = False
    seen = colours(picture(RED, BLUE, room(1)), trusted)
    assert seen is not None
    assert set(seen.histograms) == {"trunk", "arms"}
    whole = colours(picture(RED, GREEN, room(1)))
    assert whole is not None
    assert colour_distance(seen, whole) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("shift", [(0, 0), (2, 1), (5, -3), (25, 10)])
def test_a_move_of_the_camera_is_measured_in_any_light(shift: tuple[int, int]) -> None:
    before = corners(picture(RED, BLUE, room(1)))
    after = corners(lit(0.5, 0.8, 1.0, 1.2)(picture(GREEN, RED, room(1, shift))))
    assert before is not None
    assert after is not None
    moved = camera_shift_px(before, after, (BY * WIDE, BY * HIGH))
    assert moved == pytest.approx(BY * np.hypot(*shift), abs=2.5)


def test_another_room_is_infinitely_far_and_a_bare_wall_says_nothing() -> None:
    one, other = corners(room(1)), corners(room(2))
    assert one is not None
    assert other is not None
    assert camera_shift_px(one, other, (BY * WIDE, BY * HIGH)) == np.inf
    assert corners(np.full((HIGH, WIDE, 3), 128, np.uint8)) is None
    assert BackgroundMean().background(BY) is None


def signature(**more: object) -> SessionSignature:
    image = picture(RED, BLUE, room(1))
    known = SessionSignature(colours(image), corners(image), (0.0, 1.0, 0.0, 0.9), 16.0, 1.5)
    return replace(known, **more)


def look(name: str, outfit: str, when: int, kept: SessionSignature, **more: object) -> SessionLook:
    made = SessionLook(name, f"2026-01-{when:02}T00:00:00Z", outfit, "k1", (1920, 1080), True, kept)
    return replace(made, **more)


def test_it_is_the_same_after_it_was_kept_and_holds_no_picture() -> None:
    known = signature()
    text = json.dumps(known.to_json())
    assert len(text) < 12_000
    again = signature_from_json(json.loads(text))
    assert again.outfit is not None
    assert known.outfit is not None
    assert colour_distance(again.outfit, known.outfit) < 0.05
    assert (again.floor, again.exposure_ms, again.gain) == (known.floor, 16.0, 1.5)
    assert again.background is not None
    assert known.background is not None
    assert (again.background.points == known.background.points).all()
    assert (again.background.descriptors == known.background.descriptors).all()


@pytest.mark.parametrize(
    "found",
    [
        None, [], "text", {}, {"outfit": 3, "background": [], "floor": "1", "gain": "x"},
        {"outfit": {"histograms": {"trunk": "!!"}}, "background": {"points_px": 1}},
        {"outfit": {"histograms": {"trunk": "eJwDAAAAAAE="}, "frames": None}},
        {"background": {"points_px": "eJwDAAAAAAE=", "descriptors": "eJwDAAAAAAE="}},
        {"floor": [0, 0, 0, 1]}, {"floor": [float("nan"), 1, 0, 1]}, {"exposure_ms": True},
    ],
)  # fmt: skip
def test_what_is_not_a_signature_is_not_known(found: object) -> None:
    assert signature_from_json(found) == SessionSignature()


def test_names_and_looks_that_contradict_each_other_are_named() -> None:
    first = look("clothing1", "red", 1, signature())
    renamed = look("clothing1b", "crimson", 2, signature())
    worn = colours(picture(GREEN, BLACK, room(1)))
    changed = look("clothing2", "red", 3, signature(outfit=worn))
    (same,) = alarms_about(renamed, [first])
    assert (same.kind, same.session, same.other) == ("same_outfit", "clothing1b", "clothing1")
    assert same.line().startswith("clothing1b and clothing1: outfits crimson and red, but ")
    (other,) = alarms_about(changed, [first])
    assert other.kind == "other_outfit"
    assert "outfit red in both, but the clothes look different" in other.text
    assert alarms_about(look("c", "red", 4, signature()), [first]) == []
    assert alarms_about(replace(changed, outfit="green"), [first]) == []


def test_a_session_is_compared_with_earlier_ones_and_the_strongest_is_named_once() -> None:
    looks = [look(f"clothing{n}", f"outfit{n}", n, signature()) for n in (1, 2, 3)]
    assert [(a.session, a.other) for a in alarms_among(looks[::-1])] == [
        ("clothing2", "clothing1"), ("clothing3", "clothing1"),
    ]  # fmt: skip
    assert alarms_about(looks[0], looks) == []


def test_a_camera_that_was_moved_once_is_reported_once() -> None:
    there = corners(picture(RED, BLUE, room(1, (4, 0))))
    before = look("a1", "red", 1, signature())
    moved = [look(f"a{n}", "red", n, signature(background=there)) for n in (2, 3)]
    (alarm,) = alarms_among([before, *moved])
    assert (alarm.kind, alarm.session, alarm.other) == ("camera_moved", "a2", "a1")
    assert "the image moved by 16 px" in alarm.text
    assert MOVED_PX < 16
    raised = look("a2", "red", 2, signature(floor=(0.0, 0.999, 0.045, 1.0)))
    (alarm,) = alarms_among([before, raised])
    assert "(tilted by 2.6 degrees, 10 cm higher)" in alarm.text
    elsewhere = look("a2", "red", 2, signature(background=corners(room(5))))
    (alarm,) = alarms_among([before, elsewhere])
    assert "(another background)" in alarm.text


def test_settings_that_differ_are_named() -> None:
    before = look("a1", "red", 1, signature())
    changes = (
        ({"device": "k2"}, "sensor k2, before k1"),
        ({"size_px": (1280, 720)}, "image size 1280x720, before 1920x1080"),
        ({"mirrored": False}, "mirrored no, before yes"),
        ({"signature": signature(exposure_ms=40.0)}, "exposure 40 ms, before 16 ms"),
        ({"signature": signature(gain=4.0)}, "gain 4, before 1.5"),
    )
    for change, words in changes:
        after = replace(look("a2", "red", 2, signature()), **change)
        (alarm,) = alarms_about(after, [before])
        assert alarm.kind == "settings_differ"
        assert words in alarm.text
    unknown = look("a2", "red", 2, SessionSignature(), device=None, size_px=None, mirrored=None)
    assert alarms_about(unknown, [before]) == []
    assert alarms_about(before, [look("a0", "red", 0, signature(exposure_ms=20.0))]) == []
