"""PNG of masks and depth images: exact, and refused where it is something else."""

import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.png import decode_png, encode_png, png_size


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_an_image_comes_back_as_it_was(kind: type) -> None:
    image = np.random.default_rng(1).integers(0, np.iinfo(kind).max, (53, 64), kind, endpoint=True)
    data = encode_png(image)
    assert png_size(data) == (64, 53, 8 * image.itemsize)
    assert np.array_equal(decode_png(data), image)


def test_what_is_not_a_whole_grey_png_is_refused() -> None:
    good = encode_png(np.full((53, 64), 7, np.uint8))
    color = good[:25] + b"\x02" + good[26:]
    huge = good[:16] + (1 << 20).to_bytes(4) * 2 + good[24:]
    for bad in (b"", b"\x89PNG", good[:-1], b"x" + good[1:], color, huge, b"\xff\xd8" * 40):
        with pytest.raises(KincapError):
            decode_png(bad)


@pytest.mark.parametrize("bad", [None, np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4))])
def test_arrays_that_are_no_such_image_are_refused(bad: object) -> None:
    with pytest.raises(KincapError, match="expected"):
        encode_png(bad)
