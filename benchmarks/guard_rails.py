"""True and false alarms of the guard rails: python -m benchmarks.guard_rails [FOLDER] [--real DIR].

Sessions of 12 outfits are simulated, each with three seeds of motion and noise, and one outfit of
them in another room. Their images are looked at as they are, in other lights, and shifted or turned
as if the camera had been moved; then all pairs are compared by the code that ``kincap`` runs.
Printed are the share of right and wrong warnings and the distances. FOLDER keeps the sessions.
``--real DIR`` compares the halves and repeated recordings of the NTU clips in DIR, too.
"""

import argparse
import itertools
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from kincap.capture.record import RecordSettings, record
from kincap.checks.alike.background import BackgroundMean, camera_shift_px
from kincap.checks.alike.compare import LOOKS_DIFFERENT, LOOKS_SAME, MOVED_PX
from kincap.checks.alike.measure_signature import (
    IMAGES,
    choose_images,
    empty_places,
    people_boxes,
)
from kincap.checks.alike.outfit_colours import OutfitCounter, colour_distance
from kincap.checks.alike.signature import SessionSignature, signature_from_json
from kincap.checks.session_tables import read_tables
from kincap.checks.session_takes import split_takes
from kincap.core.files.file_io import FileIO
from kincap.core.geometry import as_floats
from kincap.core.jpeg import decode_small
from kincap.core.skeleton import KEYPOINT_JOINT

OUTFITS = (0, 1, 2, 3, 4, 5, 6, 7, 200, 201, 202, 203)
"""Eight that are made by hand, four that are drawn; thresholds were chosen on 100 to 103."""
SEEDS = (11, 12, 13)
"""Thresholds were chosen on seeds 1 to 3."""
OTHER_ROOM = (1, 14)
FRAMES = 60
BY = 4
SIZE_PX = (1920, 1080)
Image = np.ndarray
LIGHTS: dict[str, tuple[float, float, float, float]] = {
    "as it is": (1, 1, 1, 1),
    "half": (0.5, 1, 1, 1),
    "brighter": (1.3, 1, 1, 1),
    "warm": (0.85, 0.75, 1, 1.2),
    "cold": (0.9, 1.25, 1, 0.8),
}
"""Factors in linear light: on all, on blue, green and red. Thresholds were chosen on others."""
MOVES: dict[str, tuple[float, float, float]] = {
    "2 px": (2, 0, 0), "4 px": (4, 1, 0), "8 px": (7, -4, 0), "16 px": (-14, 8, 0),
    "60 px": (50, 30, 0), "turned 0.5 degrees": (0, 0, 0.5), "turned 3 degrees": (0, 0, 3),
}  # fmt: skip
"""Shifts in pixels of 1920 to the right and down, and turns about the middle in degrees."""


@dataclass(frozen=True)
class Variant:
    """A session seen in one light, by a camera that was moved or not.

    Attributes:
        outfit: Its real outfit.
        room: Its room.
        session: Its name.
        light: Name of the light.
        move: Name of the move; "" for none.
        signature: What was measured.
    """

    outfit: int
    room: int
    session: str
    light: str
    move: str
    signature: SessionSignature


def simulate(folder: Path) -> list[tuple[Path, int, int]]:
    """Record the sessions that are not there yet; return folder, outfit and room of each."""
    wanted = [(outfit, seed, 0) for outfit in OUTFITS for seed in SEEDS]
    wanted += [(outfit, OTHER_ROOM[1], OTHER_ROOM[0]) for outfit in OUTFITS[:4]]
    made = []
    for outfit, seed, room in wanted:
        name = f"outfit{outfit}-{seed}-room{room}"
        if not (folder / name / "manifest.jsonl").is_file():
            shutil.rmtree(folder / name, ignore_errors=True)
            source = f"simulator:outfit={outfit},seed={seed},room={room},frames={FRAMES},fps=5"
            record(RecordSettings(name, folder, f"{source},pace=fast", report=False, shard_mib=64))
        made.append((folder / name, outfit, room))
    return made


def look(
    folder: Path,
    changes: Iterable[Callable[[Image, np.ndarray], tuple[Image, np.ndarray]]],
    part: slice = slice(None),
) -> list[SessionSignature]:
    """Return the signature of a session after each change of its images and points.

    Args:
        folder: Its folder.
        changes: Each takes a small image and (N, 2) points of it, and gives both changed.
        part: Which of its images.
    """
    io = FileIO()
    with np.errstate(all="ignore"):
        takes = split_takes(read_tables(folder, io))
    changes = list(changes)
    counters = [(OutfitCounter(), BackgroundMean()) for _ in changes]
    for take in takes:
        chosen, frames = choose_images(take, IMAGES)
        with take.images(frames, io) as files:
            for number in range(len(chosen))[part]:
                image = decode_small(files.read(number), BY)
                points = (as_floats(chosen[number]["points_px"]) + 0.5) / BY - 0.5
                boxes = people_boxes(take, int(chosen[number]["time_device"]), BY)
                sure = chosen[number]["sure"][KEYPOINT_JOINT]
                for change, (outfit, room) in zip(changes, counters, strict=True):
                    corners = as_floats(boxes).reshape(-1, 2)
                    seen, moved = change(image, np.concatenate([points, corners]))
                    own = np.round(moved[len(points) :].reshape(-1, 4)).astype(int).tolist()
                    empty = empty_places(seen.shape[:2], own)
                    outfit.add(seen, moved[: len(points)], sure, empty)
                    room.add(np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2GRAY)), own)
    found = [SessionSignature(o.colours(), room.background(BY)) for o, room in counters]
    # as it is kept: what a comparison reads has been through JSON
    return [signature_from_json(json.loads(json.dumps(one.to_json()))) for one in found]


def shine(name: str) -> Callable[[Image, np.ndarray], tuple[Image, np.ndarray]]:
    """Return a change of light, with the noise of a sensor."""
    gain, *casts = LIGHTS[name]
    linear = (np.arange(256) / 255.0)[:, None] ** 2.2 * gain * np.array(casts)
    table = np.round(255 * linear.clip(0, 1) ** (1 / 2.2)).astype(np.uint8)[None]

    def change(image: Image, points: np.ndarray) -> tuple[Image, np.ndarray]:
        noise = np.random.default_rng(0).integers(-3, 4, image.shape, np.int16)
        return (cv2.LUT(image, table) + noise).clip(0, 255).astype(np.uint8), points

    return change


def move(name: str, light: str) -> Callable[[Image, np.ndarray], tuple[Image, np.ndarray]]:
    """Return a move of the camera, in some light."""
    right, down, degrees = MOVES[name]

    def change(image: Image, points: np.ndarray) -> tuple[Image, np.ndarray]:
        high, wide = image.shape[:2]
        matrix = cv2.getRotationMatrix2D((wide / 2, high / 2), degrees, 1)
        matrix[:, 2] += [right / BY, down / BY]
        lit, _ = shine(light)(image, points)
        seen = cv2.warpAffine(lit, matrix, (wide, high), borderMode=cv2.BORDER_REFLECT)
        return seen, points @ matrix[:, :2].T + matrix[:, 2]

    return change


def variants(folder: Path) -> list[Variant]:
    """Simulate all sessions and look at them in all lights, and after all moves."""
    found = []
    for path, outfit, room in simulate(folder):
        names = [(light, "") for light in LIGHTS]
        names += [(light, move_) for move_ in MOVES for light in ("as it is", "warm")]
        changes = [move(m, light) if m else shine(light) for light, m in names]
        signatures = look(path, changes)
        for (light, moved), signature in zip(names, signatures, strict=True):
            found.append(Variant(outfit, room, path.name, light, moved, signature))
    return found


def outfits(found: list[Variant]) -> list[dict[str, object]]:
    """Compare the outfits of all pairs of different sessions."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    for one, other in itertools.combinations([v for v in found if not v.move], 2):
        if one.session == other.session or not one.signature.outfit or not other.signature.outfit:
            continue
        distance = colour_distance(one.signature.outfit, other.signature.outfit)
        key = (
            "same" if one.outfit == other.outfit else "different",
            "one light" if one.light == other.light else "two lights",
            "one room" if one.room == other.room else "two rooms",
        )
        groups.setdefault(key, []).append(distance if distance is not None else np.nan)
    rows: list[dict[str, object]] = []
    for (outfit, light, room), values in sorted(groups.items()):
        distance = np.array(values)
        same, other = distance <= LOOKS_SAME, distance >= LOOKS_DIFFERENT
        right, wrong = (same, other) if outfit == "same" else (other, same)
        rows.append(
            {
                "outfits": outfit, "light": light, "room": room, "pairs": len(distance),
                "right": _share(right), "nothing said": _share(~(same | other)),
                "wrong": _share(wrong),
                "distance": [round(float(v), 3) for v in np.percentile(distance, [0, 50, 100])],
            }
        )  # fmt: skip
    return rows


def cameras(found: list[Variant]) -> list[dict[str, object]]:
    """Compare the cameras of all pairs of different sessions, the first one never moved."""
    still = [v for v in found if not v.move]
    groups: dict[str, list[float]] = {}
    for one, other in itertools.product(still, found):
        if one.session >= other.session or one.light != "as it is":
            continue
        shift = np.nan
        if one.signature.background and other.signature.background:
            measured = camera_shift_px(
                one.signature.background, other.signature.background, SIZE_PX
            )
            shift = np.nan if measured is None else measured
        what = other.move or ("not moved" if other.light == one.light else "not moved, other light")
        groups.setdefault("another room" if one.room != other.room else what, []).append(shift)
    rows: list[dict[str, object]] = []
    for name, values in groups.items():
        shift = np.array(values)
        finite = shift[np.isfinite(shift)]
        measured = np.percentile(finite, [0, 50, 100]).round(1).tolist() if len(finite) else []
        rows.append(
            {"camera": name, "pairs": len(shift), "warned": _share(shift > MOVED_PX),
             "not compared": _share(np.isnan(shift)), "px": measured}
        )  # fmt: skip
    return rows


def real(folder: Path, data: Path) -> dict[str, object]:
    """Compare the halves of a real clip, and two recordings of it; all are the same."""
    videos = sorted((data / "ntu").glob("*_rgb.avi"))
    found: dict[str, object] = {}
    for video in videos:
        name = video.stem.removesuffix("_rgb")
        for again in ("a", "b"):
            if not (folder / f"{name}-{again}" / "manifest.jsonl").is_file():
                record(RecordSettings(f"{name}-{again}", folder, f"ntu:{video}", report=False))
        plain = [shine("as it is")]
        parts = [
            look(folder / f"{name}-a", plain, slice(0, None, 2))[0],
            look(folder / f"{name}-a", plain, slice(0, IMAGES // 2))[0],
            look(folder / f"{name}-a", plain, slice(IMAGES // 2, None))[0],
            look(folder / f"{name}-b", plain)[0],
            *look(folder / f"{name}-a", [shine(light) for light in LIGHTS if light != "as it is"]),
        ]
        outfit = [one.outfit for one in parts if one.outfit is not None]
        room = [one.background for one in parts if one.background is not None]
        distances = [colour_distance(a, b) for a, b in itertools.combinations(outfit, 2)]
        shifts = [camera_shift_px(a, b, SIZE_PX) for a, b in itertools.combinations(room, 2)]
        found[name] = {
            "pairs": len(distances), "most distance": max(d for d in distances if d is not None),
            "false other_outfit": sum(d is not None and d >= LOOKS_DIFFERENT for d in distances),
            "backgrounds": len(room), "most shift px": max(s for s in shifts if s is not None),
            "false camera_moved": sum(s is not None and s > MOVED_PX for s in shifts),
        }  # fmt: skip
    return found


def _share(flags: np.ndarray) -> float:
    """Return a share in percent."""
    return round(100 * float(np.mean(flags)), 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, help="where the sessions are kept")
    parser.add_argument("--real", type=Path, metavar="DIR", help="recordings of real sensors")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="kincap-guard-rails-"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = variants(folder)
        report: dict[str, object] = {"outfits": outfits(found), "cameras": cameras(found)}
        if options.real is not None:
            report["real"] = real(folder, options.real)
        print(json.dumps(report, indent=1))
    finally:
        if options.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
