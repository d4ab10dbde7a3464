"""The device of a session: what session.json says about the sensor and its images."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

from ..core.sensor_shape import SensorShape, shape_from_json

if TYPE_CHECKING:
    from ..core.cameras.depth_mapping import DepthMapping

_ALWAYS: Final = ("depth_intrinsics", "projection")
"""Keys that session.json has also where nothing is known; there they are null."""


@dataclass(frozen=True)
class Device:
    """The sensor, and how its images are to be read; None: not known.

    Attributes:
        id: The device's own identity.
        color_size_px: Width and height of the colour images, pixels.
        mirrored: Whether images are stored as a mirror shows them.
        depth_intrinsics: Of the depth camera, by the SDK's names.
        depth_projection: From camera space to pixels of masks and depth images
            (core/cameras/depth_mapping.py).
        projection: From camera space to pixels of the stored colour image (docs/format.md 1.6).
        times: ``device``, or ``assumed 30 Hz`` with the rate that was assumed.
        shape: How many bodies and joints it gives, size of its masks, its tick.
        other: Keys that this kincap does not know; they are kept.
    """

    id: str | None = None
    color_size_px: tuple[int, int] | None = None
    mirrored: bool | None = None
    depth_intrinsics: dict[str, Any] | None = None
    depth_projection: dict[str, Any] | None = None
    projection: dict[str, Any] | None = None
    times: str | None = None
    shape: SensorShape | None = None
    other: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Device":
        """Return the device of a checked object (``info_checks.odd_device``)."""
        known = {f.name for f in fields(cls)} - {"other"}
        said = {key: value for key, value in kept.items() if key in known}
        if "color_size_px" in said:
            width, height = said["color_size_px"]
            said["color_size_px"] = (width, height)
        if "shape" in said:
            said["shape"] = shape_from_json(said["shape"], said.get("color_size_px"))
        return cls(**said, other={key: kept[key] for key in kept.keys() - known})

    def to_json(self) -> dict[str, Any]:
        """Return it as session.json holds it, without what is not known."""
        said = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "other"}
        if self.color_size_px is not None:
            said["color_size_px"] = list(self.color_size_px)
        if self.shape is not None:
            said["shape"] = self.shape.to_json()
        said = {key: v for key, v in said.items() if v is not None or key in _ALWAYS}
        return {**said, **self.other}

    def depth_mapping(self) -> "DepthMapping | None":
        """Return the mapping between masks and depth images and colour; None: it is not known."""
        from ..core.cameras.depth_mapping import depth_mapping

        said = {
            "depth_intrinsics": self.depth_intrinsics,
            "depth_projection": self.depth_projection,
            "projection": self.projection,
        }
        return depth_mapping(said)

    @property
    def is_estimated(self) -> bool:
        """Return True if the joints' pixels come from an assumed projection, not from a sensor."""
        return bool(self.projection and self.projection.get("estimated"))
