"""What the simulated pictures show: sides, faces, text, prints, outfits, joints, difficulty."""

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest

from kincap.capture.simulator.options import SimulatorOptions
from kincap.capture.simulator.performer.gestures import GESTURES
from kincap.capture.simulator.performer.motion import Motion, Style
from kincap.capture.simulator.performer.rig import Bone, rest_origins
from kincap.capture.simulator.performer.subject import Bones, Subject
from kincap.capture.simulator.scene import Script
from kincap.capture.simulator.scenery.camera import SENSOR_HEIGHT_M, USUAL
from kincap.capture.simulator.scenery.figure import Figure
from kincap.capture.simulator.scenery.outfits import HAND_MADE, Outfit, outfit
from kincap.capture.simulator.scenery.raster import Layer, Light, draw, shade
from kincap.capture.simulator.scenery.render import Renderer
from kincap.capture.simulator.scenery.room import room
from kincap.capture.simulator.scenery.textures import TRUNK_PX, mark_center, trunk
from kincap.capture.simulator.scenery.wall_things import sign_image
from kincap.capture.simulator.sensor import open_simulator
from kincap.capture.sources.sensor import ColorFrame
from kincap.core.kinematics import yaw_from_shoulders
from kincap.core.skeleton import GROUPS, JOINT, KEYPOINT_JOINT, TORSO
from tests.capture.simulator.rooms import room_image

GREY = (128, 128, 128, 255)


def turned(yaw: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames (15, 3, 3) and origins (15, 3) of someone who stands still, 2.5 m away."""
    bones = Bones.of(Subject.numbered(0))
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])
    origins = rest_origins(bones) @ turn.T + [0.0, -SENSOR_HEIGHT_M, 2.5]
    return np.tile(turn, (len(Bone), 1, 1)), origins


EVEN_LIGHT = Light(key=0.0, sky=0.0, fill=1.0)


def still(figure: Figure, yaw: float = 0.0) -> tuple[np.ndarray, Layer]:
    """Evenly lit image (1080, 1920, 3) and layer of a figure that stands still before grey."""
    mesh = figure.posed(*turned(yaw), np.array([2, 2], np.uint8))
    layer = draw(figure, mesh, shade(mesh, figure.open, EVEN_LIGHT))
    assert layer is not None
    image = np.full((1080, 1920, 4), GREY, np.uint8)
    for rect in layer.tiles():
        layer.tile(rect).lay(image)
    return image[..., :3], layer


@lru_cache(maxsize=20)
def dressed(number: int) -> tuple[np.ndarray, Layer]:
    """A still picture of a hand-made outfit."""
    return still(Figure(Subject.numbered(0), outfit(number), (number,)))


@pytest.mark.parametrize("degrees", [-40, 40])
def test_a_body_turned_to_its_left_shows_nose_and_face_left_of_its_head(degrees: float) -> None:
    bald = next(s for s in map(Subject.numbered, range(4, 99, 5)) if not (s.glasses or s.beard))
    figure = Figure(bald, replace(outfit(0), headwear="none"), (0,))
    image, layer = still(figure, np.radians(degrees))
    frames, origins = turned(np.radians(degrees))
    head = USUAL.project(origins[Bone.HEAD] + frames[Bone.HEAD] @ [0.0, 0.13, 0.0])
    x, y = np.round(head - [layer.left, layer.top]).astype(int)
    window = np.s_[y - 28 : y + 36, max(x - 60, 0) : x + 60]
    inside, depth = layer.inside[window] > 0, layer.depth[window]
    middle = np.flatnonzero(inside.any(axis=0)).mean()
    nose = np.unravel_index(np.argmin(np.where(inside, depth, 99)), depth.shape)[1]
    rows, columns = np.s_[layer.top + y - 14 : layer.top + y + 8], np.s_[x - 60 : x + 60]
    face = image[rows, layer.left + columns.start : layer.left + columns.stop].min(axis=2)
    skin = inside[14:36]
    dark = skin & (face < np.quantile(face[skin], 0.06))
    eyes = np.nonzero(dark)[1].mean()
    joints = np.zeros((25, 3))
    joints[JOINT["ShoulderRight"]] = origins[Bone.UPPER_ARM_RIGHT]
    joints[JOINT["ShoulderLeft"]] = origins[Bone.UPPER_ARM_LEFT]
    assert np.sign(yaw_from_shoulders(joints)) == np.sign(degrees)
    # positive yaw: the right shoulder is nearer and the person looks to the image's left
    assert np.sign(degrees) * (middle - nose) > 8
    assert np.sign(degrees) * (middle - eyes) > 4


@pytest.mark.parametrize("number", [*range(HAND_MADE), 1234])
def test_the_print_lies_on_its_own_side_of_the_body(number: int) -> None:
    worn = outfit(number)
    images = []
    for color in ((255, 0, 255), (0, 255, 0)):
        marked = replace(worn, mark=replace(worn.mark, color=color))
        images.append(still(Figure(Subject.numbered(0), marked, (1,)))[0].astype(int))
    print_x = np.nonzero(np.abs(images[0] - images[1]).max(axis=2) > 60)[1]
    assert len(print_x) > 60
    # the person's right is at the right of a mirrored image
    assert (print_x.mean() - 959.5) * worn.mark.side > 12


def test_a_number_on_a_shirt_reads_backwards_as_stored_and_right_in_the_unmirrored_image() -> None:
    worn = outfit(3)
    x, y = mark_center(worn.mark)
    cloth = np.full((TRUNK_PX[1], TRUNK_PX[0], 3), worn.top.color, np.uint8)
    letters = trunk(cloth, worn)[y - 36 : y + 40, x - 44 : x + 48]
    image = dressed(3)[0]
    assert best_match(image[:, ::-1], letters) > 0.7
    assert best_match(image[:, ::-1], letters) > best_match(image, letters) + 0.2
    assert best_match(image, letters[:, ::-1]) > 0.7


def best_match(image: np.ndarray, template: np.ndarray) -> float:
    """Best correlation of a template with an image's middle, over sizes."""
    part = np.ascontiguousarray(image[200:800, 700:1220])
    scores = []
    for scale in np.arange(0.6, 1.0, 0.05):
        small = cv2.resize(template, None, fx=scale * 0.92, fy=scale, interpolation=cv2.INTER_AREA)
        found = cv2.matchTemplate(part, np.ascontiguousarray(small), cv2.TM_CCOEFF_NORMED)
        scores.append(float(found.max()))
    return max(scores)


def sign_match(image: np.ndarray, number: int) -> float:
    """Best correlation of a room's sign, as it is meant to read, with a picture."""
    scale = USUAL.fy_px / room(number).depth_m
    sign = sign_image(number)
    small = cv2.resize(
        sign, (round(0.48 * scale), round(0.16 * scale)), interpolation=cv2.INTER_AREA
    )
    upper = np.ascontiguousarray(image[:420])
    return float(cv2.matchTemplate(upper, small, cv2.TM_CCOEFF_NORMED).max())


def test_the_rooms_text_reads_backwards_as_stored_and_right_in_the_unmirrored_frame() -> None:
    sensor = open_simulator({"pace": "fast", "frames": "1", "room": "4"})
    frame = next(iter(sensor.items()))
    assert isinstance(frame, ColorFrame)
    assert frame.image is not None
    stored = frame.image[..., :3]
    assert sign_match(stored[:, ::-1], 4) > 0.9 > 0.75 > sign_match(stored, 4)
    right, backward = (room_image(4, mirrored=m) for m in (False, True))
    assert sign_match(right, 4) > 0.9 > 0.75 > sign_match(backward, 4)
    assert np.array_equal(room_image(4, mirrored=True)[:, ::-1], room_image(4, mirrored=False))


def test_outfits_differ_in_colour_shape_and_pattern() -> None:
    features = []
    for number in range(HAND_MADE):
        image, layer = dressed(number)
        mask = layer.inside > 0
        height, width = mask.shape
        person = image[layer.top : layer.top + height, layer.left : layer.left + width]
        upper, lower = mask.copy(), mask.copy()
        upper[height // 2 :] = False
        lower[: height // 2] = False
        edges = cv2.Laplacian(cv2.cvtColor(person, cv2.COLOR_BGR2GRAY), cv2.CV_32F)
        inner = cv2.erode(layer.inside, np.ones((9, 9))) > 0
        area = [m.sum() / mask.sum() for m in (upper, lower)]
        features.append(
            np.concatenate(
                [
                    person[upper].mean(axis=0) / 40,
                    person[lower].mean(axis=0) / 40,
                    [np.abs(edges[inner & part]).mean() / 4 for part in (upper, lower)],
                    [10 * a for a in area],
                ]
            )
        )
    table = np.array(features)
    apart = np.linalg.norm(table[:, None] - table[None], axis=2)
    apart[np.diag_indices(HAND_MADE)] = np.inf
    assert apart.min() > 0.7


def test_every_joint_lies_on_the_person() -> None:
    options = {"pace": "fast", "frames": "10", "fps": "1", "seed": "3", "outfit": "1"}
    sensor = open_simulator(options)
    empty = room_image(0, mirrored=True).astype(np.int16)
    hits = []
    index = 0
    for item in sensor.items():
        if isinstance(item, ColorFrame) and item.image is not None and item.release is not None:
            change = np.abs(item.image[..., :3] - empty).max(axis=2).astype(np.float32)
            mask = cv2.dilate((cv2.blur(change, (5, 5)) > 14).astype(np.uint8), np.ones((11, 11)))
            x, y = np.round(sensor.truth(index).joint_color_px[0]).astype(int).T
            hits.append(mask[np.clip(y, 0, 1079), np.clip(x, 0, 1919)])
            item.release()
            index += 1
    share = np.mean(hits, axis=0)
    assert share.mean() > 0.97
    tips = [JOINT["HandTipLeft"], JOINT["HandTipRight"]]  # a fist ends before them
    assert share[tips].min() >= 0.5
    assert np.delete(share, tips).min() >= 0.9


def hidden_wrists(gesture: str) -> list[bool]:
    """Whether each wrist is hidden, in the middle of every such gesture of some takes."""
    hidden: list[bool] = []
    renderer = Renderer(0)
    frame = np.zeros((1080, 1920, 4), np.uint8)
    for seed in range(40):
        scene = Script(SimulatorOptions(seed=seed)).scene(0)
        motion = scene.actors[0].motion
        moments = np.arange(0.0, 40.0, 0.1)
        names = motion.at(moments).gestures
        wanted = names == GESTURES.index(gesture)
        whole = np.convolve(wanted, np.ones(15), "same") == 15
        if not whole.any():
            continue
        pose = motion.at(moments[np.flatnonzero(whole)[:1]])
        renderer.prepare(scene)
        flags = renderer.render([pose], 0, frame)[0]
        hidden += [bool(flags[JOINT["WristRight"]]), bool(flags[JOINT["WristLeft"]])]
        if len(hidden) >= 8:
            break
    return hidden


def test_hands_behind_the_back_are_hidden_and_hands_before_the_body_are_not() -> None:
    assert np.mean(hidden_wrists("behind")) > 0.6
    assert np.mean(hidden_wrists("zoom")) < 0.2


def keypoints_in_box(seed: int, number: int) -> tuple[np.ndarray, np.ndarray]:
    """(T, 13, 2) keypoints in units of their 1.2 x box, (T,) torso in the same units."""
    scene = Script(SimulatorOptions(seed=seed, outfit=number)).scene(0)
    joints = scene.actors[0].motion.at(np.arange(0, 60, 0.1)).joints
    points = USUAL.project(joints)[:, KEYPOINT_JOINT]
    low, high = points.min(axis=1), points.max(axis=1)
    side = 1.2 * (high - low).max(axis=1)[:, None, None]
    middle = 0.5 * (high + low)[:, None]
    inside = (points - middle) / side + 0.5
    return inside, np.linalg.norm(inside[:, TORSO[0]] - inside[:, TORSO[1]], axis=1)


def test_the_mean_pose_stays_a_poor_guess_on_a_take_with_another_seed() -> None:
    mean = np.concatenate([keypoints_in_box(k, k)[0] for k in range(6)]).mean(axis=0)
    for seed in (100, 101, 102):
        points, torso = keypoints_in_box(seed, 6)
        right = np.linalg.norm(points - mean, axis=2) <= 0.2 * torso[:, None]
        assert right.mean() <= 0.78
        assert right[:, GROUPS["wrist"]].mean() <= 0.12


def test_motion_is_the_same_however_it_is_cut() -> None:
    motion = Motion((3, 0), Bones.of(Subject.numbered(0)), Style())
    times = np.arange(0, 20, 0.05)
    whole = motion.at(times).joints
    again = Motion((3, 0), Bones.of(Subject.numbered(0)), Style())
    pieces = np.concatenate([again.at(times[a : a + 37]).joints for a in range(0, 400, 37)])
    assert np.abs(whole - pieces).max() < 1e-12


def test_numbered_outfits_are_always_the_same_and_differ() -> None:
    drawn = [outfit(n) for n in range(200)]
    assert [outfit(n) for n in range(200)] == drawn
    assert all(isinstance(worn, Outfit) for worn in drawn)
    assert len({(w.top.pattern, w.sleeve, w.bottom, w.top.color) for w in drawn}) == 200
