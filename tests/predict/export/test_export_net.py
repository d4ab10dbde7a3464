"""Export of checkpoints: each format gives torch's answers, in its own runtime."""

import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from kincap.core.errors import KincapError
from kincap.core.skeleton import KEYPOINTS_13
from kincap.dataset.kinect13.reader import write_kinect13
from kincap.engines.onnx_engine import OnnxPoseEngine, to_pixels
from kincap.predict.deployed_net import torch_engine
from kincap.predict.export.export import ExportNetSettings, export_net
from kincap.predict.export.int8 import after_softmax
from kincap.predict.load_engine import load_engine
from kincap.train.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from kincap.train.confidence import Calibration
from kincap.train.finetune import finetune
from kincap.train.nets.registry import build_net
from kincap.train.settings import TrainOptions
from tests.train.conftest import draw_figures

Run = Callable[..., subprocess.CompletedProcess[str]]


def save_net(folder: Path, model: str, size: int, *, calibrated: bool = False) -> Path:
    """Save a checkpoint with fresh weights, sharper maps than those of a fresh net."""
    torch.manual_seed(1)
    net = build_net(model, 1 / 8, size)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    if model == "compact":
        weights["maps.weight"] *= 20
    checkpoint = Checkpoint(
        model=model, width=1 / 8, size=size, weights=weights,
        mean_pose=torch.full((13, 2), 0.5), mirror_training=True,
    )  # fmt: skip
    if calibrated:
        checkpoint = replace(
            checkpoint, calibration=Calibration(np.linspace(-4, -3, 13), np.full(13, -1.5))
        )
    path = folder / f"{model}.ckpt"
    save_checkpoint(path, checkpoint)
    return path


@pytest.fixture(scope="module")
def compact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_net(tmp_path_factory.mktemp("compact"), "compact", 32, calibrated=True)


@pytest.fixture(scope="module")
def exported(compact: Path) -> Path:
    return export_net(ExportNetSettings(compact, "onnx")).out


def crops_of(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, size, size, 3), np.uint8)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_onnx_file_gives_the_poses_of_torch(compact: Path, exported: Path, count: int) -> None:
    crops = crops_of(count, 32)
    wanted = torch_engine(load_checkpoint(compact), torch.device("cpu")).poses(crops)
    found = OnnxPoseEngine(exported).poses(crops)
    assert found.coords.shape == (count, 13, 2)
    np.testing.assert_allclose(found.coords, wanted.coords, atol=1e-4)
    np.testing.assert_allclose(found.confidence, wanted.confidence, atol=1e-4)
    if count:
        assert 0 < found.confidence.min() < found.confidence.max() < 1


def test_the_file_is_one_and_says_what_it_is(exported: Path) -> None:
    assert [path.name for path in exported.parent.iterdir() if "onnx" in path.name] == [
        "compact.onnx"
    ]
    model = onnx.load(str(exported), load_external_data=False)
    onnx.checker.check_model(model)
    meta = json.loads({entry.key: entry.value for entry in model.metadata_props}["kincap"])
    assert meta["schema"] == "kincap/net/1"
    assert meta["keypoints"] == list(KEYPOINTS_13.points)
    assert meta["flip"] == KEYPOINTS_13.flip.tolist()
    assert (meta["size"], meta["calibrated"]) == (32, True)
    session = onnxruntime.InferenceSession(str(exported), providers=["CPUExecutionProvider"])
    assert [(one.name, one.shape) for one in session.get_inputs()] == [("pixels", ["N", 3, 32, 32])]
    assert [one.name for one in session.get_outputs()] == ["coords", "confidence"]


@pytest.fixture(scope="module")
def figures_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of noise: only its pictures are looked at."""
    rng = np.random.default_rng(2)
    fields = {
        "images": rng.integers(0, 256, (20, 48, 48, 3), np.uint8),
        "keypoints_px": rng.uniform(5, 40, (20, 13, 2)).astype(np.float32),
        "visibility": np.full((20, 13), 2, np.uint8),
        "weight": np.ones((20, 13), np.float32),
        "bbox_xyxy_px": np.tile(np.array([9.5, 9.5, 57.5, 57.5], np.float32), (20, 1)),
    }
    path = tmp_path_factory.mktemp("noise") / "kinect13.h5"
    return write_kinect13(path, {"train": fields, "val": fields})


@pytest.mark.parametrize(("model", "size"), [("linna", 48), ("ucsd-baseline1", 32)])
def test_nets_without_maps_are_exported_too(tmp_path: Path, model: str, size: int) -> None:
    done = export_net(ExportNetSettings(save_net(tmp_path, model, size), "onnx"))
    assert done.difference <= 1e-4
    found = OnnxPoseEngine(done.out).poses(crops_of(2, size))
    if model == "linna":
        assert (found.confidence == 1).all()
    else:
        assert 0 < found.confidence.min() < found.confidence.max() < 1


def test_response_norms_that_count_are_exported_without_a_slow_power(tmp_path: Path) -> None:
    path = save_net(tmp_path, "linna", 48)
    loaded = load_checkpoint(path)
    # fresh weights give responses so small that the norm is a constant
    weights = {**loaded.weights, "features.0.weight": 300 * loaded.weights["features.0.weight"]}
    path.unlink()
    save_checkpoint(path, replace(loaded, weights=weights))
    done = export_net(ExportNetSettings(path, "onnx"))
    crops = crops_of(4, 48)
    wanted = torch_engine(load_checkpoint(path), torch.device("cpu")).poses(crops).coords
    np.testing.assert_allclose(OnnxPoseEngine(done.out).poses(crops).coords, wanted, atol=1e-4)
    names = {node.op_type for node in onnx.load(str(done.out)).graph.node}
    assert "Pow" not in names
    # the same without norms: they do count
    net = load_checkpoint(path).build().eval()
    plain = nn.Sequential(
        *(one for one in net.features if not isinstance(one, nn.LocalResponseNorm))
    )
    net.features = plain
    with torch.inference_mode():
        other = net(torch.from_numpy(to_pixels(crops))).coords.numpy()
    assert np.abs(other - wanted).max() > 1e-2


def test_torchscript_gives_the_poses_of_torch(compact: Path, tmp_path: Path) -> None:
    done = export_net(ExportNetSettings(compact, "torchscript", tmp_path / "net.pt"))
    assert done.difference <= 1e-4
    extra = {"kincap": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls its own format deprecated
        module = torch.jit.load(str(done.out), _extra_files=extra)
    assert json.loads(extra["kincap"])["size"] == 32
    coords, confidence = module(torch.zeros(1, 3, 32, 32))
    assert coords.shape == (1, 13, 2)
    assert confidence.shape == (1, 13)


@pytest.mark.skipif(sys.platform == "win32", reason="no limit of the size of files there")
def test_a_file_that_can_not_be_written_is_named_and_nothing_is_left(
    compact: Path, tmp_path: Path
) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    settings = ExportNetSettings(compact, "torchscript", tmp_path / "net.pt")
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
        with pytest.raises(KincapError, match=r"^--out: .*net\.\w+ can't be written") as caught:
            export_net(settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_half_as_large_and_near(tmp_path: Path) -> None:
    weights = save_net(tmp_path, "linna", 48)
    whole = export_net(ExportNetSettings(weights, "onnx", tmp_path / "whole.onnx"))
    half = export_net(ExportNetSettings(weights, "onnx", tmp_path / "half.onnx", half=True))
    assert half.bytes < 0.52 * whole.bytes
    assert 0 < half.difference <= 2e-3
    found = OnnxPoseEngine(half.out).poses(crops_of(2, 48))
    assert found.coords.dtype == np.float32


def test_crops_of_a_data_set_check_the_file(
    compact: Path, figures_h5: Path, tmp_path: Path, kincap: Run
) -> None:
    done = kincap(
        "export", compact, "--format", "onnx", "--out", tmp_path / "a.onnx", "--data", figures_h5,
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["checked_on"] == "kinect13.h5, val"
    assert report["crops"] == 20
    assert report["difference"] <= 1e-4


@pytest.mark.parametrize("half", [False, True])
def test_openvino_gives_the_poses_of_torch(compact: Path, tmp_path: Path, half: bool) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    done = export_net(ExportNetSettings(compact, "openvino", tmp_path / "net.xml", half=half))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.bin", "net.xml"]
    crops = crops_of(3, 32)
    wanted = torch_engine(load_checkpoint(compact), torch.device("cpu")).poses(crops)
    found = load_engine(done.out).poses(crops)
    np.testing.assert_allclose(found.coords, wanted.coords, atol=2e-3 if half else 1e-4)
    np.testing.assert_allclose(found.confidence, wanted.confidence, atol=1e-2 if half else 1e-4)
    assert load_engine(done.out).poses(crops[:0]).coords.shape == (0, 13, 2)


def test_openvino_sends_nothing(compact: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    lines = f"""
import sys
asked = []
sys.addaudithook(lambda event, _: asked.append(event) if event.startswith("socket.") else None)
from pathlib import Path
from kincap.predict.export.export import ExportNetSettings, export_net
from kincap.predict.export.int8 import after_softmax
from kincap.predict.load_engine import load_engine
export_net(ExportNetSettings(Path({str(compact)!r}), "openvino", Path({str(tmp_path / "a.xml")!r})))
print([event for event in asked if event != "socket.__new__"], "openvino" in sys.modules,
      [name for name in sys.modules if name.startswith("openvino_telemetry")])
"""
    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split("\n")[-2] == "[] True []"


@pytest.fixture(scope="module")
def learned(figures_13_h5: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a net that finds the keypoints of stick figures roughly."""
    folder = tmp_path_factory.mktemp("learned")
    options = TrainOptions(
        figures_13_h5, folder / "net.ckpt", folder / "runs", model="compact", width=0.5, size=32,
        steps=60, batch=16,
    )  # fmt: skip
    finetune(options, None)
    return folder / "net.ckpt"


@pytest.fixture(scope="module")
def figures_13_h5(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of stick figures."""
    path = tmp_path_factory.mktemp("figures") / "kinect13.h5"
    return write_kinect13(
        path, {"train": draw_figures(300, seed=1), "val": draw_figures(100, seed=2)}
    )


def test_int8_keeps_pck_and_leaves_the_softmax_alone(
    learned: Path, figures_13_h5: Path, tmp_path: Path
) -> None:
    out = tmp_path / "int8.onnx"
    done = export_net(ExportNetSettings(learned, "onnx", out, figures_13_h5, int8=True))
    assert done.pck is not None
    before, after = done.pck
    assert before > 5
    assert after >= before - 0.5
    graph = onnx.load(str(out)).graph
    made = {name: node.op_type for node in graph.node for name in node.output}
    softmaxes = [node for node in graph.node if node.op_type == "Softmax"]
    assert softmaxes
    later = after_softmax(onnx.load(str(out)))
    assert not [n for n in graph.node if n.name in later and "Linear" in n.op_type]
    assert "QuantizeLinear" in made.values()
    assert OnnxPoseEngine(out).meta["precision"] == "int8"


def test_int8_that_loses_too_much_is_refused(
    learned: Path, figures_13_h5: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kincap.predict.export.export.MOST_LOSS_POINTS", -100.0)
    settings = ExportNetSettings(learned, "onnx", tmp_path / "a.onnx", figures_13_h5, int8=True)
    with pytest.raises(KincapError, match=r"PCK@0\.1 falls from"):
        export_net(settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "caffe"}, "--format: there is no 'caffe'"),
        ({"out": Path("net.bin")}, "must end in .onnx"),
        ({"format": "torchscript", "half": True}, "--half: only for --format onnx"),
        ({"format": "openvino", "int8": True}, "--int8: only for --format onnx"),
        ({"int8": True}, "--int8: needs --data"),
        ({"weights": Path("gone.ckpt")}, "gone.ckpt"),
    ],
)
def test_bad_settings_are_refused(
    compact: Path, tmp_path: Path, change: dict[str, object], said: str
) -> None:
    settings = ExportNetSettings(compact, "onnx", tmp_path / "new.onnx")
    if isinstance(change.get("out"), Path):
        change = {"out": tmp_path / str(change["out"])}
    with pytest.raises(KincapError, match=said):
        export_net(replace(settings, **change))
    assert list(tmp_path.iterdir()) == []


def test_a_file_beside_the_checkpoint_is_not_replaced_unasked(
    exported: Path, compact: Path
) -> None:
    before = exported.read_bytes()
    with pytest.raises(KincapError, match="exists; name another file"):
        export_net(ExportNetSettings(compact, "onnx"))
    assert exported.read_bytes() == before


def test_a_net_that_gives_nan_is_not_written(compact: Path, tmp_path: Path) -> None:
    broken = load_checkpoint(compact)
    weights = {name: value.clone() for name, value in broken.weights.items()}
    weights["maps.weight"][0] = float("inf")
    path = tmp_path / "broken.ckpt"
    save_checkpoint(path, replace(broken, weights=weights))
    with pytest.raises(KincapError):
        export_net(ExportNetSettings(path, "onnx"))
    assert not path.with_suffix(".onnx").exists()
