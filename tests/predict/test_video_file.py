"""The drawn video: frames keep their own times, however irregular."""

from pathlib import Path

import av
import numpy as np
import pytest

from kincap.predict.outputs.video_file import VideoFile


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_irregular_times_and_odd_sizes_are_kept(tmp_path: Path, name: str) -> None:
    times = [0.0, 0.1, 0.5, 0.533, 2.0, 2.004, 7.25]
    file = VideoFile(tmp_path / name)
    for number, at in enumerate(times):
        file.write(np.full((45, 63, 3), 20 * number, np.uint8), at)
    file.close()
    with av.open(str(tmp_path / name)) as drawn:
        frames = list(drawn.decode(video=0))
    assert [frame.time for frame in frames] == pytest.approx(times, abs=0.0011)
    assert (frames[0].width, frames[0].height) == (62, 44)
    greys = [frame.to_ndarray(format="gray").mean() for frame in frames]
    assert [round(grey / 20) for grey in greys] == list(range(7))


def test_a_time_that_does_not_rise_still_gives_a_frame(tmp_path: Path) -> None:
    file = VideoFile(tmp_path / "a.mp4")
    for at in (0.0, 0.5, 0.5, 0.4, 1.0):
        file.write(np.zeros((32, 32, 3), np.uint8), at)
    file.close()
    with av.open(str(tmp_path / "a.mp4")) as drawn:
        found = [frame.time for frame in drawn.decode(video=0)]
    assert len(found) == 5
    assert found == sorted(found)
