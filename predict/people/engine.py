"""Find everyone in a whole image, by whatever runs the net; nothing here imports torch."""

from typing import Final

import numpy as np

from ...engines.engine import Images
from ...engines.onnx_engine import OnnxPoseEngine, to_pixels
from ...train.people.assembly import AssembledPeople
from ...train.people.find import FindSettings, Floats, MapNet, find_people

FINDS: Final = "finds"
PEOPLE: Final = "people"
"""Entry of the metadata of an exported file whose net finds everyone in an image."""
OUTPUTS: Final = ("joints", "limbs")


class PeopleEngine:
    """Finds everyone in an image.

    Args:
        run: The net.
        settings: Height of the image as the net sees it, sizes, thresholds.
        keypoint_names: Names of its K keypoints.
    """

    def __init__(
        self, run: MapNet, settings: FindSettings, keypoint_names: tuple[str, ...]
    ) -> None:
        self._run, self._settings = run, settings
        self.size, self.keypoint_names = settings.height, keypoint_names

    def people(self, image: Images) -> AssembledPeople:
        """Return everyone in an image (H, W, 3) uint8, RGB, in its pixels."""
        return find_people(self._run, image, self._settings)


def exported_people_engine(file: OnnxPoseEngine) -> PeopleEngine:
    """Return the engine of an ONNX file whose metadata say that it finds people.

    Args:
        file: The open file.
    """
    session, given = file.session, file.session.get_inputs()[0]
    number = np.float16 if given.type == "tensor(float16)" else np.float32

    def run(images: Images) -> tuple[Floats, Floats]:
        pixels = to_pixels(images).astype(number, copy=False)
        joints, limbs = session.run(list(OUTPUTS), {given.name: pixels})
        return np.asarray(joints, np.float32), np.asarray(limbs, np.float32)

    return PeopleEngine(run, FindSettings(file.size), file.keypoint_names)
