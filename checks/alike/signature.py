"""Signature of a session: colours of the outfit, corners of the background, floor, exposure.

No picture can be made from it. It is measured once (``measure_signature.py``) and kept in
quality.json; comparing two sessions then reads no image.
"""

import base64
import binascii
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .background import DESCRIPTOR, Background
from .outfit_colours import BINS, REGIONS, OutfitColours

_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class SessionSignature:
    """The part of a session that is compared with others; None: it is not known.

    Attributes:
        outfit: Colours of the person who was tracked most.
        background: Corners of the room.
        floor: The floor plane: x, y, z of its normal, height of the sensor in metres.
        exposure_ms: Median exposure.
        gain: Median gain.
    """

    outfit: OutfitColours | None = None
    background: Background | None = None
    floor: tuple[float, float, float, float] | None = None
    exposure_ms: float | None = None
    gain: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it for quality.json."""
        outfit, room = self.outfit, self.background
        return {
            "outfit": None if outfit is None else {
                "frames": outfit.frames,
                "histograms": {
                    name: _packed(_bytes_of(shares)) for name, shares in outfit.histograms.items()
                },
            },
            "background": None if room is None else {
                "points_px": _packed(room.points.astype("<f4").tobytes()),
                "descriptors": _packed(room.descriptors.tobytes()),
            },
            "floor": None if self.floor is None else list(self.floor),
            "exposure_ms": self.exposure_ms,
            "gain": self.gain,
        }  # fmt: skip


def signature_from_json(found: Any) -> SessionSignature:
    """Return the signature that ``to_json`` gave; parts of another form are not known.

    Args:
        found: A value of quality.json, which anyone may have written.
    """
    if not isinstance(found, Mapping):
        return SessionSignature()
    floor = found.get("floor")
    return SessionSignature(
        outfit=_outfit_of(found.get("outfit")),
        background=_background_of(found.get("background")),
        floor=floor_plane(floor if isinstance(floor, list) else []),
        exposure_ms=_number(found.get("exposure_ms")),
        gain=_number(found.get("gain")),
    )


def floor_plane(values: Sequence[Any]) -> tuple[float, float, float, float] | None:
    """Return a floor plane whose normal has a length of 1; None for anything else."""
    numbers = [number for value in values if (number := _number(value)) is not None]
    if len(values) != 4 or len(numbers) != 4:
        return None
    length = float(np.linalg.norm(numbers[:3]))
    if not 0.5 < length < 2:
        return None
    x, y, z, height = (value / length for value in numbers)
    return x, y, z, height


def _number(value: Any) -> float | None:
    """Return a finite number; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e9 else None


def _bytes_of(histogram: NDArray[np.float64]) -> bytes:
    """Return shares as bytes, 255 for the largest: small ones are of no weight."""
    return np.round(255 * histogram / max(float(histogram.max()), 1e-12)).astype(np.uint8).tobytes()


def _packed(data: bytes) -> str:
    """Return bytes as text."""
    return base64.b64encode(zlib.compress(data, 6)).decode()


def _unpacked(text: Any) -> bytes:
    """Return the bytes of a text, b"" for anything that ``_packed`` did not give."""
    try:
        unpacker = zlib.decompressobj()
        data = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
    except (TypeError, ValueError, binascii.Error, zlib.error):
        return b""
    return data


def _outfit_of(found: Any) -> OutfitColours | None:
    """Return the colours that ``to_json`` gave; None for anything else."""
    if not isinstance(found, Mapping) or not isinstance(found.get("histograms"), Mapping):
        return None
    histograms = {}
    for name in REGIONS:
        counts = np.frombuffer(_unpacked(found["histograms"].get(name, "")), np.uint8)
        if len(counts) == np.prod(BINS) and counts.any():
            histograms[name] = counts / counts.sum(dtype=np.float64)
    frames = _number(found.get("frames"))
    return OutfitColours(int(frames or 0), histograms) if histograms else None


def _background_of(found: Any) -> Background | None:
    """Return the corners that ``to_json`` gave; None for anything else."""
    if not isinstance(found, Mapping):
        return None
    points, descriptors = (_unpacked(found.get(name, "")) for name in ("points_px", "descriptors"))
    number = len(descriptors) // DESCRIPTOR
    if not number or len(descriptors) != number * DESCRIPTOR or len(points) != number * 8:
        return None
    places = np.frombuffer(points, "<f4").reshape(number, 2)
    if not np.isfinite(places).all():
        return None
    return Background(
        places.astype(np.float32),
        np.frombuffer(descriptors, np.uint8).reshape(number, DESCRIPTOR),
    )
