"""kincap export: labels and pictures of every format, and a folder that is whole or not there."""

import contextlib
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.export.export import ExportSettings, export
from kincap.dataset.export.picture_names import parse_name
from kincap.dataset.export.registry import EXPORT_FORMATS, find_formats
from kincap.dataset.kinect13.reader import open_kinect13
from tests.dataset.export.conftest import DataSet
from tests.dataset.export.independent import LOSSES, PARSERS

Run = Callable[..., subprocess.CompletedProcess[str]]


def test_every_format_has_a_parser_that_knows_nothing_of_kincap() -> None:
    assert sorted(PARSERS) == sorted(EXPORT_FORMATS)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_a_format_keeps_points_and_visibility(name: str, data_set: DataSet, tmp_path: Path) -> None:
    done = export(ExportSettings(data_set.path, name, tmp_path / "out", pictures="none"))
    assert done.splits == {
        "train": {"pictures": 6, "people": 6},
        "val": {"pictures": 3, "people": 3},
    }
    people = list(PARSERS[name](tmp_path / "out"))
    assert sorted(picture for picture, *_ in people) == sorted(data_set.points)
    for picture, points, visibility in people:
        expected = data_set.visibility[picture]
        at = data_set.points[picture]
        if "visibility" in LOSSES.get(name, ()):
            expected = np.minimum(expected, 1)
        if "outside" in LOSSES.get(name, ()):
            at = at.clip(-0.5, 63.5)
        assert visibility.tolist() == expected.tolist()
        labelled = expected > 0
        np.testing.assert_allclose(points[labelled], at[labelled], atol=1e-4)


@pytest.mark.parametrize("name", EXPORT_FORMATS)
def test_pictures_are_where_the_labels_say(name: str, data_set: DataSet, tmp_path: Path) -> None:
    export(ExportSettings(data_set.path, name, tmp_path / "out", ("val",), pictures="png"))
    found = {path.stem: path for path in (tmp_path / "out").rglob("*.png")}
    assert sorted(found) == sorted(name for name in data_set.points if name.startswith("set-val"))
    with open_kinect13(data_set.path) as data:
        images = data.split("val").images(range(3))
    for picture, image in zip([n for n in data_set.points if "val" in n], images, strict=True):
        np.testing.assert_array_equal(cv2.imread(str(found[picture]))[..., ::-1], image)
    assert (tmp_path / "out" / "labels.csv").is_file()


def test_coco_is_evaluated_by_pycocotools_as_its_own_result(
    data_set: DataSet, tmp_path: Path
) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    export(ExportSettings(data_set.path, "coco", tmp_path / "out", pictures="none"))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(tmp_path / "out" / "annotations" / "train.json"))
        people = truth.loadAnns(truth.getAnnIds())
        results = [
            {key: one[key] for key in ("image_id", "category_id", "keypoints")} | {"score": 0.9}
            for one in people
        ]
        evaluation = COCOeval(truth, truth.loadRes(results), "keypoints")
        evaluation.params.kpt_oks_sigmas = np.full(13, 0.05)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    assert evaluation.stats[0] == pytest.approx(1.0)
    assert min(one["area"] for one in people) > 0
    assert min(one["id"] for one in people) == 1


def test_a_name_leads_back_to_the_colour_image() -> None:
    name = "cloth.ing-3__f1234__p72057594037927940__x412_y-8_s540"
    for path in (f"{name}.jpg", f"images/train/{name}.PNG", f"up\\{name}.jpeg", name):
        found = parse_name(path)
        assert found is not None
        assert found.text() == name
    uploaded = parse_name(f"1a2b3c4d-{name}.jpg")
    assert uploaded is not None
    assert uploaded.is_of("cloth.ing-3")
    assert not uploaded.is_of("ing-3")
    assert found.session == "cloth.ing-3"
    assert (found.color_seq, found.tracking_id) == (1234, 72057594037927940)
    # the first and the last pixel's centre of a picture half as large
    points = found.to_image(np.array([[0.0, 0.0], [269.0, 269.0]]), (270, 270))
    np.testing.assert_allclose(points, [[412.5, -7.5], [950.5, 530.5]])


@pytest.mark.parametrize(
    "path",
    ["picture.jpg", "a__f1__p2__x1_y2_s0.jpg", "a__f1__p99999999999999999999__x1_y2_s3.jpg",
     "../x__f1__p2__x1_y2_s.jpg", "a b__f1__p2__x1_y2_s3.jpg"],
)  # fmt: skip
def test_other_names_lead_nowhere(path: str) -> None:
    assert parse_name(path) is None


def test_rows_with_one_name_get_different_pictures(data_set: DataSet, tmp_path: Path) -> None:
    from kincap.dataset.export.picture_names import picture_names

    same = np.zeros(3, np.uint64)
    names = picture_names(["a", "a", "A"], same, same, np.tile([0, 0, 9.0, 9], (3, 1)) - 0.5)
    assert len({name.lower() for name in names}) == 3
    assert [parse_name(name) for name in names[:2]] == [parse_name(names[0])] * 2


def test_a_folder_that_an_export_made_is_replaced_while_it_is_unchanged(
    data_set: DataSet, tmp_path: Path
) -> None:
    settings = ExportSettings(data_set.path, "coco", tmp_path / "out")
    export(settings)
    export(settings)
    labels = tmp_path / "out" / "annotations" / "val.json"
    labels.write_text(labels.read_text() + " ")
    with pytest.raises(DatasetError, match=r"annotations/val\.json in it was changed"):
        export(settings)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("there", ["file", "folder", "link", "extra"])
def test_what_an_export_did_not_make_is_refused(
    there: str, data_set: DataSet, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    if there == "file":
        out.write_text("mine")
    elif there == "folder":
        out.mkdir()
        (out / "mine.txt").write_text("mine")
    elif there == "link":
        (tmp_path / "other").mkdir()
        out.symlink_to(tmp_path / "other")
    else:
        export(ExportSettings(data_set.path, "csv", out))
        (out / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="--out"):
        export(ExportSettings(data_set.path, "csv", out))
    if there in ("folder", "extra"):
        assert (out / "mine.txt").read_text() == "mine"


def test_an_empty_folder_is_used(data_set: DataSet, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    export(ExportSettings(data_set.path, "csv", tmp_path / "out"))
    assert (tmp_path / "out" / "labels.csv").is_file()


def test_an_interrupted_export_leaves_nothing_half_written(
    data_set: DataSet, tmp_path: Path
) -> None:
    whole = data_set.path.read_bytes()
    cut = tmp_path / "cut.h5"
    cut.write_bytes(whole)
    stopped = []

    def stop(done: int, total: int, note: str) -> None:
        stopped.append(note)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(ExportSettings(cut, "coco", tmp_path / "out"), stop)
    assert stopped
    assert [path.name for path in tmp_path.iterdir()] == ["cut.h5"]


def test_a_data_set_that_is_cut_short_is_refused(data_set: DataSet, tmp_path: Path) -> None:
    cut = tmp_path / "cut.h5"
    cut.write_bytes(data_set.path.read_bytes()[:-9000])
    with pytest.raises(DatasetError, match=r"cut\.h5"):
        export(ExportSettings(cut, "coco", tmp_path / "out"))
    assert [path.name for path in tmp_path.iterdir()] == ["cut.h5"]


def test_the_command_exports_and_says_what(data_set: DataSet, tmp_path: Path, kincap: Run) -> None:
    done = kincap("export", data_set.path, "--format", "coco", "--out", "out", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["schema"] == "kincap/export/1"
    assert said["splits"]["val"] == {"pictures": 3, "people": 3}
    assert sum(said["keypoints"].values()) == 9 * 13
    assert (tmp_path / "out" / "images" / "val").is_dir()


def test_bad_usage_is_one_line_and_nothing_is_written(
    data_set: DataSet, tmp_path: Path, kincap: Run
) -> None:
    done = kincap("export", data_set.path, "--format", "cocoa", "--out", "out")
    assert done.returncode == 2
    assert "--format: there is no 'cocoa'; choose one of coco, csv, cvat" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"splits": ("test",)}, "--split test"),
        ({"pictures": "gif"}, "--pictures: 'gif'"),
        ({"out": Path("no/where")}, "there is no folder no"),
        ({"data": Path("nothing.h5")}, "nothing.h5"),
    ],
)
def test_bad_settings_are_refused_and_nothing_is_written(
    changed: dict[str, object], says: str, data_set: DataSet, tmp_path: Path
) -> None:
    settings = ExportSettings(data_set.path, "csv", tmp_path / "out")
    with pytest.raises(DatasetError, match=says):
        export(replace(settings, **changed))
    assert list(tmp_path.iterdir()) == []


def test_a_format_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text('ABOUT: Final[str] = "mine"\n')
    (tmp_path / "other.py").write_text("X = 1\n")
    assert {name: one.about for name, one in find_formats(tmp_path).items()} == {"mine": "mine"}
