"""Reports of real recordings: people are people, and what is guessed is named."""

from pathlib import Path

import pytest

from kincap.capture.record import RecordSettings, record
from kincap.report.quality import make_quality

LOGS = {
    "ntu": "ntu/S001C001P001R001A001_rgb.avi",
    "laban": "kinect2_laban/joints.csv",
    "irds": "kinect2_irds/216_18_4_1_2_stand.txt",
}


@pytest.mark.parametrize("source", LOGS)
def test_real_people_are_plausible(data_dir: Path, tmp_path: Path, source: str) -> None:
    settings = RecordSettings("real", tmp_path, f"{source}:{data_dir / LOGS[source]}", report=False)
    record(settings)
    quality = make_quality(tmp_path / "real")
    named = {one["kind"] for one in quality["findings"]}
    assert not named & {"implausible_body", "implausible_figure", "too_short", "lag", "frozen"}
    guessed = {
        keypoint
        for one in quality["findings"]
        if one["kind"] == "guessed_keypoint"
        for keypoint in one["keypoints"]
    }
    shares = quality["whole"]["keypoints"]
    often = {
        name for name, share in shares.items()
        if isinstance(share, dict) and share["inferred"] + share["not_tracked"] > 0.5
    }  # fmt: skip
    assert guessed == often
    assert (source == "irds") == (quality["verdict"] == "good (bodies only)")
    if source == "ntu":
        assert {"l_wrist", "l_elbow"} <= guessed
        assert quality["verdict"].startswith("usable")
        assert quality["whole"]["filters"]["candidates"] == 103
