"""The fitted camera matrix stands for the mapper, and says how far it is off."""

import numpy as np
import pytest

from kincap.capture.kinect.projection import fit_projection, project, sample_points

SIZE = (1920, 1080)
MATRIX = np.array(
    [[1061.0, 3.0, 955.0, -55.0], [2.0, -1058.0, 523.0, 4.0], [0.004, 0.002, 1.0, 0.01]]
)


def test_a_pinhole_camera_is_found_again() -> None:
    points = sample_points()
    fit = fit_projection(points, project(MATRIX, points), SIZE)
    assert fit is not None
    assert fit.max_px < 1e-6
    rng = np.random.default_rng(0)
    others = np.column_stack([rng.uniform(-1, 1, (50, 2)), rng.uniform(1, 4, 50)])
    np.testing.assert_allclose(
        project(np.array(fit.matrix), others), project(MATRIX, others), atol=1e-6
    )


def test_a_bent_lens_leaves_a_residual_that_is_told() -> None:
    points = sample_points()
    pixels = project(MATRIX, points)
    centre = np.array([955.0, 523.0])
    bent = centre + (pixels - centre) * (
        1 + 2e-2 * (((pixels - centre) / 1000) ** 2).sum(axis=1, keepdims=True)
    )
    fit = fit_projection(points, bent, SIZE)
    assert fit is not None
    off = np.linalg.norm(project(np.array(fit.matrix), points) - bent, axis=1)
    inside = ((bent > -100) & (bent < np.array(SIZE) + 100)).all(axis=1)
    assert fit.rms_px == pytest.approx(np.sqrt(np.mean(off[inside] ** 2)))
    assert 0.5 < fit.rms_px < fit.max_px == pytest.approx(off[inside].max())
    # it is the least-squares one: no small change of it does better
    for k in range(12):
        for step in (-1e-3, 1e-3):
            other = np.array(fit.matrix)
            other.flat[k] *= 1 + step
            worse = np.linalg.norm(project(other, points) - bent, axis=1)[inside]
            assert np.mean(worse**2) >= np.mean(off[inside] ** 2)


def test_points_that_the_mapper_cannot_map_do_not_count() -> None:
    points = sample_points()
    pixels = project(MATRIX, points)
    pixels[::3] = -np.inf
    fit = fit_projection(points, pixels, SIZE)
    assert fit is not None
    assert fit.max_px < 1e-6
    assert fit.points < len(points) * 2 / 3 + 1


@pytest.mark.parametrize("value", [-np.inf, np.nan, 0.0], ids=str)
def test_a_mapper_that_knows_nothing_yet_gives_no_fit(value: float) -> None:
    points = sample_points()
    assert fit_projection(points, np.full((len(points), 2), value), SIZE) is None
