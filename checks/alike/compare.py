"""Warnings about two sessions: their outfits, their camera, their settings.

Thresholds were chosen on simulated sessions and are measured by ``benchmarks/guard_rails.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from .background import camera_shift_px
from .outfit_colours import colour_distance
from .signature import SessionSignature

AlarmKind = Literal["same_outfit", "other_outfit", "camera_moved", "settings_differ"]

LOOKS_SAME: Final = 0.4
"""Two outfits with at most this distance of colours look alike."""
LOOKS_DIFFERENT: Final = 0.58
"""From this distance on they look different; between both nothing is said."""
MOVED_PX: Final = 6.0
"""A camera whose image moved by more, in an image 1920 pixels wide, was moved."""
TILTED_DEG: Final = 2.0
RAISED_M: Final = 0.05
EXPOSURE_FACTOR: Final = 2.0
"""Exposure or gain differ by at least this factor."""


@dataclass(frozen=True)
class SessionLook:
    """A session as far as it is compared with others.

    Attributes:
        name: Its name.
        created_utc: When it was made; sessions are compared with earlier ones.
        outfit: Name of the clothes.
        device: The sensor's identity; None: not known, then cameras are not compared.
        size_px: Size of the colour images; None: not known.
        mirrored: Whether they are mirrored; None: not known.
        signature: The measured part.
    """

    name: str
    created_utc: str = ""
    outfit: str = ""
    device: str | None = None
    size_px: tuple[int, int] | None = None
    mirrored: bool | None = None
    signature: SessionSignature = field(default_factory=SessionSignature)


@dataclass(frozen=True)
class Alarm:
    """A warning about two sessions.

    Attributes:
        kind: ``same_outfit`` (named differently, look alike), ``other_outfit`` (named alike, look
            different), ``camera_moved`` or ``settings_differ``.
        session: The later session.
        other: The earlier one.
        text: The contradiction and the remedy, without the names of the sessions.
        amount: Its strength; of a kind the strongest is reported.
    """

    kind: AlarmKind
    session: str
    other: str
    text: str
    amount: float

    def line(self) -> str:
        """Return the warning with both names, in one line."""
        return f"{self.session} and {self.other}: {self.text}"

    def to_json(self) -> dict[str, object]:
        """Return it for ``--json``."""
        names = ("kind", "session", "other", "text")
        return {name: getattr(self, name) for name in names}


def outfit_alarm(later: SessionLook, earlier: SessionLook) -> Alarm | None:
    """Return a warning if the names of two outfits and their looks contradict each other."""
    one, other = later.signature.outfit, earlier.signature.outfit
    distance = None if one is None or other is None else colour_distance(one, other)
    if distance is None:
        return None
    if later.outfit == earlier.outfit and distance >= LOOKS_DIFFERENT:
        text = (
            f"outfit {later.outfit} in both, but the clothes look different: record each outfit "
            "under a name of its own (--outfit)"
        )
        return Alarm("other_outfit", later.name, earlier.name, text, distance)
    if later.outfit != earlier.outfit and distance <= LOOKS_SAME:
        text = (
            f"outfits {later.outfit} and {earlier.outfit}, but the clothes look the same: if they "
            "are, give both the same --outfit, or splits by outfit leak"
        )
        return Alarm("same_outfit", later.name, earlier.name, text, 1 - distance)
    return None


def camera_alarm(later: SessionLook, earlier: SessionLook) -> Alarm | None:
    """Return a warning if the camera was moved between two sessions of the same sensor."""
    if later.device is None or later.device != earlier.device or later.size_px != earlier.size_px:
        return None
    if later.mirrored != earlier.mirrored:
        return None
    found, amount = [], 0.0
    one, other = later.signature, earlier.signature
    if one.background is not None and other.background is not None and later.size_px is not None:
        shift = camera_shift_px(other.background, one.background, later.size_px)
        limit = MOVED_PX * later.size_px[0] / 1920
        if shift is not None and shift > limit:
            amount = shift
            far = np.isfinite(shift) and shift <= later.size_px[0]
            found.append(f"the image moved by {shift:.0f} px" if far else "another background")
    if one.floor is not None and other.floor is not None:
        cosine = float(np.clip(np.dot(one.floor[:3], other.floor[:3]), -1, 1))
        tilt, rise = float(np.degrees(np.arccos(cosine))), one.floor[3] - other.floor[3]
        if tilt > TILTED_DEG:
            found.append(f"tilted by {tilt:.1f} degrees")
        if abs(rise) > RAISED_M:
            found.append(f"{100 * abs(rise):.0f} cm {'higher' if rise > 0 else 'lower'}")
    if not found:
        return None
    text = f"the camera was moved ({', '.join(found)}): a net for one place needs one place"
    return Alarm("camera_moved", later.name, earlier.name, text, amount)


def settings_alarm(later: SessionLook, earlier: SessionLook) -> Alarm | None:
    """Return a warning if two sessions were recorded with different settings."""
    found = []
    for word, one, other in (
        ("sensor", later.device, earlier.device),
        ("image size", _size_words(later), _size_words(earlier)),
        ("mirrored", later.mirrored, earlier.mirrored),
    ):
        if one is not None and other is not None and one != other:
            found.append(f"{word} {_plain(one)}, before {_plain(other)}")
    now, before = later.signature, earlier.signature
    found += _factor_words("exposure", " ms", now.exposure_ms, before.exposure_ms)
    found += _factor_words("gain", "", now.gain, before.gain)
    if not found:
        return None
    text = f"settings differ ({'; '.join(found)})"
    return Alarm("settings_differ", later.name, earlier.name, text, float(len(found)))


def _plain(value: str | bool) -> str:
    """Return a setting as it is printed."""
    return ("yes" if value else "no") if isinstance(value, bool) else value


def _factor_words(word: str, unit: str, now: float | None, before: float | None) -> list[str]:
    """Return a setting in words where it differs by a large factor, else nothing."""
    if not now or not before or max(now, before) < EXPOSURE_FACTOR * min(now, before):
        return []
    return [f"{word} {now:.3g}{unit}, before {before:.3g}{unit}"]


def _size_words(look: SessionLook) -> str | None:
    """Return the size of a session's images in words."""
    return None if look.size_px is None else f"{look.size_px[0]}x{look.size_px[1]}"


def alarms_about(look: SessionLook, others: Sequence[SessionLook]) -> list[Alarm]:
    """Return the warnings about a session and the earlier ones.

    Of each kind of outfit warning only the strongest is returned. Camera and settings are compared
    with the session before it: a camera that was moved once is reported once.

    Args:
        look: The session.
        others: Other sessions in any order; later ones are left out.
    """
    earlier = [one for one in others if one.created_utc <= look.created_utc and one is not look]
    earlier.sort(key=lambda one: one.created_utc)
    strongest: dict[str, Alarm] = {}
    for one in earlier:
        alarm = outfit_alarm(look, one)
        if alarm and (alarm.kind not in strongest or alarm.amount > strongest[alarm.kind].amount):
            strongest[alarm.kind] = alarm
    found = list(strongest.values())
    same_sensor = [one for one in earlier if one.device == look.device]
    with_room = [one for one in same_sensor if one.signature.background or one.signature.floor]
    for before, check in ((with_room, camera_alarm), (earlier, settings_alarm)):
        alarm = check(look, before[-1]) if before else None
        if alarm:
            found.append(alarm)
    return found


def alarms_among(looks: Sequence[SessionLook]) -> list[Alarm]:
    """Return the warnings about each session and those before it, in the order of time."""
    ordered = sorted(looks, key=lambda look: (look.created_utc, look.name))
    return [
        alarm for place, look in enumerate(ordered) for alarm in alarms_about(look, ordered[:place])
    ]
