"""JPEG: sizes and checks from the header, decoding with a cap, what the encoder writes."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kincap.core.errors import KincapError
from kincap.core.jpeg import check_jpeg, decode_jpeg, encode_jpeg, jpeg_size


def picture(width: int = 96, height: int = 64, channels: int = 4) -> np.ndarray:
    ramp = np.linspace(0, 255, width * height * channels).reshape(height, width, channels)
    return ramp.astype(np.uint8)


def test_a_picture_comes_back_nearly_as_it_was() -> None:
    image = picture(320, 240)
    data = encode_jpeg(image)
    assert jpeg_size(data) == (320, 240)
    check_jpeg(data, (320, 240))
    back = decode_jpeg(data, rgb=False)
    assert np.abs(back.astype(int) - image[..., :3]).mean() < 2
    assert np.array_equal(decode_jpeg(data)[..., ::-1], back)
    assert encode_jpeg(image[..., :3].copy()) == data


def test_frames_are_baseline_420_with_restart_markers_every_5_mcus() -> None:
    data = encode_jpeg(picture(480, 64))
    frame = data.index(b"\xff\xc0")  # baseline
    assert data[frame + 11] == 0x22  # luma sampled 2 x 2, so chroma is half
    assert b"\xff\xdd\x00\x04\x00\x05" in data
    # 30 MCUs a row, 4 rows: 24 segments, 23 markers between them
    assert sum(data.count(bytes([0xFF, 0xD0 + i])) for i in range(8)) == 23
    assert len(encode_jpeg(picture(480, 64), quality=50)) < len(data)


@pytest.mark.parametrize("progressive", [False, True])
def test_sizes_of_other_encoders_are_read(progressive: bool) -> None:
    settings_ = [cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    done, data = cv2.imencode(".jpg", picture(33, 17)[..., :3], settings_)
    assert done
    assert jpeg_size(bytes(data)) == (33, 17)


def test_a_damaged_picture_is_refused() -> None:
    data = encode_jpeg(picture())
    for bad, message in (
        (b"", "does not begin with FFD8"),
        (b"\x89PNG" + data, "does not begin with FFD8"),
        (data[:20], "no frame header"),
        (data[:-2], "does not end with FFD9"),
    ):
        with pytest.raises(KincapError, match=message) as caught:
            check_jpeg(bad)
        assert caught.value.exit_code == 1
    with pytest.raises(KincapError, match="JPEG of 96x64 pixels, expected 1920x1080"):
        check_jpeg(data, (1920, 1080))


def test_pixels_are_counted_before_decoding() -> None:
    data = bytearray(encode_jpeg(picture()))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(KincapError, match="65535x65535 pixels; at most"):
        decode_jpeg(bytes(data))
    with pytest.raises(KincapError, match="at most 100 are decoded"):
        decode_jpeg(encode_jpeg(picture()), max_pixels=100)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_give_a_size_or_one_error(tail: bytes) -> None:
    try:
        width, height = jpeg_size(b"\xff\xd8" + tail)
    except KincapError:
        return
    assert width > 0
    assert height > 0


@given(st.integers(0, 10**9), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_a_flipped_byte_decodes_or_is_one_error(place: int, change: int) -> None:
    data = bytearray(encode_jpeg(picture()))
    data[place % len(data)] ^= change
    try:
        said = str(decode_jpeg(bytes(data), max_pixels=10**6).dtype)
    except KincapError as err:
        said = str(err)
    assert "\n" not in said
