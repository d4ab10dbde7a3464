"""Motion of the simulated person: sway, lean, steps, arms, as a pure function of time.

The feet stay planted between steps, arms and legs are solved as two-bone chains, bone lengths never
change. All amplitudes are plausible guesses.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ....core.skeleton import JOINT, JOINTS
from ..scenery.camera import SENSOR_HEIGHT_M
from .directions import NOTHING, Directions
from .gestures import (
    CROSSED,
    RAISED,
    Floats,
    GestureScript,
    HandState,
    cross_arms,
    ease,
    raise_hands,
)
from .rig import Bone, Pose, frame, normalize, two_bone
from .subject import Bones

_SWING_SHARE = 0.36


@dataclass(frozen=True, slots=True)
class Style:
    """A person's place and share of the space of poses.

    Attributes:
        center: Mean place of the feet: x and z in metres, camera space.
        roam: How far from it they walk, x and z, metres.
        yaw: Largest usual turn away from the sensor, radians.
        turned: Turn about which ``yaw`` varies, radians.
        lean: Usual lean of the spine, radians.
        crouch: How deep they sink at most, metres.
        wild: Free reaching rather than the scripted gestures.
        step_s: From one step of a foot to its next one, seconds.
    """

    center: tuple[float, float] = (0.0, 2.55)
    roam: tuple[float, float] = (0.27, 0.2)
    yaw: float = 0.42
    turned: float = 0.0
    lean: float = 0.05
    crouch: float = 0.05
    wild: bool = False
    step_s: float = 1.5


WILD = Style(roam=(0.2, 0.15), yaw=0.6, lean=0.14, crouch=0.22, wild=True)


class Motion:
    """The motion of one person in one take.

    Args:
        seed: What the random choices come from.
        bones: The person's bone lengths.
        style: Where and how.
        directions: What they do on purpose, and when.
    """

    def __init__(
        self,
        seed: tuple[int, ...],
        bones: Bones,
        style: Style,
        directions: Directions = NOTHING,
    ) -> None:
        self._bones = bones
        self._style = style
        self._directions = directions
        self._gestures = GestureScript((*seed, 1), wild=style.wild)
        rng = np.random.default_rng([*seed, 2])
        self._waves = rng.random((16, 2, 4))

    def at(self, time_s: Floats) -> Pose:
        """Return the person at some times.

        Args:
            time_s: (T,) seconds since the take began, >= 0.
        """
        step = _Step(len(time_s), self._bones)
        wrists, hands, gestures = self._gestures.evaluate(time_s)
        crossed = self._directions.crossed(time_s)
        if crossed.any():
            wrists = cross_arms(wrists, crossed, time_s)
            gestures = np.where(crossed > 0.5, CROSSED, gestures)
        raised = self._directions.raised(time_s)
        if raised.any():
            wrists = raise_hands(wrists, raised, time_s)
            gestures = np.where(raised > 0.5, RAISED, gestures)
            hands = np.where(raised[:, None] > 0.5, np.uint8(HandState.CLOSED), hands)
        yaw = self._yaw(time_s)
        self._trunk(step, time_s, yaw)
        self._head(step, time_s)
        for side, arm in ((1, 0), (-1, 1)):
            step.arm(side, wrists[:, arm])
        for side, leg in ((1, 0), (-1, 1)):
            ankle, heading, pitch = self._foot(time_s, side, leg)
            step.leg(side, ankle, heading, pitch)
        turn = self._directions.turn(time_s)
        return Pose(step.joints, step.frames, hands, gestures, turn, crossed)

    def _wave(self, channel: int, time_s: Floats, amplitude: float, period: float) -> Floats:
        """Return slow, smooth noise: four sines of incommensurate periods."""
        share, phase = self._waves[channel]
        rates = 2 * np.pi / (period * (0.6 + 0.9 * share))
        waves = np.sin(time_s[:, None] * rates + 2 * np.pi * phase).sum(axis=1)
        return np.asarray(0.6 * amplitude * waves)

    def _yaw(self, time_s: Floats) -> Floats:
        """Return (T,) turn of the trunk, radians; positive brings the right shoulder nearer."""
        limit = 2.2 * self._style.yaw + 1e-9
        raw = self._wave(0, time_s, self._style.yaw, 9)
        return self._style.turned + limit * np.tanh(raw / limit)

    def _place(self, time_s: Floats) -> Floats:
        """Return (T, 2) x and z of the point that the person stands over, metres."""
        (x, z), (roam_x, roam_z) = self._style.center, self._style.roam
        aside = self._directions.aside(time_s)
        return np.stack(
            [
                x + self._wave(1, time_s, roam_x, 14) + aside,
                z + self._wave(2, time_s, roam_z, 17),
            ],
            axis=1,
        )

    def _trunk(self, step: "_Step", time_s: Floats, yaw: Floats) -> None:
        """Place pelvis, spine and shoulders."""
        place = self._place(time_s)
        base = np.zeros((len(time_s), 3))
        base[:, 0] = place[:, 0] + self._wave(3, time_s, 0.025, 5)
        sink = 0.02 + self._style.crouch * np.clip(self._wave(4, time_s, 1.0, 6) - 0.6, 0, 1)
        base[:, 1] = step.bones.standing - SENSOR_HEIGHT_M - sink
        base[:, 2] = place[:, 1] + self._wave(5, time_s, 0.015, 6) + 0.5 * sink
        lean = self._wave(6, time_s, self._style.lean, 7)
        bow = self._wave(7, time_s, self._style.lean, 8) + 1.2 * sink
        turn = self._directions.turn(time_s)
        hips = self._yaw(np.maximum(time_s - 0.35, 0)) * 0.7
        step.trunk(base, yaw + turn, hips + turn, lean, bow)

    def _head(self, step: "_Step", time_s: Floats) -> None:
        """Place neck and head; the head looks around a little and rather at the sensor."""
        nod = np.stack(
            [self._wave(8, time_s, 0.06, 6), np.ones(len(time_s)), self._wave(9, time_s, 0.08, 5)],
            axis=1,
        )
        step.head(nod, self._wave(10, time_s, 0.22, 4))

    def _foot(self, time_s: Floats, side: int, leg: int) -> tuple[Floats, Floats, Floats]:
        """Return a foot's ankle (T, 3), heading (T,) and pitch (T,): planted, or in a step."""
        phase = time_s / self._style.step_s + 0.5 * leg
        number = np.floor(phase)
        swing = ease((phase - number) / _SWING_SHARE)
        planted_from, heading_from = self._plant(number - 1, side, leg)
        planted_to, heading_to = self._plant(number, side, leg)
        way = np.linalg.norm(planted_to - planted_from, axis=1)
        rise = np.minimum(way / 0.15, 1.0) * np.sin(np.pi * swing) ** 2
        ankle = np.zeros((len(time_s), 3))
        ankle[:, [0, 2]] = planted_from + (planted_to - planted_from) * swing[:, None]
        ankle[:, 1] = self._bones.ankle_height - SENSOR_HEIGHT_M + 0.08 * rise
        return ankle, heading_from + (heading_to - heading_from) * swing, 0.5 * rise

    def _plant(self, number: Floats, side: int, leg: int) -> tuple[Floats, Floats]:
        """Return where (T, 2) and with which heading (T,) a foot stands after a step."""
        middle = np.maximum((number - 0.5 * leg + 0.5) * self._style.step_s, 0.0)
        heading = 0.75 * self._yaw(middle) + self._directions.turn(middle)
        spread = 0.125 * self._bones.thigh / 0.425
        aside = spread * side * np.stack([np.cos(heading), -np.sin(heading)], axis=1)
        return self._place(middle) + aside, heading + 0.16 * side


class _Step:
    """The joints and frames of a batch of poses while they are put together."""

    def __init__(self, count: int, bones: Bones) -> None:
        self.bones = bones
        self.joints = np.zeros((count, JOINTS, 3))
        self.frames = np.zeros((count, len(Bone), 3, 3))

    def _get(self, name: str) -> Floats:
        return self.joints[:, JOINT[name]]

    def _set(self, name: str, position: Floats) -> None:
        self.joints[:, JOINT[name]] = position

    def trunk(self, base: Floats, yaw: Floats, hip_yaw: Floats, lean: Floats, bow: Floats) -> None:
        """Place the spine, with ``lean`` to the person's right and ``bow`` forward (radians)."""
        bones = self.bones
        turn = _turned(yaw)
        one, nil = np.ones(len(yaw)), np.zeros(len(yaw))
        up = normalize(_apply(turn, np.stack([lean, one, -bow], axis=1)))
        low_up = normalize(_apply(turn, np.stack([0.4 * lean, one, -0.5 * bow], axis=1)))
        pelvis = frame(low_up, _apply(_turned(hip_yaw), np.stack([one, nil, nil], axis=1)))
        chest = frame(up, _apply(turn, np.stack([one, -lean, nil], axis=1)))
        self.frames[:, Bone.PELVIS], self.frames[:, Bone.CHEST] = pelvis, chest
        mid = base + low_up * bones.base_to_mid
        shoulder = mid + up * bones.mid_to_shoulder
        self._set("SpineBase", base)
        self._set("SpineMid", mid)
        self._set("SpineShoulder", shoulder)
        self._set("Neck", shoulder + up * bones.shoulder_to_neck)
        for side, name in ((1, "HipRight"), (-1, "HipLeft")):
            offset = np.array([side * bones.hip_out, -bones.hip_drop, 0.0])
            self._set(name, base + pelvis @ offset)

    def head(self, nod: Floats, glance: Floats) -> None:
        """Place the head; ``nod`` (T, 3) is its up axis in the chest's frame."""
        chest = self.frames[:, Bone.CHEST]
        up = normalize(_apply(chest, nod))
        right = _apply(chest, np.stack([np.cos(glance), 0 * glance, -np.sin(glance)], axis=1))
        right[:, 2] *= 0.75  # the eyes stay with the sensor when the trunk turns
        self.frames[:, Bone.HEAD] = frame(up, right)
        self._set("Head", self._get("Neck") + up * self.bones.neck_to_head)

    def arm(self, side: int, target: Floats) -> None:
        """Place one arm; ``target`` (T, 3) is the wrist from the shoulder in arm lengths."""
        bones, chest = self.bones, self.frames[:, Bone.CHEST]
        name = "Right" if side > 0 else "Left"
        shrug = 0.3 * np.clip(target[:, 1] + 0.45, 0, 1.3)  # a raised arm lifts its shoulder
        sin, cos = np.sin(shrug), np.cos(shrug)
        out, down = bones.shoulder_out, bones.shoulder_drop
        clavicle = np.stack([side * (out * cos + down * sin), out * sin - down * cos, 0 * sin], 1)
        shoulder = self._get("SpineShoulder") + _apply(chest, clavicle)
        reach = (bones.upper_arm + bones.forearm) * target * [side, 1.0, -1.0]
        wrist = self._outside_trunk(shoulder + _apply(chest, reach))
        pole = _apply(chest, np.broadcast_to([side * 0.75, -0.6, 0.5], target.shape))
        elbow, wrist, bend = two_bone(shoulder, wrist, bones.upper_arm, bones.forearm, pole)
        self._set("Shoulder" + name, shoulder)
        self._set("Elbow" + name, elbow)
        self._set("Wrist" + name, wrist)
        offset = 0 if side > 0 else 1
        for bone, top, end in (
            (Bone.UPPER_ARM_RIGHT, shoulder, elbow),
            (Bone.FOREARM_RIGHT, elbow, wrist),
        ):
            self.frames[:, bone + offset] = frame(top - end, np.cross(bend, end - top))
        self._hand(side, name, elbow, wrist, target)

    def _outside_trunk(self, wrist: Floats) -> Floats:
        """Push (T, 3) wrists out of the trunk, horizontally in the chest's frame."""
        chest = self.frames[:, Bone.CHEST]
        local = np.einsum("tji,tj->ti", chest, wrist - self._get("SpineMid"))
        size = np.array([0.2, 0.16]) * self.bones.thigh / 0.425
        depth = np.hypot(local[:, 0] / size[0], local[:, 2] / size[1])
        inside = (depth < 1) & (np.abs(local[:, 1]) < 0.5)
        factor = np.where(inside, 1 / np.maximum(depth, 0.25), 1.0)
        local[:, [0, 2]] *= factor[:, None]
        return self._get("SpineMid") + _apply(chest, local)

    def _hand(self, side: int, name: str, elbow: Floats, wrist: Floats, target: Floats) -> None:
        """Place a hand: along the forearm, bent up a little when it is held before the body."""
        bones, chest = self.bones, self.frames[:, Bone.CHEST]
        ahead = np.clip(target[:, 2] * 2 - 0.3, 0, 1)[:, None]
        way = normalize(wrist - elbow) + ahead * _apply(
            chest, np.broadcast_to([0.0, 0.3, -0.1], target.shape)
        )
        way = normalize(way)
        rise = np.maximum(np.einsum("tj,tj->t", way, chest[:, :, 1]), 0)
        wish = np.stack([-side * (0.3 + 1.2 * rise), 0.6 + 0 * rise, rise - 1.0], axis=1)
        thumb = _apply(chest, wish)
        thumb = normalize(thumb - (thumb * way).sum(1, keepdims=True) * way)
        self.frames[:, Bone.HAND_RIGHT + (side < 0)] = np.stack(
            [np.cross(way, thumb), -way, -thumb], axis=-1
        )
        palm = wrist + way * bones.wrist_to_hand
        self._set("Hand" + name, palm)
        self._set("HandTip" + name, palm + way * bones.hand_to_tip)
        spread = normalize(0.75 * way + 0.66 * thumb)
        self._set("Thumb" + name, wrist + spread * bones.wrist_to_thumb)

    def leg(self, side: int, ankle: Floats, heading: Floats, pitch: Floats) -> None:
        """Place one leg on its ankle; ``pitch`` lowers the toes in a step."""
        bones = self.bones
        name = "Right" if side > 0 else "Left"
        hip = self._get("Hip" + name)
        turn = _turned(heading)
        pole = _apply(turn, np.broadcast_to([0.0, 0.0, -1.0], ankle.shape))
        knee, ankle, bend = two_bone(hip, ankle, bones.thigh, bones.shin, pole)
        self._set("Knee" + name, knee)
        self._set("Ankle" + name, ankle)
        offset = 0 if side > 0 else 1
        for bone, top, end in ((Bone.THIGH_RIGHT, hip, knee), (Bone.SHIN_RIGHT, knee, ankle)):
            self.frames[:, bone + offset] = frame(top - end, np.cross(end - top, bend))
        sin, cos, nil = np.sin(pitch), np.cos(pitch), 0 * pitch
        back = _apply(turn, np.stack([nil, sin, cos], axis=1))
        up = _apply(turn, np.stack([nil, cos, -sin], axis=1))
        self.frames[:, Bone.FOOT_RIGHT + offset] = np.stack([np.cross(up, back), up, back], axis=-1)
        self._set("Foot" + name, ankle - 0.9 * bones.foot * back - 0.42 * bones.foot * up)


def _turned(yaw: Floats) -> Floats:
    """Return (T, 3, 3) rotations about the vertical; positive brings +x nearer to the sensor."""
    cos, sin, nil, one = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw), np.ones_like(yaw)
    rows = [cos, nil, sin, nil, one, nil, -sin, nil, cos]
    return np.stack(rows, axis=1).reshape(-1, 3, 3)


def _apply(rotation: Floats, vectors: NDArray[np.floating]) -> Floats:
    """Rotate (T, 3) vectors by (T, 3, 3) rotations."""
    return np.asarray(np.einsum("tij,tj->ti", rotation, vectors))


def wild_style(rng: np.random.Generator) -> Style:
    """Draw a place, a turn and a pose range for a scene of the wild kind."""
    return replace(
        WILD,
        center=(float(rng.uniform(-0.5, 0.5)), float(rng.uniform(2.25, 3.4))),
        turned=float(rng.normal(0, 0.45)),
        lean=float(rng.uniform(0.05, 0.2)),
        crouch=float(rng.uniform(0.05, 0.3)),
    )
