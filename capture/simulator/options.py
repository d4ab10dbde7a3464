"""The options of the simulator: the keys of ``simulator:key=value,...``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ...core.errors import SensorError
from .clock import CLOCKS
from .faults.schedule import FaultPlan, plan_faults
from .keys import KEYS
from .performer.acts import parse_acts


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """Settings of one simulated take.

    Attributes:
        outfit: What the person wears; 0 to 7 are made by hand, every other number is drawn.
        seed: Motion, noise, clocks. The same options give the same bytes.
        frames: How many colour frames; None: endless (only at a live pace).
        fps: Colour and body frames a second of device time.
        pace: "live" hands items over when a sensor would; "fast" as soon as they are drawn.
        persons: How many people, 1 to 6.
        subject: Who: skin, hair, face, bones. The same person over several outfits by default.
        room: Which room.
        scene: "room" keeps person, outfit and room; "wild" changes them every ``hold`` frames.
        hold: Frames between two changes of a wild scene.
        noise: Factor on the joints' noise; 0 gives the truth.
        clock: How the device's clock steps: "laban", "irds" or "steady".
        skips: Factor on the share of frames that are missing in real logs; 0: none is missing.
        device: Which sensor, of those that come out of the factory; 0 is the usual one.
        faults: What goes wrong, and when; see ``faults.plan_faults``.
        acts: What the person does on purpose, and when; see ``performer.acts``.
        log: File that lists every item handed over, one JSON object a line; None: no file.
    """

    outfit: int = 0
    seed: int = 0
    frames: int | None = None
    fps: float = 30.0
    pace: str = "live"
    persons: int = 1
    subject: int = 0
    room: int = 0
    scene: str = "room"
    hold: int = 50
    noise: float = 1.0
    clock: str = "laban"
    skips: float = 0.0
    device: int = 0
    faults: str = ""
    acts: str = ""
    log: Path | None = None

    @property
    def live(self) -> bool:
        """Return True if items come when a sensor would give them."""
        return self.pace == "live"

    @property
    def take_s(self) -> float | None:
        """Length of the take, seconds; None: it has no end."""
        return None if self.frames is None else self.frames / self.fps

    @property
    def plan(self) -> FaultPlan:
        """The faults, each with its time."""
        return plan_faults(self.faults, self.persons, self.take_s, live=self.live)


def parse_options(options: Mapping[str, str]) -> SimulatorOptions:
    """Check what the user asked for.

    Args:
        options: Keys and values as written.

    Returns:
        The settings, defaults filled in.

    Raises:
        SensorError: An unknown key, or a value that does not fit.
    """
    values: dict[str, Any] = {}
    for key, text in options.items():
        if key not in _PARSERS:
            raise SensorError(f"simulator: unknown key {key!r}; the keys are {', '.join(KEYS)}")
        values[key] = _PARSERS[key](key, text)
    parsed = SimulatorOptions(**values)
    if parsed.frames is None and not parsed.live:
        raise SensorError("simulator: pace=fast needs frames=N, as a file has an end")
    if parsed.faults and parsed.scene == "wild":
        raise SensorError("simulator: faults= needs scene=room, found scene=wild")
    if parsed.acts and parsed.scene == "wild":
        raise SensorError("simulator: acts= needs scene=room, found scene=wild")
    if parse_acts(parsed.acts)["pass"] and parsed.persons < 2:
        raise SensorError("simulator: acts=pass needs persons=2 or more, found persons=1")
    plan_faults(parsed.faults, parsed.persons, parsed.take_s, live=parsed.live)
    return parsed


def _whole(low: int, high: int) -> Callable[[str, str], int]:
    """Return a parser of whole numbers in a range."""

    def parse(key: str, text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise SensorError(
                f"simulator: {key}={text!r} is not a whole number from {low} to {high}"
            )
        return value

    return parse


def _real(low: float, high: float) -> Callable[[str, str], float]:
    """Return a parser of numbers in a range."""

    def parse(key: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise SensorError(f"simulator: {key}={text!r} is not a number from {low:g} to {high:g}")
        return value

    return parse


def _one_of(*allowed: str) -> Callable[[str, str], str]:
    """Return a parser of one of several words."""

    def parse(key: str, text: str) -> str:
        if text not in allowed:
            raise SensorError(f"simulator: {key}={text!r} is none of {', '.join(allowed)}")
        return text

    return parse


def _any_text(_key: str, text: str) -> str:
    """Take a text that is checked together with the other options."""
    return text


def _file(key: str, text: str) -> Path:
    """Parse a file that can be made."""
    path = Path(text)
    if not text or path.is_dir() or not path.parent.is_dir():
        raise SensorError(f"simulator: {key}={text!r} is not a file in an existing folder")
    return path


_PARSERS: Final[dict[str, Callable[[str, str], object]]] = {
    "outfit": _whole(0, 999_999),
    "seed": _whole(0, 2**31 - 1),
    "frames": _whole(1, 100_000_000),
    "fps": _real(1, 120),
    "pace": _one_of("live", "fast"),
    "persons": _whole(1, 6),
    "subject": _whole(0, 999_999),
    "room": _whole(0, 999_999),
    "scene": _one_of("room", "wild"),
    "hold": _whole(1, 1_000_000),
    "noise": _real(0, 10),
    "clock": _one_of(*CLOCKS),
    "skips": _real(0, 30),
    "device": _whole(0, 999_999),
    "faults": _any_text,
    "acts": _any_text,
    "log": _file,
}
