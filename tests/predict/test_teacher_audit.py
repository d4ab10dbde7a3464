"""``kincap audit --teacher``: disagreement with the sensor, and labels of guessed joints."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.core.jpeg import encode_jpeg
from kincap.core.skeleton import KEYPOINT, KEYPOINT_JOINT, KEYPOINTS
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.predict.teacher_audit import TeacherAuditSettings, audit_by_teacher
from kincap.sessions.suggestions import load_suggestions
from tests.dataset.conftest import Body, Frame, Sessions
from tests.engines.onnx_nets import graphs

COCO = (3, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15)
COLOURS = np.array([rgb for rgb in np.ndindex(3, 3, 3) if len(set(rgb)) > 1][:KEYPOINTS]) * 127
"""(13, 3) RGB."""
FRAMES = 60
WRONG = range(20, 25)
GUESSED = range(40, 50)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a session, and a teacher that sees its disks.

    A wrist is labelled far off in some frames, in others the sensor guessed it far off.
    """
    folder = tmp_path_factory.mktemp("taught")
    frames = []
    for n in range(FRAMES):
        body = Body(x=120 + n)
        moved = {"WristLeft": (body.x - 40, body.y + 60)}
        label = body
        if n in WRONG:
            label = replace(body, moved=moved)
        if n in GUESSED:
            label = replace(body, moved=moved, inferred=("WristLeft",))
        frames.append(Frame((label,), blob=encode_jpeg(draw_disks(body), 95)))
    Sessions(folder / "recordings")("a", frames)
    colours = np.zeros((17, 3))
    colours[list(COCO)] = COLOURS
    colours[4] = colours[3]
    graphs.colour_finder(folder / "teacher.onnx", colours)
    return folder


def draw_disks(body: Body) -> np.ndarray:
    """Return (240, 320, 3) BGR, mirrored: a disk of its own colour at every keypoint."""
    image = np.full((240, 320, 3), 110, np.uint8)
    for point, colour in zip(body.joints_px()[KEYPOINT_JOINT], COLOURS, strict=True):
        centre = np.round(point * 16).astype(int).tolist()
        cv2.circle(image, centre, 4 * 16, colour[::-1].tolist(), -1, cv2.LINE_AA, 4)
    return np.ascontiguousarray(image[:, ::-1])


def settings(work: Path, **more: object) -> TeacherAuditSettings:
    return replace(
        TeacherAuditSettings(f"onnx:{work / 'teacher.onnx'}", work / "recordings"), **more
    )


def test_wrong_labels_are_suggested_and_guessed_joints_filled(work: Path) -> None:
    counts: list[int] = []
    fill = work / "fill.csv"
    done = audit_by_teacher(settings(work, fill=fill), lambda *count: counts.append(count[0]))
    assert counts[-1] == FRAMES
    (one,) = load_suggestions(work / "recordings" / "a")
    assert (one.seq_first, one.seq_last, one.keypoints) == (WRONG[0], WRONG[-1], ("l_wrist",))
    assert one.source.endswith("teacher.onnx")
    lines = list(csv.DictReader(fill.read_text().splitlines()))
    assert [int(line["color_seq"]) for line in lines] == list(GUESSED)
    assert {line["keypoint"] for line in lines} == {"l_wrist"}
    assert {line["visibility"] for line in lines} == {"1"}
    for line in lines:
        truth = Body(x=120 + int(line["color_seq"])).joints_px()[KEYPOINT_JOINT][
            KEYPOINT["l_wrist"]
        ]
        # stored images are mirrored
        assert abs(319 - float(line["x"]) - truth[0]) < 2.5
        assert abs(float(line["y"]) - truth[1]) < 2.5
        assert 0.5 < float(line["weight"]) <= 0.9
    report = done.to_json()
    assert report["filled"] == {"a": {"guessed": len(GUESSED), "filled": len(GUESSED)}}
    assert report["fill_file"] == str(fill)

    data = work / "kinect13.h5"
    build(BuildSettings(data, work / "recordings", labels=fill, size=32, guard_s=0.0, workers=1))
    wrist = KEYPOINT["l_wrist"]
    seen = {"train": 0, "val": 0}
    with open_kinect13(data) as dataset:
        bits = dataset.meta.quality_bits["keypoint_quality"]
        for name in seen:
            rows = dataset.split(name)
            filled = rows.keypoint_quality[:, wrist] >> bits["filled"] & 1 == 1
            assert (rows.keypoint_quality[filled, wrist] >> bits["given"] & 1 == 1).all()
            seen[name] = int(filled.sum())
            weight = rows.weight[filled, wrist]
            # a net is not judged by what another net says
            assert (weight == 0).all() if name == "val" else ((weight > 0.5) & (weight < 1)).all()
            assert (rows.weight[~filled] == 1).sum() > 0
    assert sum(seen.values()) == len(GUESSED)
    assert min(seen.values()) > 0


def test_a_dry_run_writes_nothing(work: Path) -> None:
    there = work / "recordings" / "a" / "suggestions.json"
    there.unlink(missing_ok=True)
    done = audit_by_teacher(settings(work, dry_run=True, fill=work / "other.csv"))
    assert len(done.result.suggestions) == 1
    assert done.file is None
    assert not there.exists()
    assert not (work / "other.csv").exists()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"sessions": "z*"}, "matches no session"),
        ({"top": 0}, "--top 0"),
        ({"fill": Path("labels.json")}, "ends in .csv"),
        ({"fill": Path("nowhere/labels.csv")}, "there is no folder"),
        ({"teacher": "onnx:nothing.onnx"}, "no such file"),
    ],
)
def test_what_cant_be_done_is_refused(work: Path, more: dict[str, object], words: str) -> None:
    with pytest.raises(KincapError, match=words) as caught:
        audit_by_teacher(settings(work, **more))
    assert caught.value.exit_code == 2
