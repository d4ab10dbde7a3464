"""The examples that use an exported net without kincap: in Python, and in a real browser."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from kincap.engines.onnx_engine import OnnxPoseEngine
from kincap.predict.export.export import ExportNetSettings, export_net
from kincap.train.checkpoint import Checkpoint, save_checkpoint
from kincap.train.nets.registry import build_net
from tests.review.browser import FLAGS, chromium

EXAMPLES = Path(__file__).parents[2] / "examples"
SIZE = 64
RUNTIME = "ort.wasm.min.mjs"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page's folder with a net and a picture of the net's size in it."""
    made = tmp_path_factory.mktemp("page") / "web"
    shutil.copytree(EXAMPLES / "web", made, ignore=shutil.ignore_patterns("ort", "*.onnx"))
    torch.manual_seed(3)
    net = build_net("compact", 1 / 4, SIZE)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    weights["maps.weight"] *= 3000
    checkpoint = Checkpoint("compact", 1 / 4, SIZE, weights, torch.full((13, 2), 0.5), True)
    save_checkpoint(made / "net.ckpt", checkpoint)
    export_net(ExportNetSettings(made / "net.ckpt", "onnx"))
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 256, (8, 8, 3), np.uint8)
    cv2.imwrite(str(made / "person.png"), coarse.repeat(8, axis=0).repeat(8, axis=1))
    return made


def wanted(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return coords (13, 2) in pixels of the picture, and confidences (13,)."""
    picture = cv2.imread(str(folder / "person.png"))[..., ::-1]
    found = OnnxPoseEngine(folder / "net.onnx").poses(np.ascontiguousarray(picture)[None])
    assert found.coords.std(axis=1).min() > 0.05  # another picture would give another pose
    return found.coords[0] * SIZE - 0.5, found.confidence[0]


def test_python_with_onnxruntime_alone_gives_the_pose(folder: Path) -> None:
    lines = [
        line
        for line in (EXAMPLES / "onnx_pose.py").read_text().split('"""')[2].splitlines()
        if line and not line.startswith("import")
    ]
    assert len(lines) <= 20
    done = subprocess.run(
        [sys.executable, EXAMPLES / "onnx_pose.py", folder / "net.onnx", folder / "person.png"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    found = np.array([row[1:3] for row in rows], float)
    assert [row[0] for row in rows][:2] == ["head", "r_shoulder"]
    np.testing.assert_allclose(found, wanted(folder)[0], atol=0.06)


def runtime() -> Path:
    """Return the folder of onnxruntime-web's files, or skip."""
    named = os.environ.get("KINCAP_TEST_ORT_WEB")
    found = Path(named) if named else EXAMPLES / "web" / "ort"
    if not (found / RUNTIME).is_file():
        pytest.skip("no onnxruntime-web: examples/web/serve.py says how to fetch it")
    return found


def test_the_page_gives_the_same_pose_in_a_real_browser(folder: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path, there = chromium(), runtime()
    (folder / "ort").mkdir(exist_ok=True)
    for name in (RUNTIME, "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"):
        shutil.copyfile(there / name, folder / "ort" / name)
    spec = importlib.util.spec_from_file_location("serve_example", folder / "serve.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    server = module.serve(folder, 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            tab = browser.new_page()
            complaints: list[str] = []
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            tab.on("console", lambda message: complaints.append(message.text))
            tab.goto(f"http://127.0.0.1:{server.server_port}/")
            tab.wait_for_function(
                "() => document.getElementById('state').textContent.startsWith('Ready')"
            )
            tab.set_input_files("#file", str(folder / "person.png"))
            tab.wait_for_function(
                "() => document.getElementById('state').textContent.startsWith('Done')"
            )
            text = tab.inner_text("#pose")
            if shot := os.environ.get("KINCAP_TEST_SHOT"):
                tab.screenshot(path=shot)
            browser.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert [one for one in complaints if "favicon" not in one and "404" not in one] == []
    rows = [re.split(r"\s+", line) for line in text.splitlines()]
    coords, confidence = wanted(folder)
    np.testing.assert_allclose(np.array([row[1:3] for row in rows], float), coords, atol=0.05)
    np.testing.assert_allclose(np.array([row[3] for row in rows], float), confidence, atol=1e-3)
