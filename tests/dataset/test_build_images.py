"""Images of a data set: exact and fast decoding, with and without a margin."""

from pathlib import Path

import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.core.jpeg import decode_jpeg
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.crop import cut_crop
from kincap.dataset.kinect13.reader import Kinect13, open_kinect13
from kincap.sessions.shard.shard_reader import ShardReader

from .conftest import Body, Frame, Sessions

SIZE_PX = (480, 270)
"""Images of two columns of tiles."""
S = 64


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions in which two people walk beside each other, one of them at the edge."""
    sessions = Sessions(tmp_path_factory.mktemp("images") / "recordings", size_px=SIZE_PX)
    for name, count in (("train1", 12), ("val1", 4)):
        frames = [
            Frame((Body(x=150 + 9 * k, y=130, height=170), Body(x=360, y=120, height=140, slot=3)))
            for k in range(count)
        ]
        sessions(name, frames)
    return sessions.recordings


def built(recordings: Path, folder: Path, **more: object) -> Kinect13:
    """The open data set of a build."""
    given = {"size": S, "workers": 1, "val": "val*", "bodies": "all", **more}
    given.setdefault("out", folder / "set.h5")
    return open_kinect13(build(BuildSettings(recordings=recordings, **given)).out)


def whole_images(recordings: Path) -> dict[int, np.ndarray]:
    """The decoded colour images of train1 by seq, as stored."""
    with ShardReader(recordings / "train1" / "000000.h5") as shard:
        rows = shard.all_rows("color_index")
        return {int(row["seq"]): decode_jpeg(shard.blob(row)) for row in rows[rows["row_crc"] != 0]}


def test_exact_crops_are_cut_from_the_whole_image_to_the_last_bit(recordings, tmp_path) -> None:
    images = whole_images(recordings)
    with built(recordings, tmp_path) as dataset:
        rows = dataset.split("train")
        assert len(rows) == 24
        crops = rows.images(np.arange(len(rows)))
        for crop, seq, box in zip(crops, rows.color_seq, rows.bbox_xyxy_px, strict=True):
            placed = np.array([*(box[:2] + 0.5), box[2] - box[0]]).astype(np.int64)
            np.testing.assert_array_equal(crop, cut_crop(images[int(seq)], placed, True, S))


def test_fast_crops_are_nearly_the_exact_ones(recordings, tmp_path) -> None:
    with built(recordings, tmp_path) as dataset:
        rows = dataset.split("train")
        exact = rows.images(np.arange(len(rows)))
        keypoints = rows.keypoints_px
    with built(recordings, tmp_path, decoding="fast") as dataset:
        rows = dataset.split("train")
        fast = rows.images(np.arange(len(rows)))
        assert 'decoding = "fast"' in dataset.meta.settings
        np.testing.assert_array_equal(rows.keypoints_px, keypoints)
    error = np.mean((exact.astype(float) - fast) ** 2)
    assert error > 0
    assert 10 * np.log10(255**2 / error) > 30


def test_with_a_margin_the_crop_is_in_the_middle(recordings, tmp_path) -> None:
    images = whole_images(recordings)
    with built(recordings, tmp_path) as dataset:
        narrow = dataset.split("train").bbox_xyxy_px
    with built(recordings, tmp_path, margin=1.5) as dataset:
        rows = dataset.split("train")
        assert (dataset.size, rows.size, rows.image_size, dataset.margin) == (S, S, 96, 1.5)
        every = np.arange(len(rows))
        wide, crops = rows.wide_images(every), rows.images(every)
        np.testing.assert_array_equal(wide[:, 16:-16, 16:-16], crops)
        into = np.zeros_like(crops)
        assert rows.images(every[::-1], into) is into
        np.testing.assert_array_equal(into, crops[::-1])
        boxes = rows.bbox_xyxy_px
    grown = (boxes - narrow) * [-1, -1, 1, 1]
    assert 0 <= grown.min() <= grown.max() <= 2
    for image, crop, seq, box in zip(wide, crops, rows.color_seq, boxes, strict=True):
        x0, y0, side = (int(value) for value in (*(box[:2] + 0.5), box[2] - box[0]))
        assert side % 4 == 0
        whole, more = images[int(seq)], side // 4
        around = np.array([x0 - more, y0 - more, side + 2 * more])
        np.testing.assert_array_equal(image, cut_crop(whole, around, True, 96))
        # the same sums of the same pixels, in another order
        apart = crop.astype(int) - cut_crop(whole, np.array([x0, y0, side]), True, S)
        assert np.abs(apart).max() <= 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"margin": 1.25}, "--margin 1.25: expected one of 1.0, 1.5"),
        ({"margin": 1.5, "size": 36}, "--size 36: expected a multiple of 8 with --margin 1.5"),
        ({"decoding": "quick"}, "--decoding quick: expected one of exact, fast"),
    ],
)
def test_settings_that_make_no_data_set_are_refused(recordings, tmp_path, more, said) -> None:
    with pytest.raises(DatasetError, match=said):
        built(recordings, tmp_path, **more)
