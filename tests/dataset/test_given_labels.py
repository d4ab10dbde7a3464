"""``kincap build --labels FILE``: corrected and filled labels in place of the sensor's."""

import json

import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.core.skeleton import KEYPOINT, KEYPOINT_NAMES
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.given_labels import load_labels
from kincap.dataset.kinect13.reader import open_kinect13

from .conftest import Body, Frame, crop_to_image

HEAD = "session,color_seq,tracking_id,keypoint,x,y,visibility\n"
FRAMES = 60
ID = 7_002


@pytest.fixture
def session(sessions, walk):
    """Return a writer of a session of one person; a wrist is inferred in frame 3."""
    frames = walk(FRAMES)
    frames[3] = Frame((Body(inferred=("WristLeft",)),))
    sessions("a", frames)
    return sessions


def made(session, tmp_path, text: str, name: str = "labels.csv", **more):
    """Build with a file of labels; return the result and the open data set's rows by frame."""
    path = tmp_path / name
    path.write_text(text)
    out = tmp_path / "kinect13.h5"
    settings = {"guard_s": 0.0, "workers": 1, "size": 64, **more}
    done = build(BuildSettings(out, session.recordings, labels=path, **settings))
    with open_kinect13(out) as data:
        rows = {
            int(seq): {name: np.array(getattr(split, name)[k]) for name in
                       ("keypoints_px", "bbox_xyxy_px", "visibility", "weight", "keypoint_quality")}
            for split in map(data.split, data.splits)
            for k, seq in enumerate(split.color_seq)
        }  # fmt: skip
        bits = json.loads(json.dumps(data.meta.quality_bits))["keypoint_quality"]
    return done, rows, bits


def place(row, keypoint: str) -> np.ndarray:
    """Return a keypoint in pixels of the un-mirrored image."""
    return crop_to_image(row["keypoints_px"], row["bbox_xyxy_px"], 64)[KEYPOINT[keypoint]]


def test_a_given_label_takes_the_place_of_the_sensors_and_has_weight(session, tmp_path) -> None:
    """A tracked wrist is moved, an inferred one is filled, an elbow is taken away."""
    lines = [f"a,2,{ID},r_wrist,200,110.5,2", f"a,3,{ID},l_wrist,90,120,1", f"a,4,{ID},l_elbow,,,0"]
    done, rows, bits = made(session, tmp_path, HEAD + "\n".join(lines) + "\n")
    assert np.allclose(place(rows[2], "r_wrist"), (319 - 200, 110.5), atol=1e-3)
    assert np.allclose(place(rows[3], "l_wrist"), (319 - 90, 120), atol=1e-3)
    wrist, elbow = KEYPOINT["l_wrist"], KEYPOINT["l_elbow"]
    assert (rows[3]["visibility"][wrist], rows[3]["weight"][wrist]) == (1, 1.0)
    assert (rows[4]["visibility"][elbow], rows[4]["weight"][elbow]) == (0, 0.0)
    assert tuple(rows[4]["keypoints_px"][elbow]) == (-1, -1)
    marked = {(seq, k) for seq, row in rows.items() for k in range(len(KEYPOINT_NAMES))
              if row["keypoint_quality"][k] >> bits["given"] & 1}  # fmt: skip
    assert marked == {(2, KEYPOINT["r_wrist"]), (3, wrist), (4, elbow)}
    assert done.given_labels == {"labels": 3, "used": 3, "kept": 3}


def test_json_and_slots_say_the_same_as_csv_and_ids(session, tmp_path) -> None:
    """The same labels in both formats, by id and by slot, give the same columns."""
    label = {"session": "a", "color_seq": 5, "keypoint": "head", "x": 150.0, "y": 60.0}
    by_slot = [{**label, "slot": 2, "visibility": 2}]
    _, one, _ = made(session, tmp_path, json.dumps({"labels": by_slot}), "labels.json")
    (tmp_path / "kinect13.h5").unlink()
    _, other, _ = made(session, tmp_path, HEAD + f"a,5,{ID},head,150.0,60.0,2\n")
    assert all(np.array_equal(one[5][name], other[5][name]) for name in one[5])


def test_given_labels_keep_a_frame_that_tracking_would_drop(session, tmp_path) -> None:
    """Both shoulders inferred drop a frame; given ones keep it, with the others' weight."""
    frames = [Frame((Body(),)) for _ in range(FRAMES)]
    frames[7] = Frame((Body(inferred=("ShoulderLeft", "ShoulderRight")),))
    session("b", frames)
    lines = [f"b,7,{ID},{side}_shoulder,{x},75,2\n" for side, x in (("l", 145), ("r", 174))]
    with_labels, rows, _ = made(session, tmp_path, HEAD + "".join(lines), sessions="b")
    assert with_labels.rejected["tracking"] == 0
    assert rows[7]["weight"].all()


def test_labels_belong_to_the_plan_and_the_file_says_which(session, tmp_path) -> None:
    """The same labels give the same bytes, others do not."""
    one, _, _ = made(session, tmp_path, HEAD + f"a,2,{ID},head,150,60,2\n")
    same, _, _ = made(session, tmp_path, HEAD + f"a,2,{ID},head,150,60,2\n")
    other, _, _ = made(session, tmp_path, HEAD + f"a,2,{ID},head,151,60,2\n")
    assert one.sha256 == same.sha256 != other.sha256


def test_labels_of_a_session_that_is_not_built_from_are_named(session, tmp_path) -> None:
    """They are a warning, not used."""
    session("b", [Frame((Body(),)) for _ in range(FRAMES)])
    done, _, _ = made(session, tmp_path, HEAD + f"b,2,{ID},head,150,60,2\n", sessions="a")
    assert any("1 labels of session b" in line for line in done.warnings)
    assert done.given_labels == {"labels": 1, "used": 0, "kept": 0}


UNPLACED = {
    "no such session": (f"nowhere,2,{ID},head,1,2,2\n", "line 2: no session 'nowhere'"),
    "no such body": ("a,2,99,head,1,2,2\n", "line 2: session a has no tracked body with"),
    "no such frame": (f"a,999,{ID},head,1,2,2\n", "in colour frame 999"),
    "twice": (f"a,2,{ID},head,1,2,2\na,2,{ID},head,1,3,2\n", "line 2 and line 3 label the same"),
}


def test_labels_without_a_body_are_refused_in_one_line(session, tmp_path) -> None:
    """The line is named, and nothing is written."""
    for text, message in UNPLACED.values():
        with pytest.raises(DatasetError) as error:
            made(session, tmp_path, HEAD + text)
        assert message in str(error.value)
        assert str(error.value).startswith(f"--labels {tmp_path}")
        assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("kinect13*"))


BAD = {
    "unknown keypoint": (f"a,2,{ID},nose,1,2,2\n", "line 2: keypoint 'nose', expected one of head"),
    "no number": (f"a,2,{ID},head,nan,2,2\n", "line 2: x 'nan', expected a number of pixels"),
    "visibility": (f"a,2,{ID},head,1,2,3\n", "visibility '3', expected a whole number from 0 to 2"),
    "negative frame": (f"a,-2,{ID},head,1,2,2\n", "color_seq '-2', expected a whole number"),
    "nobody": ("a,2,,head,1,2,2\n", "slot 'None', expected a whole number"),
    "cut short": (f"a,2,{ID},head\n", "visibility 'None'"),
    "nothing": ("", "no label in it"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_a_label_is_refused_in_one_line(tmp_path, name) -> None:
    """Each names the line and the column."""
    text, message = BAD[name]
    path = tmp_path / "labels.csv"
    path.write_text(HEAD + text)
    with pytest.raises(DatasetError) as error:
        load_labels(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("labels.json", "{"),
        ("labels.json", "[3]"),
        ("labels.json", '{"a": 1}'),
        ("labels.json", '[{"session": "a"}]'),
        ("labels.json", "[" * 100_000),
        ("labels.csv", "session,color_seq\na,1\n"),
        ("labels.csv", 'session,"color'),
    ],
)
def test_what_is_not_a_file_of_labels_is_refused(tmp_path, name, text) -> None:
    """Neither table nor list; missing columns are named."""
    (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match="--labels"):
        load_labels(tmp_path / name)


def test_the_command_counts_the_labels(session, tmp_path, kincap) -> None:
    """``kincap build --labels`` prints them; a missing file is one line and exit 2."""
    path = tmp_path / "labels.csv"
    path.write_text(HEAD + f"a,2,{ID},head,150,60,2\n")
    words = ("build", "--recordings", session.recordings, "--dry-run", "--guard", "0")
    done = kincap(*words, "--labels", path)
    assert "labels given: 1, used 1, in kept rows 1" in done.stdout
    missing = kincap(*words, "--labels", tmp_path / "none.csv")
    assert missing.returncode == 2
    assert missing.stderr.strip().count("\n") == 0


def test_labels_of_a_net_have_their_weight_and_are_marked(session, tmp_path) -> None:
    """An optional weight counts in training; a net's label has a bit and judges no net."""
    head = HEAD.strip() + ",weight,filled_by\n"
    lines = [f"a,3,{ID},l_wrist,90,120,1,0.25,net", f"a,4,{ID},l_wrist,90,120,1,0.5,",
             f"a,5,{ID},l_wrist,90,120,1,,", f"a,59,{ID},l_wrist,90,120,1,0.75,net"]  # fmt: skip
    _, rows, bits = made(session, tmp_path, head + "\n".join(lines) + "\n", val=0.2)
    wrist = KEYPOINT["l_wrist"]
    weights = {seq: float(rows[seq]["weight"][wrist]) for seq in (3, 4, 5, 59)}
    # frame 59 is the last one of the validation part
    assert weights == {3: 0.25, 4: 0.5, 5: 1.0, 59: 0.0}
    filled = {seq for seq, row in rows.items()
              if row["keypoint_quality"][wrist] >> bits["filled"] & 1}  # fmt: skip
    assert filled == {3, 59}


@pytest.mark.parametrize("weight", ["1.5", "-0.1", "nan", "much"])
def test_a_weight_that_is_none_is_refused(session, tmp_path, weight: str) -> None:
    """The line is named."""
    path = tmp_path / "labels.csv"
    path.write_text(HEAD.strip() + f",weight\na,3,{ID},l_wrist,90,120,1,{weight}\n")
    with pytest.raises(DatasetError, match="line 2: weight .*expected a number from 0 to 1"):
        load_labels(path)
