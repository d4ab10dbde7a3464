"""The depth camera's mapping: pixels, points, colour pixels, masks seen by the colour camera."""

import numpy as np
import pytest

from kincap.core.cameras.depth_mapping import DepthCamera, DepthMapping, depth_camera, depth_mapping

LENS = DepthCamera(365.5, 366.0, 256.3, 207.1, 0.09, -0.27, 0.095)
BESIDE = ((1060.0, 0, 959.5, 55.12), (0, -1060.0, 539.5, 0), (0, 0, 1, 0))
"""A colour camera 52 mm to the sensor's right of the depth camera."""


def test_the_pixel_is_that_of_the_formula_in_the_format_page():
    x, y, z = 0.4, -0.3, 2.0
    a, b = x / z, y / z
    r2 = a * a + b * b
    f = 1 + 0.09 * r2 - 0.27 * r2**2 + 0.095 * r2**3
    u, v = LENS.pixels(np.array([x, y, z]))
    assert (u, v) == pytest.approx((256.3 + 365.5 * a * f, 207.1 - 366.0 * b * f))


def test_points_and_pixels_are_inverse_over_the_whole_image():
    u, v = np.meshgrid(np.linspace(0, 511, 33), np.linspace(0, 423, 27))
    px = np.stack([u, v], axis=-1)
    points = LENS.points(px, np.full(u.shape, 2.5))
    assert points[..., 2] == pytest.approx(np.full(u.shape, 2.5))
    assert np.abs(LENS.pixels(points) - px).max() < 1e-3


def test_depth_to_colour_and_back():
    mapping = DepthMapping(LENS, BESIDE)
    px, depth = np.array([[100.0, 50.0], [300.0, 380.0]]), np.array([1.2, 3.9])
    color = mapping.color_pixels(px, depth)
    x, y, z = LENS.points(px, depth).T
    wanted = np.stack([1060 * (x + 0.052) / z + 959.5, 539.5 - 1060 * y / z], axis=-1)
    assert color == pytest.approx(wanted)
    assert mapping.depth_pixels(color, depth) == pytest.approx(px, abs=1e-3)


def test_a_whole_frame_maps_as_its_pixels_do_and_unknown_depth_maps_nowhere():
    mapping = DepthMapping(LENS, BESIDE)
    depth_mm = np.full((424, 512), 2000, np.uint16)
    depth_mm[7, 9] = 0
    frame = mapping.depth_frame_to_color(depth_mm)
    assert frame.shape == (424, 512, 2)
    assert np.isnan(frame[7, 9]).all()
    one = mapping.color_pixels(np.array([400.0, 200.0]), np.array(2.0))
    assert frame[200, 400] == pytest.approx(one)


def test_a_mask_is_found_in_the_colour_image_and_not_beside_the_person():
    mapping = DepthMapping(LENS, BESIDE)
    mask = np.full((424, 512), 255, np.uint8)
    depth_mm = np.full((424, 512), 4000, np.uint16)
    mask[150:300, 200:260], depth_mm[150:300, 200:260] = 3, 2000
    corners = np.array([[199.5, 149.5], [259.5, 299.5]])
    (left, top), (right, bottom) = mapping.color_pixels(corners, np.full(2, 2.0))
    v, u = np.mgrid[0:1080:4, 0:1920:4]
    px = np.stack([u, v], axis=-1).astype(float)
    inside = (u > left) & (u < right) & (v > top) & (v < bottom)
    for start_m in (1.8, 2.0, 2.2):
        found = mapping.mask_in_color(px, mask, depth_mm, start_m)
        wrong = (found == 3) != inside
        assert wrong.sum() < 0.03 * inside.sum()
    flat = mapping.mask_in_color(px, mask, None, 2.0)
    assert ((flat == 3) != inside).sum() < 0.03 * inside.sum()


@pytest.mark.parametrize(
    "bad", [None, "x", float("nan"), float("inf"), 10**400, True, 0, 1e9, 1e300]
)
def test_numbers_that_are_no_camera_are_no_camera(bad):
    good = LENS.to_json()
    assert depth_camera(good, None) == LENS
    assert depth_camera({**good, "fx_px": bad}, None) in (None, DepthCamera(1, *_rest(good)))
    matrix = [list(row) for row in BESIDE]
    device = {"depth_projection": good, "projection": {"model": "pinhole", "matrix": matrix}}
    assert depth_mapping(device) == DepthMapping(LENS, BESIDE)
    assert depth_mapping({**device, "projection": {"model": "pinhole", "matrix": [[bad]]}}) is None
    odd = [[bad, *matrix[0][1:]], *matrix[1:]]
    mapped = depth_mapping({**device, "projection": {"model": "pinhole", "matrix": odd}})
    assert mapped is None or abs(mapped.matrix[0][0]) <= 1


def _rest(camera):
    return [camera[name] for name in ("fy_px", "cx_px", "cy_px", "k1", "k2", "k3")]


def test_the_sdks_intrinsics_stand_in_for_the_projection():
    names = ["FocalLengthX", "FocalLengthY", "PrincipalPointX", "PrincipalPointY"]
    names += [f"RadialDistortion{order}Order" for order in ("Second", "Fourth", "Sixth")]
    values = [LENS.fx_px, LENS.fy_px, LENS.cx_px, LENS.cy_px, LENS.k1, LENS.k2, LENS.k3]
    assert depth_camera(None, dict(zip(names, values, strict=True))) == LENS
