"""Sources of the recorder as sources of images."""

from pathlib import Path

import numpy as np
import pytest

from kincap.core.errors import KincapError, SensorNotFoundError
from kincap.predict.sources.frame_source import SENSOR
from kincap.predict.sources.open_source import open_source


def test_a_simulation_gives_every_frame_with_its_bodies():
    source = open_source("simulator:frames=12,pace=fast")
    frames = list(source.frames())
    source.close()
    assert source.kind == SENSOR
    assert [frame.number for frame in frames] == list(range(12))
    assert frames[0].time_s == 0
    assert (np.diff([frame.time_s for frame in frames]) > 0.02).all()
    seen = [frame for frame in frames if frame.sensor]
    assert len(seen) >= 10
    assert all(len(frame.detections) == 1 for frame in seen)
    # un-mirrored: a person from the front has the left shoulder at the right
    pose = seen[0].sensor[0].keypoints_px
    assert pose[4, 0] > pose[1, 0]


def test_a_clip_of_ntu_gives_its_frames_and_bodies(data_dir: Path):
    clip = data_dir / "ntu" / "S001C001P001R001A001_rgb.avi"
    source = open_source(f"ntu:{clip}")
    frames = list(source.frames())
    source.close()
    assert len(frames) == 103
    assert all(frame.sensor for frame in frames)


def test_a_missing_sensor_is_one_line_without_flags_of_record():
    with pytest.raises(SensorNotFoundError) as refused:
        open_source("kinect")
    assert refused.value.exit_code == 3
    assert "--source" not in str(refused.value)


def test_a_wrong_option_is_refused():
    with pytest.raises(KincapError):
        open_source("simulator:frames=ten")
