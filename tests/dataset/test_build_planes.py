"""From a recording with masks and depth to a data set: hidden keypoints, masks of every person."""

import numpy as np
import pytest

from kincap.capture.record import RecordSettings, record
from kincap.dataset.build import BuildResult, BuildSettings, build
from kincap.dataset.kinect13.reader import Kinect13, open_kinect13

SIZE = 96


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> BuildResult:
    """A data set of three people whose limbs cross."""
    folder = tmp_path_factory.mktemp("planes")
    source = "simulator:frames=32,fps=4,pace=fast,persons=3,seed=8,device=3"
    streams = ("color", "bodies", "mask", "depth")
    record(RecordSettings("one", folder / "recordings", source, streams, report=False))
    return build(
        BuildSettings(
            out=folder / "kinect13.h5",
            recordings=folder / "recordings",
            size=SIZE,
            masks=True,
            bodies="all",
            val="0.3",
            guard_s=0,
            workers=1,
        )  # fmt: skip
    )


def rows_of(dataset: Kinect13):
    for name in dataset.splits:
        split = dataset.split(name)
        for row in range(len(split)):
            yield split, row


def test_keypoints_that_something_hides_have_no_weight_and_say_why(built: BuildResult) -> None:
    with open_kinect13(built.out) as dataset:
        bits = dataset.meta.quality_bits["keypoint_quality"]
        named = dict.fromkeys(("body_index", "occlusion"), 0)
        rows = 0
        for split, row in rows_of(dataset):
            rows += 1
            for kind in named:
                flagged = (split.keypoint_quality[row] >> bits[kind] & 1) != 0
                assert (split.weight[row][flagged] == 0).all()
                named[kind] += int(flagged.sum())
    assert rows > 50
    # 3 % of the keypoints of this take are hidden
    for kind, count in named.items():
        assert 3 < count < 0.1 * 13 * rows, kind
    assert {"body_index", "occlusion"} <= set(built.findings)


def test_a_trusted_keypoint_is_on_the_mask_of_its_own_person(built: BuildResult) -> None:
    on_mask, others = [], 0
    with open_kinect13(built.out) as dataset:
        for split, row in rows_of(dataset):
            mask = split.masks([row])[0]
            assert mask.shape == (SIZE, SIZE)
            others += len(set(np.unique(mask)) - {255, int(split.slot[row])})
            x, y = np.round(split.keypoints_px[row][split.weight[row] > 0]).astype(int).T
            inside = (x >= 0) & (y >= 0) & (x < SIZE) & (y < SIZE)
            on_mask += (mask[y[inside], x[inside]] == split.slot[row]).tolist()
    assert np.mean(on_mask) > 0.93
    # further people in a crop are in its mask, too
    assert others > 20


def test_the_report_shows_the_masks(built: BuildResult) -> None:
    assert "the person of the row in blue" in built.report.read_text(encoding="utf-8")
