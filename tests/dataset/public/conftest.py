"""A small public set in kincap's own form: a picture a person, a disk at each keypoint."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.skeleton import KEYPOINT_NAMES
from kincap.dataset.formats.options import LoadOptions
from kincap.dataset.public.settings import AddedSet, PublicSettings

SIZE_PX = (120, 100)


@dataclass
class DrawnPerson:
    """One person: a square of points around (x, y); keypoints of ``without`` are not labelled."""

    image: str
    x: float = 60.0
    y: float = 50.0
    half: float = 30.0
    without: tuple[str, ...] = ()
    split: str = ""
    clip: str = ""

    def points(self) -> np.ndarray:
        """(13, 2) pixels; the corners of the square are among them."""
        turn = np.arange(13) * 2.4
        around = np.stack([np.cos(turn), np.sin(turn)], axis=1) * self.half * 0.6
        around[:4] = self.half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
        return around + (self.x, self.y)


@dataclass
class PeopleFolder:
    """Writes ``people.json`` and its pictures, each with content of its own."""

    path: Path
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def __call__(self, *people: DrawnPerson, draw: bool = True) -> Path:
        self.path.mkdir(exist_ok=True)
        listed = []
        for person in people:
            points = person.points().tolist()
            values = [
                [0, 0, 0] if name in person.without else [*point, 2]
                for name, point in zip(KEYPOINT_NAMES, points, strict=True)
            ]
            listed.append({"image": person.image, "keypoints": values, "split": person.split,
                           "clip": person.clip})  # fmt: skip
            if draw and not (self.path / person.image).exists():
                self.draw(person)
        content = {"schema": "kincap/people/1", "keypoints": list(KEYPOINT_NAMES), "people": listed}
        (self.path / "people.json").write_text(json.dumps(content))
        return self.path

    def draw(self, person: DrawnPerson) -> None:
        """Draw a picture: blurred noise, and a white disk at each keypoint."""
        coarse = self.rng.integers(0, 160, (9, 10, 3), dtype=np.uint8)
        image = cv2.resize(coarse, SIZE_PX, interpolation=cv2.INTER_CUBIC)
        for x, y in np.round(person.points()).astype(int).tolist():
            cv2.circle(image, (x, y), 2, (255, 255, 255), -1)
        assert cv2.imwrite(str(self.path / person.image), image)


@pytest.fixture
def people_folder(tmp_path: Path) -> PeopleFolder:
    """Return a writer of a set into ``people``."""
    return PeopleFolder(tmp_path / "people")


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., PublicSettings]:
    """Return a function that makes settings of a build of that set."""

    def make(**more: object) -> PublicSettings:
        sides = LoadOptions(sides="unchecked")
        added = (AddedSet("people", tmp_path / "people", sides, (("sides", "unchecked"),)),)
        given = {"add": added, "out": tmp_path / "set.h5", "size": 32, "workers": 1, **more}
        return PublicSettings(**given)

    return make
