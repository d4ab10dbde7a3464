"""Faults that are injected into the joints of clean recordings, by seed.

Written before any filter was tuned. Each fault takes the joints of one person over a take and
changes them for some stretches of rows, its *episodes*. Sizes are shares of the torso
(r_shoulder to l_hip); a fault whose size follows from the motion (freeze, swap, delay, facing)
takes a stronger setting instead. Whatever was asked for, a label counts by its true distance in
the image.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kincap.core.skeleton import JOINT, KINECT_V2_SKELETON, TrackingState

Floats = NDArray[np.float64]

SIZES: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
"""Lower edges of the seven sizes, shares of the torso; each reaches to the next."""
LARGEST: Final = 1.25

_FLIP: Final = KINECT_V2_SKELETON.flip
_HAND: Final = ("Wrist", "Hand", "HandTip", "Thumb")
_PARTS: Final = {
    "Shoulder": ("Shoulder", "Elbow", *_HAND),
    "Elbow": ("Elbow", *_HAND),
    "Wrist": _HAND,
    "Hip": ("Hip", "Knee", "Ankle", "Foot"),
    "Knee": ("Knee", "Ankle", "Foot"),
    "Ankle": ("Ankle", "Foot"),
}
_CHAINS: Final = [
    [JOINT[name + side] for name in names]
    for names in _PARTS.values()
    for side in ("Left", "Right")
] + [[JOINT["Head"]]]
"""A keypoint's joint, then all joints beyond it."""
_PARENT: Final = {
    JOINT[child + side]: JOINT[parent + side]
    for child, parent in (
        ("Elbow", "Shoulder"), ("Wrist", "Elbow"), ("Knee", "Hip"), ("Ankle", "Knee"),
    )
    for side in ("Left", "Right")
}  # fmt: skip
_ARMS: Final = [JOINT[name + side] for name in _PARTS["Elbow"] for side in ("Left", "Right")]
_LEGS: Final = [JOINT[name + side] for name in _PARTS["Knee"] for side in ("Left", "Right")]


@dataclass
class Track:
    """The joints of one person over a take of M rows; faults change it in place.

    Attributes:
        time_s: (M,) rising times, seconds.
        joints: (M, 25, 3) metres, camera space.
        state: (M, 25) uint8 tracking states.
    """

    time_s: Floats
    joints: Floats
    state: NDArray[np.uint8]

    def torso_m(self) -> float:
        """Return the median length of the torso, r_shoulder to l_hip, metres."""
        ends = self.joints[:, JOINT["ShoulderRight"]] - self.joints[:, JOINT["HipLeft"]]
        return float(np.nanmedian(np.linalg.norm(ends, axis=-1)))


@dataclass(frozen=True)
class Episode:
    """One stretch of rows in which a fault lasts.

    Attributes:
        rows: (n,) indices of the rows.
        size_m: Its size, metres.
        strength: The place of its size among all, 0 to 1, for faults without a length.
        rng: What its random choices come from.
    """

    rows: NDArray[np.intp]
    size_m: float
    strength: float
    rng: np.random.Generator

    def away(self) -> Floats:
        """Return (3,) a random direction of the image plane, with some depth, of its size."""
        angle = self.rng.uniform(0, 2 * np.pi)
        depth = 0.3 * self.rng.standard_normal()
        return self.size_m * np.array([np.cos(angle), np.sin(angle), depth])

    def chain(self) -> list[int]:
        """Return the joints of a random keypoint and of all beyond it."""
        return _CHAINS[int(self.rng.integers(len(_CHAINS)))]

    def ramp(self, share: float) -> Floats:
        """Return (n,) 0 to 1 and back, rising and falling over this share of the rows."""
        place = (np.arange(len(self.rows)) + 1) / (len(self.rows) + 1)
        return np.clip(np.minimum(place, 1 - place) / max(share, 1e-9), 0, 1)


Injection = Callable[[Track, Episode], None]


def _jump(track: Track, episode: Episode) -> None:
    """Put a keypoint elsewhere for one to three rows, alone or with all beyond it."""
    chain = episode.chain()
    moved = chain if episode.rng.random() < 0.5 else chain[:1]
    track.joints[np.ix_(episode.rows, moved)] += episode.away()


def _drift(track: Track, episode: Episode) -> None:
    """Let a limb wander off and come back."""
    offset = episode.ramp(0.35)[:, None, None] * episode.away()
    track.joints[np.ix_(episode.rows, episode.chain())] += offset


def _freeze(track: Track, episode: Episode) -> None:
    """Hold one limb, or the whole body, exactly where it was."""
    held = episode.chain() if episode.rng.random() < 0.5 else list(range(track.joints.shape[1]))
    track.joints[np.ix_(episode.rows, held)] = track.joints[episode.rows[0], held]


def _side_swap(track: Track, episode: Episode) -> None:
    """Call left right and right left."""
    track.joints[episode.rows] = track.joints[episode.rows][:, _FLIP]
    track.state[episode.rows] = track.state[episode.rows][:, _FLIP]


def _limb_swap(track: Track, episode: Episode) -> None:
    """Exchange both lower arms, or both lower legs."""
    limbs = np.array(_ARMS if episode.rng.random() < 0.6 else _LEGS)
    track.joints[np.ix_(episode.rows, limbs)] = track.joints[np.ix_(episode.rows, _FLIP[limbs])]
    track.state[np.ix_(episode.rows, limbs)] = track.state[np.ix_(episode.rows, _FLIP[limbs])]


def _inferred(track: Track, episode: Episode) -> None:
    """Let the tracker guess a limb, and say so."""
    chain = episode.chain()
    wander = 0.2 * episode.size_m * episode.rng.standard_normal((len(episode.rows), 1, 3))
    track.joints[np.ix_(episode.rows, chain)] += episode.away() + wander
    track.state[np.ix_(episode.rows, chain)] = TrackingState.inferred


def _occlusion(track: Track, episode: Episode) -> None:
    """Draw a covered hand to what covers it, the trunk or the other arm; the tracker is sure."""
    side = ("Left", "Right")[int(episode.rng.integers(2))]
    other = "Right" if side == "Left" else "Left"
    target = ("SpineMid", "SpineShoulder", f"Elbow{other}", f"Wrist{other}")
    goal = JOINT[target[int(episode.rng.integers(len(target)))]]
    chain = [JOINT[name + side] for name in _HAND]
    towards = track.joints[episode.rows, goal] - track.joints[episode.rows, chain[0]]
    flat = np.linalg.norm(towards[:, :2], axis=1, keepdims=True)
    step = towards / np.maximum(flat, 1e-6) * np.minimum(episode.size_m, flat)
    step *= episode.ramp(0.15)[:, None]
    noise = 0.012 * episode.rng.standard_normal((len(episode.rows), 1, 3))
    track.joints[np.ix_(episode.rows, chain)] += step[:, None] + noise


def _delay(track: Track, episode: Episode) -> None:
    """Show every joint as it was some time ago."""
    late_s = _LATE_S[round(episode.strength * (len(_LATE_S) - 1))]
    then = np.clip(track.time_s - late_s, track.time_s[0], None)
    flat = track.joints.reshape(len(track.joints), -1)
    late = np.stack([np.interp(then, track.time_s, column) for column in flat.T], axis=1)
    noise = 0.003 * episode.rng.standard_normal(late.shape)  # interpolating takes noise away
    track.joints[:] = (late + noise).reshape(track.joints.shape)


def _scale(track: Track, episode: Episode) -> None:
    """Make the body too large or too small about the spine's base."""
    joints = track.joints[episode.rows]
    base = joints[:, JOINT["SpineBase"]][:, None]
    reach = np.linalg.norm((joints - base)[..., :2], axis=-1).max(axis=1)[:, None, None]
    share = episode.size_m / reach * (1 if episode.rng.random() < 0.5 else -0.7)
    moved = base + (joints - base) * (1 + share)
    track.joints[episode.rows] = moved


def _stretch(track: Track, episode: Episode) -> None:
    """Make one bone of an arm or leg longer; what is beyond it goes along."""
    child = list(_PARENT)[int(episode.rng.integers(len(_PARENT)))]
    chain = next(chain for chain in _CHAINS if chain[0] == child)
    bone = track.joints[episode.rows, child] - track.joints[episode.rows, _PARENT[child]]
    flat = np.linalg.norm(bone[:, :2], axis=1, keepdims=True)
    along = bone / np.maximum(flat, 0.3 * np.linalg.norm(bone, axis=1, keepdims=True))
    step = episode.size_m * along * episode.ramp(0.1)[:, None]
    track.joints[np.ix_(episode.rows, chain)] += step[:, None]


def _facing(track: Track, episode: Episode) -> None:
    """Turn the joints about the upright axis, as where the tracker takes a back for a front."""
    turn = np.deg2rad(_TURN_DEG[round(episode.strength * (len(_TURN_DEG) - 1))])
    angle = turn * episode.ramp(0.2) * (1 if episode.rng.random() < 0.5 else -1)
    joints = track.joints[episode.rows]
    base = joints[:, JOINT["SpineBase"]][:, None]
    x, y, z = np.moveaxis(joints - base, -1, 0)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    track.joints[episode.rows] = base + np.stack([cos * x + sin * z, y, cos * z - sin * x], axis=-1)


def _exchange(track: Track, episode: Episode) -> None:
    """Put another person into the row under the same id: other pose, other bones, another place."""
    later = (episode.rows + len(track.joints) // 3) % len(track.joints)
    other = track.joints[later]
    base = other[:, JOINT["SpineBase"]][:, None]
    here = track.joints[episode.rows][:, JOINT["SpineBase"]][:, None]
    aside = episode.size_m * (1 if episode.rng.random() < 0.5 else -1)
    track.joints[episode.rows] = here + 0.92 * (other - base) + np.array([aside, 0.0, 0.1])


_LATE_S: Final = (0.017, 0.033, 0.05, 0.067, 0.1, 0.15, 0.25)
_TURN_DEG: Final = (20, 40, 60, 75, 90, 120, 160)


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        inject: Changes the rows of one episode.
        every_s: From one episode to the next, seconds; 0: one episode, the whole take.
        rows: Least and most rows of an episode; two pairs: for the smallest and largest strength.
    """

    inject: Injection
    every_s: float
    rows: tuple[int, int]
    rows_strongest: tuple[int, int] | None = None

    def length(self, strength: float, rng: np.random.Generator) -> int:
        """Return how many rows an episode has."""
        weak, strong = self.rows, self.rows_strongest or self.rows
        low, high = (round(a + strength * (b - a)) for a, b in zip(weak, strong, strict=True))
        return int(rng.integers(low, high + 1))


FAULTS: Final[dict[str, Fault]] = {
    "jump": Fault(_jump, 0.6, (1, 3)),
    "drift": Fault(_drift, 2.2, (20, 45)),
    "freeze": Fault(_freeze, 2.6, (4, 6), (30, 60)),
    "side_swap": Fault(_side_swap, 3.0, (1, 3), (20, 50)),
    "limb_swap": Fault(_limb_swap, 2.2, (1, 3), (20, 40)),
    "inferred": Fault(_inferred, 2.0, (5, 30)),
    "occlusion": Fault(_occlusion, 2.2, (10, 30)),
    "delay": Fault(_delay, 0.0, (1, 1)),
    "scale": Fault(_scale, 3.0, (10, 30)),
    "stretch": Fault(_stretch, 2.2, (10, 35)),
    "facing": Fault(_facing, 3.2, (20, 45)),
    "exchange": Fault(_exchange, 3.0, (5, 30)),
}
"""By name, in the order of methods: what a tracker is known to do, and what one could do."""


def inject(name: str, level: int, track: Track, seed: int) -> Track:
    """Return a take with one kind of fault of one size.

    Args:
        name: One of ``FAULTS``.
        level: Which of ``SIZES``.
        track: A clean take; not modified.
        seed: Of the recording: the same arguments give the same take.
    """
    fault = FAULTS[name]
    rng = np.random.default_rng([seed, list(FAULTS).index(name), level])
    changed = Track(track.time_s, track.joints.copy(), track.state.copy())
    for rows in _episodes(fault, level, track.time_s, rng):
        low, high = (*SIZES, LARGEST)[level : level + 2]
        size_m = rng.uniform(low, high) * track.torso_m()
        fault.inject(changed, Episode(rows, size_m, level / (len(SIZES) - 1), rng))
    return changed


def _episodes(
    fault: Fault, level: int, time_s: Floats, rng: np.random.Generator
) -> list[NDArray[np.intp]]:
    """Return the rows of each episode, apart from each other and from both ends of the take."""
    if fault.every_s == 0:
        return [np.arange(len(time_s))]
    found = []
    start_s = time_s[0] + 0.5 + rng.uniform(0, fault.every_s / 2)
    while start_s < time_s[-1] - 0.5:
        first = int(np.searchsorted(time_s, start_s))
        length = fault.length(level / (len(SIZES) - 1), rng)
        found.append(np.arange(first, min(first + length, len(time_s) - 5)))
        start_s = max(time_s[min(first + length, len(time_s) - 1)] + 0.3, start_s + fault.every_s)
        start_s += rng.uniform(0, 0.3)
    return [rows for rows in found if len(rows)]
