"""Time of ``transfer`` at full width in onnxruntime and in torch, in turn, on one thread."""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from kincap.core.skeleton import KEYPOINTS_13
from kincap.engines.onnx_engine import open_session
from kincap.predict.export.people_export import write_people
from kincap.train.checkpoint import Checkpoint
from kincap.train.nets.registry import build_net

HEIGHT_PX: Final = 368
WIDTH_PX: Final = 432


def speed_figures(rounds: int) -> dict[str, Any]:
    """Return processor seconds of an image, medians, and the ratio of each round.

    Args:
        rounds: Rounds; in each all ways run once, one after another.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = build_net("transfer", 1.0, HEIGHT_PX).eval()
    weights = dict(net.state_dict())
    mean = torch.zeros(len(KEYPOINTS_13), 2)
    checkpoint = Checkpoint("transfer", 1.0, HEIGHT_PX, weights, mean, mirror_training=False)
    pixels = torch.rand(1, 3, HEIGHT_PX, WIDTH_PX) * 2 - 1
    last = pixels.to(memory_format=torch.channels_last)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "transfer.onnx"
        write_people(file, checkpoint, {}, half=False)
        session = open_session(file)
    given = {session.get_inputs()[0].name: pixels.numpy()}

    def by_torch(image: torch.Tensor) -> None:
        with torch.inference_mode():
            net(image)

    ways: dict[str, Callable[[], Any]] = {
        "torch": lambda: by_torch(pixels),
        "torch_channels_last": lambda: by_torch(last),
        "onnxruntime": lambda: session.run(None, given),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for round_ in range(rounds + 1):
        for name, run in ways.items():
            began = time.process_time()
            run()
            if round_:  # the first one allocates
                taken[name].append(time.process_time() - began)
    ratios = np.divide(taken["onnxruntime"], taken["torch"])
    return {
        **{f"{name}_s": round(statistics.median(some), 3) for name, some in taken.items()},
        "onnxruntime_per_torch": [round(float(one), 3) for one in ratios],
        "median_ratio": round(float(np.median(ratios)), 3),
    }
