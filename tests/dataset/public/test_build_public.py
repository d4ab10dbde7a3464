"""Build from real pictures of public sets, with the commands that a person types."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from kincap.core.errors import DatasetError
from kincap.core.skeleton import KEYPOINT
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.dataset.public.build import build_public
from kincap.dataset.public.settings import AddedSet, parse_added
from tests.dataset.conftest import crop_to_image
from tests.warm_start import run_kincap

from .conftest import DrawnPerson

Run = Callable[..., subprocess.CompletedProcess[str]]
SIZE = ("--size", 32)


@pytest.fixture(scope="module")
def adds(data_dir: Path) -> list[str]:
    """Arguments that add LSP-extended, PARSE and COCO."""
    paths = {"lspet": "lspet", "parse": "parse", "coco": "coco/by"}
    for path in paths.values():
        if not (data_dir / path).is_dir():
            pytest.skip(f"no {data_dir / path}")
    found = [f"{name}:{data_dir / path}" for name, path in paths.items()]
    found.append(f"coco:{data_dir / 'coco/restricted'}")
    return [word for value in found for word in ("--add", value)]


def test_three_sets_make_one_data_set_that_is_trained_on(
    adds: list[str], data_dir: Path, tmp_path: Path, kincap: Run
) -> None:
    counted = kincap("build", *adds, "--dry-run")
    assert counted.returncode == 0, counted.stderr
    lines = counted.stdout.splitlines()
    for words in (
        ("lspet", "280", "99"),
        ("coco", "crowd", "5"),
        ("parse", "10.0 %"),
        ("parse:", "14 people"),
    ):
        assert any(all(word in line for word in words) for line in lines), words
    assert not list(tmp_path.iterdir())
    done = kincap("build", *adds, "--out", "pretrain13.h5", *SIZE, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/build/1"
    people = {name: one["candidates"] for name, one in report["sets"].items()}
    assert people == {"coco": 60 + 87, "lspet": 280, "parse": 240}
    assert report["kept"] + sum(report["rejected"].values()) == 667
    assert report["sets"]["coco"]["rejected"]["crowd"] == 5
    assert report["sets"]["lspet"]["complete"] == 99
    shares = [c["left_share"] for one in report["sets"].values() for c in one["sides"]]
    assert all(0.1 <= share <= 0.5 for share in shares)
    # 340 people are labelled completely: a fifth of them is validation
    assert report["rows"] == {"train": report["splits"]["train"], "val": 68}
    with open_kinect13(tmp_path / "pretrain13.h5") as dataset:
        assert dataset.meta.sessions == ("coco", "lspet", "parse")
        check_lspet(dataset, loadmat(data_dir / "lspet" / "joints.mat")["joints"])
        check_split(dataset)
    page = Path(report["report"])
    assert page.name == "pretrain13.h5.html"
    shown = (tmp_path / page).read_text(encoding="utf-8")
    for reason in ("crowd: one label", "no_keypoints: no keypoint", "sides: its left and right"):
        assert f"<h3>{reason}" in shown
    train = ("--steps", 2, "--batch", 8, "--size", 32, "--out", "p.ckpt", "--json")
    learnt = run_kincap("pretrain", "--data", "pretrain13.h5", *train, cwd=tmp_path)
    assert learnt.returncode == 0, learnt.stderr
    scored = run_kincap("evaluate", "p.ckpt", "--data", "pretrain13.h5", "--json", cwd=tmp_path)
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["samples"] == 68


def check_lspet(dataset, joints: np.ndarray) -> None:
    """Compare rows with the file of labels: only the third value tells what is labelled."""
    for name in dataset.splits:
        rows = dataset.split(name)
        mine = rows.session == dataset.meta.sessions.index("lspet")
        person = rows.color_seq[mine].astype(int)
        for keypoint, joint in (("r_ankle", 0), ("l_shoulder", 9)):
            k = KEYPOINT[keypoint]
            labelled = joints[joint, 2, person] == 1
            assert np.array_equal(rows.weight[mine][:, k] > 0, labelled)
            back = crop_to_image(rows.keypoints_px[mine], rows.bbox_xyxy_px[mine], rows.size)
            wanted = joints[joint, :2, person] - 1
            assert np.abs(back[labelled, k] - wanted[labelled]).max() < 0.01
    assert (joints[:, :2] < 0).any()


def check_split(dataset) -> None:
    """No picture is in both splits; validation people have all keypoints; times are unknown."""
    seen = {}
    for name in ("train", "val"):
        rows = dataset.split(name)
        assert np.isnan(rows.time_s).all()
        assert not rows.tracking_id.any()
        seen[name] = set(zip(rows.session.tolist(), rows.color_seq.tolist(), strict=True))
        assert np.array_equal(rows.weight > 0, rows.visibility > 0)
        order = np.lexsort((rows.color_seq, rows.session))
        assert np.array_equal(order, np.arange(len(order)))
    assert not seen["train"] & seen["val"]
    assert (dataset.split("val").weight == 1).all()
    assert (dataset.split("train").weight == 0).any()


def test_killed_it_goes_on_to_the_same_bytes(adds: list[str], tmp_path: Path, kincap: Run) -> None:
    args = ("build", *adds, *SIZE, "--json")
    whole = kincap(*args, "--out", "whole.h5", "--workers", 1)
    assert whole.returncode == 0, whole.stderr
    killed = kincap(*args, "--out", "set.h5", "--workers", 1, KINCAP_FAULTS="write:kill:400")
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "set.h5").exists()
    resumed = kincap(*args, "--out", "set.h5", "--workers", 2)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["resumed_rows"] == 256
    assert (tmp_path / "set.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


@pytest.fixture
def lspet(data_dir: Path, tmp_path: Path) -> Path:
    """A copy of LSP-extended that may be damaged."""
    shutil.copytree(data_dir / "lspet", tmp_path / "lspet", copy_function=shutil.copyfile)
    for path in (tmp_path / "lspet").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return tmp_path / "lspet"


def test_missing_and_damaged_pictures_are_named_or_left_out(
    lspet: Path, tmp_path: Path, kincap: Run
) -> None:
    picture = lspet / "images" / "im00005.jpg"
    whole = picture.read_bytes()
    build = ("build", "--add", "lspet:lspet", "--out", "set.h5", *SIZE)
    picture.unlink()
    gone = kincap(*build)
    assert gone.returncode == 2
    assert one_line(gone).startswith("kincap: lspet/images/im00005.jpg: No such file")
    picture.write_bytes(whole[:-2000])
    broken = kincap(*build)
    assert broken.returncode == 1
    assert "im00005.jpg" in one_line(broken)
    assert {path.name for path in tmp_path.iterdir()} == {"lspet", "set.h5.lock"}
    huge = bytearray(whole)
    at = huge.index(b"\xff\xc0") + 5
    huge[at : at + 4] = (30000).to_bytes(2) * 2
    picture.write_bytes(huge)
    large = kincap(*build)
    assert large.returncode == 2
    assert "30000x30000 pixels" in one_line(large)
    skipped = kincap(*build, "--skip-damaged", "--json")
    assert skipped.returncode == 0, skipped.stderr
    report = json.loads(skipped.stdout)
    assert report["rejected"]["damaged"] == 1
    assert report["kept"] + sum(report["rejected"].values()) == 280


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return what a failed command said, which is one line."""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert done.stdout == ""
    return lines[0]


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (("--add", "lspet:nowhere"), "nowhere: no such file or folder"),
        (("--add", "lspet:x", "--sessions", "*"), "--sessions: about recordings"),
        (("--add", "lspet:x", "--no-swap-back"), "--swap-back: about recordings"),
        (("--boxes", "found.json"), "--boxes found.json: only for public sets"),
        (("--add", "coco:instances.json"), "instances.json: a COCO file without keypoints"),
        (("--add", "lspet:other.mat"), "other.mat: no variable 'joints' (it has points)"),
    ],
)
def test_a_bad_request_is_one_line_and_writes_nothing(tmp_path, kincap, args, named) -> None:
    (tmp_path / "instances.json").write_text(
        '{"images": [], "annotations": [], "categories": [{"id": 1, "name": "person"}]}'
    )
    savemat(tmp_path / "other.mat", {"points": np.zeros((14, 3, 2))})
    before = sorted(tmp_path.iterdir())
    done = kincap("build", *args)
    assert done.returncode == 2
    assert named in one_line(done)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("lspet", "--add lspet: expected SET:PATH"),
        ("nosuch:x", "--add nosuch:x: expected SET:PATH"),
        ("lspet:", "--add lspet:: expected SET:PATH"),
        ("lspet,head=ears:x", "lspet has no option 'head'"),
        ("coco,head=nose:x", "head is one of ears, face"),
        ("lsp,least=14:x", "least is a number from 1 to 13"),
        ("lsp,head_up=1e9:x", "head_up is a number from -0.5 to 0.5"),
    ],
)
def test_a_bad_set_is_named(text: str, named: str) -> None:
    with pytest.raises(DatasetError) as caught:
        parse_added([text])
    assert named in str(caught.value)


def test_sets_and_options_are_read() -> None:
    first, second = parse_added(["lspet,sides=unchecked:C:\\data", "coco,head=face:a:b"])
    assert (first.name, str(first.path), first.options.head) == ("coco", "a:b", "face")
    assert (second.name, str(second.path)) == ("lspet", "C:\\data")
    assert second.options.sides == "unchecked"


def test_people_with_few_keypoints_are_left_out_and_heads_are_moved(
    people_folder, settings, tmp_path: Path
) -> None:
    few = DrawnPerson("few.png", without=tuple(name for name in KEYPOINT if name != "head"))
    folder = people_folder(few, *(DrawnPerson(f"{k}.png") for k in range(6)))
    plain = build_public(settings(out=tmp_path / "plain.h5"))
    assert plain.kept == 7
    (added,) = parse_added([f"people,sides=unchecked,least=2,head_up=0.5:{folder}"])
    moved = build_public(settings(add=(added,), out=tmp_path / "moved.h5"))
    assert moved.rejected["few_keypoints"] == 1
    points = DrawnPerson("0.png").points()
    up = (points[[1, 4]].mean(axis=0) - points[[7, 10]].mean(axis=0)) / 2
    with open_kinect13(tmp_path / "moved.h5") as dataset:
        rows = dataset.split("val")
        back = crop_to_image(rows.keypoints_px, rows.bbox_xyxy_px, rows.size)
    assert np.abs(back[:, 0] - (points[0] + up)).max() < 0.01
    assert np.abs(back[:, 5] - points[5]).max() < 0.01


def test_a_file_of_labels_is_added_once(people_folder, settings, tmp_path: Path) -> None:
    folder = people_folder(*(DrawnPerson(f"{k}.png") for k in range(6)))
    twice = parse_added([f"people:{folder}", f"people:{folder}/people.json"])
    with pytest.raises(DatasetError, match=r"people\.json was added before"):
        build_public(settings(add=twice))


def test_without_scipy_a_mat_file_is_exit_3(data_dir: Path, tmp_path: Path, kincap: Run) -> None:
    (tmp_path / "scipy.py").write_text("raise ImportError")
    done = kincap("build", "--add", f"lspet:{data_dir / 'lspet'}", PYTHONPATH=str(tmp_path))
    assert done.returncode == 3
    assert "pip install 'kincap[formats]'" in one_line(done)


def test_sets_with_wrong_sides_are_refused_unless_taken_unchecked(
    people_folder, settings, tmp_path: Path
) -> None:
    people_folder(*(DrawnPerson(f"{k}.png", x=40 + k / 2) for k in range(60)))
    added = (AddedSet("people", tmp_path / "people"),)
    with pytest.raises(DatasetError, match="left and right are exchanged") as caught:
        build_public(settings(add=added, dry_run=True))
    assert "--add people,sides=unchecked:" in str(caught.value)
    assert "exchanged" in build_public(settings(dry_run=True)).warnings[0]


def test_another_picture_or_another_label_is_another_plan(
    people_folder, settings, tmp_path: Path
) -> None:
    people_folder(*(DrawnPerson(f"{k}.png") for k in range(8)))
    first = build_public(settings()).sha256
    assert build_public(settings(workers=2)).sha256 == first
    people_folder(*(DrawnPerson(f"{k}.png", half=31 if k == 5 else 30) for k in range(8)))
    second = build_public(settings()).sha256
    assert second != first
    people_folder.draw(DrawnPerson("0.png"))
    assert build_public(settings()).sha256 not in (first, second)
