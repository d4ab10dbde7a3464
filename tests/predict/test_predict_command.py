"""kincap predict as a person types it: sessions, videos, pictures; outputs and refusals."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from kincap.core.errors import KincapError, MissingPartError
from kincap.predict.accuracy.end_to_end import EndToEndSettings, end_to_end
from kincap.predict.export.export import ExportNetSettings, export_net
from kincap.predict.live.views import LiveSettings
from kincap.predict.outputs.frame_poses import FramePoses
from kincap.predict.outputs.pose_lines import PoseLines
from kincap.predict.predict import PredictSettings, predict
from kincap.predict.sources.session_frames import SessionSource
from kincap.train.checkpoint import load_checkpoint, save_checkpoint
from kincap.train.confidence import Calibration
from tests.predict.conftest import Waving

Lines = list[dict]
BOX = "box:106,57,108,132"
"""Place of the person in the first frame."""


def read_lines(path: Path) -> Lines:
    return [json.loads(line) for line in path.read_text().splitlines()]


def poses_of(lines: Lines, key: str = "keypoints") -> np.ndarray:
    return np.array([line["people"][0][key] for line in lines])


@pytest.fixture(scope="module")
def truth(waving: Waving) -> np.ndarray:
    """Return what the sensor says of the session, (N, 13, 2)."""
    source = SessionSource(waving.session)
    found = np.stack([frame.sensor[0].keypoints_px for frame in source.frames()])
    source.close()
    return found


@pytest.fixture(scope="module")
def video(waving: Waving, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the session as a video, 20 frames a second."""
    path = tmp_path_factory.mktemp("video") / "a.mp4"
    source = SessionSource(waving.session)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"crf": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for frame in source.frames():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.image, format="rgb24")))
        container.mux(stream.encode())
    source.close()
    return path


def near(lines: Lines, truth: np.ndarray) -> float:
    """Return the share of keypoints within 0.2 torso."""
    found = poses_of(lines)
    torso = np.hypot(*(truth[:, 1] - truth[:, 10]).T)
    return float((np.hypot(*(found - truth).transpose(2, 0, 1)) <= 0.2 * torso[:, None]).mean())


def test_a_session_gives_a_line_for_each_frame_and_a_drawn_video(
    waving: Waving, truth: np.ndarray, tmp_path: Path
) -> None:
    done = waving.kincap(
        "predict", "recordings/wave", "--weights", waving.net, "--poses", tmp_path / "p.jsonl",
        "--out", tmp_path / "p.mp4", "--coco", tmp_path / "p.json", "--sheet", tmp_path / "p.png",
        "--detect-every", 1, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["schema"] == "kincap/predict/1"
    assert report["frames"] == report["with_people"] == len(truth)
    lines = read_lines(tmp_path / "p.jsonl")
    assert [line["frame"] for line in lines] == list(range(len(truth)))
    assert {line["people"][0]["id"] for line in lines} == {1}
    assert near(lines, truth) > 0.9
    smoothed = poses_of(lines, "smoothed")
    assert not np.allclose(smoothed, poses_of(lines))
    with av.open(str(tmp_path / "p.mp4")) as drawn:
        frames = list(drawn.decode(video=0))
    assert len(frames) == len(truth)
    assert frames[-1].time == pytest.approx(lines[-1]["time_s"], abs=0.001)
    results = json.loads((tmp_path / "p.json").read_text())
    assert len(results) == len(truth)
    assert len(results[0]["keypoints"]) == 39
    assert cv2.imread(str(tmp_path / "p.png")).shape[1] > 1000


def test_an_exported_net_gives_the_poses_of_its_checkpoint_on_a_video(
    waving: Waving, truth: np.ndarray, video: Path, tmp_path: Path
) -> None:
    onnx = export_net(ExportNetSettings(waving.net, "onnx", tmp_path / "net.onnx")).out
    found = []
    for weights in (onnx, waving.net):
        poses = tmp_path / f"{weights.suffix}.jsonl"
        done = predict(
            PredictSettings(str(video), weights, detector=BOX, poses=poses, smooth=False)
        )
        lines = read_lines(poses)
        assert done.frames == len(lines) == len(truth)
        assert [line["time_s"] for line in lines[:3]] == pytest.approx([0, 0.05, 0.1], abs=1e-3)
        assert "smoothed" not in lines[0]["people"][0]
        found.append(poses_of(lines))
    assert near(lines[:1], truth[:1]) > 0.85
    assert np.abs(found[0] - found[1]).max() < 0.05


def test_a_mirrored_source_gives_poses_in_its_own_pixels(
    waving: Waving, truth: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / "mirrored"
    folder.mkdir()
    source = SessionSource(waving.session)
    chosen = range(0, len(truth), 60)
    for number, frame in enumerate(source.frames()):
        if number in chosen:
            cv2.imwrite(str(folder / f"{number:04d}.png"), frame.image[:, ::-1, ::-1])
    source.close()
    there = truth[list(chosen)].copy()
    there[..., 0] = 319 - there[..., 0]
    shares = {}
    for mirrored in (True, False):
        poses = tmp_path / f"{mirrored}.jsonl"
        predict(
            PredictSettings(
                str(folder), waving.net, detector=BOX, mirrored=mirrored, poses=poses,
            )
        )  # fmt: skip
        shares[mirrored] = near(read_lines(poses), there)
    assert shares[True] > 0.85
    assert shares[False] < shares[True] - 0.3


def test_every_second_frame_is_looked_at_and_all_have_a_line(
    waving: Waving, tmp_path: Path
) -> None:
    poses = tmp_path / "p.jsonl"
    done = predict(PredictSettings(str(waving.session), waving.net, every=2, poses=poses))
    lines = read_lines(poses)
    assert len(lines) == done.frames == 2 * done.looked_at
    assert [bool(line["people"]) for line in lines[:4]] == [True, False, True, False]
    assert done.ids == 1


def test_where_no_one_is_found_the_person_learns_why(waving: Waving, tmp_path: Path) -> None:
    sound = predict(PredictSettings(str(waving.session), waving.net))
    assert sound.with_people
    assert not any("no one" in note for note in sound.notes)
    source = "simulator:frames=6,pace=fast,acts=away@0-9"
    done = waving.kincap(
        "predict", source, "--weights", waving.net, "--poses", tmp_path / "p.jsonl"
    )
    assert done.returncode == 0, done.stderr
    assert "6 frames, 0 with people" in done.stdout
    assert "no one was found: the sensor saw no one" in done.stderr


def test_an_image_without_a_person_names_the_other_detectors(
    waving: Waving, tmp_path: Path
) -> None:
    never_sure = Calibration(np.full(13, -9.0), np.zeros(13))
    unsure = tmp_path / "unsure.ckpt"
    save_checkpoint(unsure, replace(load_checkpoint(waving.net), calibration=never_sure))
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((90, 160, 3), np.uint8))
    done = predict(PredictSettings(str(tmp_path / "a.png"), unsure))
    assert done.with_people == 0
    assert any("give --detector box:x,y,w,h" in note for note in done.notes)


def test_a_folder_goes_on_where_it_was(waving: Waving, tmp_path: Path) -> None:
    folder, poses = tmp_path / "pictures", tmp_path / "p.jsonl"
    folder.mkdir()
    for number in range(6):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((60, 60, 3), 40 * number, np.uint8))
    coco, sheet = tmp_path / "c.json", tmp_path / "s.png"
    settings = PredictSettings(str(folder), waving.net, poses=poses, coco=coco, sheet=sheet)
    predict(settings)
    lines = poses.read_text().splitlines(keepends=True)
    whole = [poses.read_bytes(), coco.read_bytes()]
    drawn = cv2.imread(str(sheet))
    found = json.loads(whole[1])
    assert [one["file_name"] for one in found] == [f"{n}.png" for n in range(6)]
    poses.write_text("".join(lines[:3]) + lines[3][:20])  # a run that was killed
    coco.write_text(json.dumps(found[:3]))  # or ended with Ctrl-C: its files end with it
    settings = replace(settings, resume=True)
    done = predict(settings)
    assert (done.skipped, done.frames) == (3, 3)
    assert [poses.read_bytes(), coco.read_bytes()] == whole
    again = cv2.imread(str(sheet))
    assert again.shape == drawn.shape
    # lines have two decimals of a pixel: edges of what is drawn may differ
    assert np.abs(again.astype(int) - drawn).mean() < 0.5

    # a picture that came since has a number before those that are done
    cv2.imwrite(str(folder / "0a.png"), np.zeros((60, 60, 3), np.uint8))
    assert predict(settings).frames == 1
    ids = {one["file_name"]: one["image_id"] for one in json.loads(coco.read_text())}
    assert ids == {"0.png": 0, "0a.png": 1, **{f"{n}.png": n + 1 for n in range(1, 6)}}
    for path, text in ((coco, b'[{"file_name": "x.png", "track_id": 1}]'), (sheet, b"mine")):
        path.write_bytes(text)
        with pytest.raises(KincapError, match=f"{path.name} exists; choose another name"):
            predict(settings)
        assert path.read_bytes() == text
        path.unlink()


def test_pictures_of_one_name_are_each_done_and_every_counts_those_done_before(
    waving: Waving, tmp_path: Path
) -> None:
    for folder in "abc":
        (tmp_path / folder).mkdir()
        for name in ("1.png", "ü.png"):
            picture = cv2.imencode(".png", np.zeros((61, 37, 3), np.uint8))[1]
            (tmp_path / folder / name).write_bytes(picture.tobytes())
    poses = tmp_path / "p.jsonl"
    settings = PredictSettings(str(tmp_path / "*" / "*.png"), waving.net, poses=poses, every=2)
    whole = predict(settings)
    assert (whole.frames, whole.looked_at) == (6, 3)
    lines = poses.read_text()
    poses.write_text("".join(lines.splitlines(keepends=True)[:3]))
    rest = predict(replace(settings, resume=True))
    assert (rest.skipped, rest.frames, rest.looked_at) == (3, 3, 1)
    assert poses.read_text() == lines


def test_a_damaged_line_is_named_and_the_file_stays(waving: Waving, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((20, 20, 3), np.uint8))
    poses = tmp_path / "p.jsonl"
    for text in ('{"frame":0,"image":"a.png"}\n{"fra\0\0\n{"frame":1', '{"frame":0}\n\n'):
        poses.write_text(text)
        settings = PredictSettings(str(tmp_path / "a.png"), waving.net, poses=poses, resume=True)
        with pytest.raises(KincapError, match=r"p.jsonl: line [12] is damaged or not about"):
            predict(settings)
        assert poses.read_text() == text


def test_a_full_disk_names_the_file_and_what_is_in_it(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="no limits of file sizes here")
    path = tmp_path / "p.jsonl"
    lines, before = PoseLines(path), resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        for number in range(5):
            lines.write(FramePoses(number, f"{number}.png", None, (64, 48), ()))
        long = FramePoses(5, 1000 * "x", None, (64, 48), ())
        with pytest.raises(KincapError, match="p.jsonl can't be written .* but for the last line"):
            lines.write(long)
        lines.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    again = PoseLines(path, resume=True)
    assert list(again.done) == [f"{number}.png" for number in range(5)]
    again.close()


def test_a_port_in_use_leaves_no_file_behind(waving: Waving, tmp_path: Path) -> None:
    settings = PredictSettings(
        str(waving.session), waving.net, poses=tmp_path / "p.jsonl", coco=tmp_path / "c.json",
        sheet=tmp_path / "s.png",
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as taken:
        live = LiveSettings(serve=True, port=taken.getsockname()[1])
        with pytest.raises(KincapError, match="--port"):
            predict(replace(settings, live=live))
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_whole_files(waving: Waving, video: Path, tmp_path: Path) -> None:
    poses, out = tmp_path / "p.jsonl", tmp_path / "p.mp4"
    running = subprocess.Popen(
        [
            sys.executable, "-m", "kincap", "predict", f"camera:{video}", "--weights",
            str(waving.net), "--poses", str(poses), "--out", str(out), "--json",
        ],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + 60
    while time.monotonic() < until and not (poses.exists() and poses.stat().st_size):
        time.sleep(0.05)
    time.sleep(0.3)
    running.send_signal(signal.SIGINT)
    told, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "Traceback" not in said
    report = json.loads(told)
    assert report["interrupted"]
    assert report["frames"] == len(read_lines(poses))
    with av.open(str(out)) as drawn:
        assert sum(1 for _ in drawn.decode(video=0)) == report["frames"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": "nothing.mp4"}, "nothing.mp4: no such file"),
        ({"detector": "hog"}, "--detector: there is no 'hog'"),
        ({"persons": 0}, "--persons: 0 is too few"),
        ({"out": Path("a.avi")}, "--out a.avi: expected a name that ends in .mp4"),
        ({"poses": Path("kinect13.h5")}, "not a file of poses of kincap"),
        ({"out": Path("there.mp4")}, "--out: there.mp4 exists"),
        ({"poses": Path("there.jsonl")}, "--poses: there.jsonl exists"),
        (
            {"poses": Path("x.json"), "coco": Path("x.json")},
            "--coco: x.json is the file of --poses",
        ),
        ({"poses": Path("x.mp4"), "out": Path("x.mp4")}, "--poses: x.mp4 is the file of --out too"),
        ({"resume": True}, "--resume: only for pictures"),
        ({"source": "camera:77"}, "camera:77"),
        ({"source": "pictures", "detector": "session"}, "is not a session"),
    ],
)
def test_bad_input_is_refused_and_writes_nothing(
    waving: Waving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    change: dict[str, object], said: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kinect13.h5").write_bytes((waving.folder / "kinect13.h5").read_bytes()[:100])
    (tmp_path / "there.mp4").write_bytes(b"a film")
    (tmp_path / "there.jsonl").write_text('{"frame":0,"people":[]}\n')
    (tmp_path / "pictures").mkdir()
    cv2.imwrite("pictures/a.png", np.zeros((20, 20, 3), np.uint8))
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    settings = PredictSettings(str(waving.session), waving.net)
    with pytest.raises(KincapError, match=re.escape(said)):
        predict(replace(settings, **change))
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_errors_are_one_line_with_their_exit_code(waving: Waving, tmp_path: Path) -> None:
    for name in ("w.ckpt", "w.onnx"):
        (tmp_path / name).write_bytes(b"nothing")
        done = waving.kincap("predict", "recordings/wave", "--weights", tmp_path / name)
        assert done.returncode == 2
        assert name in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    done = waving.kincap("predict", "camera:77", "--weights", waving.net)
    assert done.returncode == 3
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_the_filter_poses_are_raw_unless_smoothing_was_asked_for(
    waving: Waving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "OneEuroFilter", None)  # as if it were not installed
    settings = PredictSettings(str(waving.session), waving.net, poses=tmp_path / "p.jsonl")
    with pytest.raises(MissingPartError, match="pip install 'kincap"):
        predict(replace(settings, smooth=True))
    assert not (tmp_path / "p.jsonl").exists()
    done = predict(settings)
    assert done.unsmoothed
    assert "smoothed" not in read_lines(tmp_path / "p.jsonl")[0]["people"][0]


def test_a_net_without_numbers_is_refused_before_the_first_frame(
    waving: Waving, tmp_path: Path
) -> None:
    made = load_checkpoint(waving.net)
    name = next(iter(made.weights))
    too_large = torch.full_like(made.weights[name], 3e38)
    broken, poses = tmp_path / "broken.ckpt", tmp_path / "p.jsonl"
    save_checkpoint(broken, replace(made, weights={**made.weights, name: too_large}))
    with pytest.raises(KincapError, match=r"broken\.ckpt: the net gives no finite numbers"):
        predict(PredictSettings(str(waving.session), broken, poses=poses))
    assert not poses.exists()
    with pytest.raises(KincapError, match=r"broken\.ckpt: the net gives no finite numbers"):
        end_to_end(EndToEndSettings(broken, waving.session))
