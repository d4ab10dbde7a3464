"""Boxes and crops against slow loops that follow docs/format.md 2.1 word for word."""

import math

import numpy as np
import pytest

from kincap.core import geometry


def slow_box(points: np.ndarray, labelled: np.ndarray) -> tuple[int, int, int]:
    """x0, y0, side of one person."""
    xs = [p[0] for p, known in zip(points, labelled, strict=True) if known]
    ys = [p[1] for p, known in zip(points, labelled, strict=True) if known]
    center = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    width = 1.2 * max(max(xs) - min(xs), 1)
    height = 1.2 * max(max(ys) - min(ys), 1)
    side = max(2, math.ceil(max(width, height)))
    return (
        math.floor(center[0] - side / 2 + 1),
        math.floor(center[1] - side / 2 + 1),
        side,
    )


def fast_box(points: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    tight = geometry.tight_box(points, labelled)
    return geometry.snap_box(geometry.square_box(geometry.scale_box(tight)))


@pytest.mark.parametrize("shape", [(50, 3), (4, 25, 3), (7, 13, 2), (0, 25, 3)])
def test_lengths_are_those_of_norm_bit_for_bit(shape: tuple[int, ...]) -> None:
    vectors = np.random.default_rng(1).normal(0, 3, shape)
    vectors[::5] *= 1e-7
    vectors[::7] = np.nan
    with np.errstate(invalid="ignore"):
        for dtype in (np.float64, np.float32):
            own = vectors.astype(dtype)
            expected = np.linalg.norm(own, axis=-1)
            assert np.array_equal(geometry.lengths(own), expected, equal_nan=True)
            assert geometry.lengths(own).dtype == expected.dtype


def test_boxes_agree_with_a_slow_loop() -> None:
    rng = np.random.default_rng(3)
    points = rng.uniform(-200, 2200, (300, 13, 2)) * rng.choice([1, 0.02], (300, 1, 1))
    points = np.where(rng.random((300, 13, 1)) < 0.3, np.round(points), points)
    labelled = rng.random((300, 13)) < 0.6
    labelled[:, 4] = True
    labelled[:20] = np.arange(13) == 4
    points[~labelled] = np.nan
    expected = [slow_box(p, known) for p, known in zip(points, labelled, strict=True)]
    assert fast_box(points, labelled).tolist() == [list(box) for box in expected]


def test_one_keypoint_gives_the_smallest_box_around_it() -> None:
    x0, y0, side = fast_box(np.array([[[10.0, 20.0]]]), np.array([[True]]))[0]
    assert side == 2
    assert x0 <= 10 < x0 + side
    assert y0 <= 20 < y0 + side


def test_a_box_of_whole_pixels_stays_where_it_is() -> None:
    edges = geometry.snapped_xyxy([7, -3, 40])
    assert edges.tolist() == [6.5, -3.5, 46.5, 36.5]
    assert geometry.snap_box(edges).tolist() == [7, -3, 40]


def test_no_labelled_keypoint_gives_no_box() -> None:
    assert np.isnan(geometry.tight_box(np.zeros((2, 13, 2)), np.zeros((2, 13), bool))).all()


def test_crop_edges_are_the_targets_zero_and_one() -> None:
    box = np.array([99.5, 49.5, 399.5, 349.5])
    corners = np.array([[99.5, 49.5], [399.5, 349.5]])
    crop = geometry.image_to_crop(corners, box, 224)
    np.testing.assert_allclose((crop + 0.5) / 224, [[0, 0], [1, 1]], atol=1e-12)


def test_without_resizing_a_pixel_of_the_image_is_a_pixel_of_the_crop() -> None:
    box = geometry.snapped_xyxy([100, 50, 224])
    moved = geometry.image_to_crop([[100, 50], [323, 273]], box, 224)
    assert moved.tolist() == [[0, 0], [223, 223]]


@pytest.mark.parametrize("size", [4, 224, 512])
def test_a_crop_keeps_distances_by_one_scale(size: int) -> None:
    rng = np.random.default_rng(size)
    points = rng.uniform(0, 1920, (50, 13, 2))
    boxes = geometry.snapped_xyxy(np.column_stack([rng.integers(-90, 900, (50, 2)),
                                                   rng.integers(2, 1500, 50)]))  # fmt: skip
    crop = geometry.image_to_crop(points, boxes, size)
    scale = size / (boxes[:, 2] - boxes[:, 0])[:, None, None]
    np.testing.assert_allclose(np.diff(crop, axis=1), np.diff(points, axis=1) * scale, atol=1e-7)


def test_the_stored_columns_of_a_crop_are_those_it_shows() -> None:
    width, x0, side = 320, 41, 60
    shown = {width - 1 - x for x in range(x0, x0 + side)}
    first = int(geometry.stored_x0(x0, side, width))
    assert shown == set(range(first, first + side))


def test_inputs_are_left_alone() -> None:
    points, box = np.arange(26.0).reshape(13, 2), np.array([0.0, 0, 10, 10])
    before = points.copy(), box.copy()
    geometry.unmirror_points(points, 320)
    geometry.image_to_crop(points, box, 5)
    assert np.array_equal(points, before[0])
    assert np.array_equal(box, before[1])
