"""Small sessions with drawn people: a disk of its own colour at every keypoint."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from kincap.core.files.file_io import FileIO
from kincap.core.geometry import unmirror_points
from kincap.core.jpeg import encode_jpeg
from kincap.core.skeleton import JOINT, JOINT_NAMES, KEYPOINT_JOINT, KINECT_V2_SKELETON
from kincap.core.units import NS_PER_100NS, SECOND_NS, TICK_100NS
from kincap.sessions.device import Device
from kincap.sessions.info import new_session
from kincap.sessions.schema import empty_body_row, finish_rows, pack_index_row
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import make_layout
from kincap.sessions.shard.sealing import finish
from kincap.sessions.shard.shard_writer import ShardWriter

SIZE_PX = (320, 240)
START_100NS = 50_000_000

_UP = {"Head": -0.42, "Shoulder": -0.3, "Elbow": -0.14, "Wrist": 0.0, "Hip": 0.0, "Knee": 0.22,
       "Ankle": 0.45, "SpineBase": 0.0, "SpineMid": -0.15, "SpineShoulder": -0.31, "Neck": -0.34,
       "Hand": 0.04, "HandTip": 0.08, "Thumb": 0.03, "Foot": 0.47}  # fmt: skip
_OUT = {"Head": 0.0, "Shoulder": 0.1, "Elbow": 0.16, "Wrist": 0.2, "Hip": 0.1, "Knee": 0.1,
        "Ankle": 0.1, "SpineBase": 0.0, "SpineMid": 0.0, "SpineShoulder": 0.0, "Neck": 0.0,
        "Hand": 0.21, "HandTip": 0.22, "Thumb": 0.19, "Foot": 0.13}  # fmt: skip
TALL_M = 1.9
"""A body's height by its proportions; its head is at 0.87 of it."""


@dataclass
class Body:
    """One tracked body; joints in un-mirrored pixels.

    Someone who faces the sensor: the person's left is on the right of the un-mirrored image.
    """

    x: float = 160.0
    y: float = 120.0
    height: float = 150.0
    slot: int = 2
    depth_m: float = 2.5
    clipped: int = 0
    inferred: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    moved: dict[str, tuple[float, float]] = field(default_factory=dict)
    spine_m: float | None = None
    tall_m: float = TALL_M
    swapped: bool = False
    unknown: bool = False

    def joints_px(self) -> np.ndarray:
        """(25, 2) un-mirrored pixels."""
        joints = np.full((25, 2), (float(self.x), float(self.y)))
        for index, name in enumerate(JOINT_NAMES):
            part = name.removesuffix("Left").removesuffix("Right")
            side = 1 if name.endswith("Left") else -1
            joints[index] += self.height * np.array([side * _OUT[part], _UP[part]])
            joints[index] = self.moved.get(name, joints[index])
        return joints[KINECT_V2_SKELETON.flip] if self.swapped else joints

    def joints_m(self, rng: np.random.Generator) -> np.ndarray:
        """(25, 3) metres, camera space: a body of ``tall_m`` with a sensor's noise."""
        size = self.tall_m / self.height
        middle = np.array([self.x, self.y])
        flat = (replace(self, moved={}).joints_px() - middle) * size + (
            middle - [160.0, 120.0]
        ) * 0.0005
        joints = np.column_stack([flat * [-1.0, -1.0], np.full(25, float(self.depth_m))])
        joints += rng.normal(0, 0.002, joints.shape)
        if self.spine_m is not None:
            joints[JOINT["SpineBase"]] = (0, 0, self.spine_m)
        return joints


@dataclass
class Frame:
    """One colour frame, and the body row that belongs to it."""

    bodies: tuple[Body, ...] = (Body(),)
    take: int = 0
    tick: float | None = None
    body_after_ms: float | None = 2.0
    blob: bytes | None = None


@dataclass
class Sessions:
    """Writes sealed sessions into a folder."""

    recordings: Path
    mirrored: bool = True
    size_px: tuple[int, int] = SIZE_PX
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))

    def __call__(
        self,
        name: str,
        frames: list[Frame],
        *,
        sealed: bool = True,
        outfit: str = "",
        subject: str = "",
        uuid: str | None = None,
        events: tuple[np.ndarray, ...] = (),
    ) -> Path:
        folder, io = self.recordings / name, FileIO()
        io.make_folder(folder)
        device = Device("drawn", self.size_px, self.mirrored, times="device")
        info = new_session(name, device=device, outfit=outfit, subject=subject)
        info.uuid, info.created_utc = uuid or f"uuid-of-{name}", "2026-01-01T00:00:00Z"
        layout = make_layout(info.uuid, info.created_utc, shard_mib=32)
        info.add_layout(layout)
        save_session(folder, info)
        for number, path in enumerate(self._write(folder, frames, layout, io, events)):
            if sealed:
                finish(folder, path.name, layout, io)
            assert path.name == f"{number:06d}.h5"
        return folder

    def _write(
        self, folder: Path, frames: list[Frame], layout, io: FileIO, events: tuple[np.ndarray, ...]
    ) -> Iterator[Path]:
        """Write frames, 200 to a shard."""
        for first in range(0, len(frames), 200):
            path = folder / f"{first // 200:06d}.h5"
            writer = ShardWriter(path, layout, io)
            writer.prepare()
            for event in events:
                if first <= event["seq_first"][0] < first + 200:
                    writer.append("events", finish_rows(event.copy()))
            for seq, frame in enumerate(frames[first : first + 200], start=first):
                self._append(writer, seq, frame, folder.name)
            writer.close()
            yield path

    def _append(self, writer: ShardWriter, seq: int, frame: Frame, name: str) -> None:
        """Write one frame and its bodies."""
        tick = seq if frame.tick is None else frame.tick
        time = START_100NS + round(tick * TICK_100NS)
        blob = frame.blob or encode_jpeg(self.picture(frame.bodies, seq), 95)
        if blob[:2] == b"\xff\xd8":
            # a comment: no two sessions have the same picture
            blob = blob[:2] + b"\xff\xfe" + (2 + len(name)).to_bytes(2) + name.encode() + blob[2:]
        host_ns = zlib.crc32(name.encode()) * SECOND_NS + round(tick * TICK_100NS) * NS_PER_100NS
        writer.append("color_index", pack_index_row(seq, frame.take, time, host_ns), blob)
        if frame.body_after_ms is None:
            return
        row = empty_body_row()
        row["seq"], row["take"] = seq, frame.take
        row["time_device"] = time + round(frame.body_after_ms * 1e4)
        for body in frame.bodies:
            self._fill(row, body)
        # nor the same joints: a ten thousandth of a pixel
        noise = np.random.default_rng(zlib.crc32(name.encode())).normal(0, 1e-4, (25, 2))
        row["joint_color_px"] += noise
        writer.append("bodies", finish_rows(row))

    def _fill(self, row: np.ndarray, body: Body) -> None:
        """Put one body into its slot."""
        points = body.joints_px()
        at = (0, body.slot)
        row["joint_color_px"][at] = (
            unmirror_points(points, self.size_px[0]) if self.mirrored else points
        )
        row["tracked"][at] = 1
        row["tracking_id"][at] = 7_000 + body.slot
        row["clipped_edges"][at] = body.clipped
        row["joint_state"][at] = 3 if body.unknown else 2
        row["joint_state"][at][[JOINT[name] for name in body.inferred]] = 1
        row["joint_state"][at][[JOINT[name] for name in body.lost]] = 0
        row["joint_color_px"][at][[JOINT[name] for name in body.lost]] = np.nan
        row["joint_xyz_m"][at] = body.joints_m(self.rng)

    def picture(self, bodies: tuple[Body, ...], seq: int) -> np.ndarray:
        """(H, W, 3) BGR as stored: a disk of its own colour at every keypoint."""
        image = np.full((self.size_px[1], self.size_px[0], 3), 90 + seq % 40, np.uint8)
        for body in bodies:
            points = body.joints_px()
            for index, point in enumerate(points):
                if body.inferred or body.lost or index not in KEYPOINT_JOINT:
                    continue
                center = np.round(point * 16).astype(int).tolist()
                cv2.circle(image, center, 3 * 16, joint_color(index), -1, cv2.LINE_AA, 4)
        return np.ascontiguousarray(image[:, ::-1]) if self.mirrored else image


def joint_color(index: int) -> tuple[int, int, int]:
    """Return the colour of a joint's disk, BGR."""
    return (60 * (index % 5), 60 * (index // 5), 255 - 40 * (index % 3))


def crop_to_image(
    points: npt.ArrayLike, bbox_xyxy_px: npt.ArrayLike, size: int
) -> npt.NDArray[np.float64]:
    """Return crop pixels (..., K, 2) of square boxes (..., 4) as pixels of the image."""
    box = np.asarray(bbox_xyxy_px, np.float64)[..., None, :]
    return (
        box[..., :2]
        + (np.asarray(points, np.float64) + 0.5) * (box[..., 2:3] - box[..., :1]) / size
    )


@pytest.fixture
def sessions(tmp_path: Path) -> Sessions:
    """Return a writer of sessions into an empty ``recordings``."""
    return Sessions(tmp_path / "recordings")


@pytest.fixture
def walk() -> Callable[..., list[Frame]]:
    """Return a function that makes frames of one person who walks to the right."""

    def make(count: int, take: int = 0, **more: object) -> list[Frame]:
        return [Frame((Body(x=120 + 60 * k / count, **more),), take=take) for k in range(count)]

    return make
