"""Threads are measured and memory that runs out is explained."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from kincap.dataset.kinect13.reader import open_kinect13, write_kinect13
from kincap.train.batch_source import SplitBatches
from kincap.train.data import load_samples
from kincap.train.nets.registry import build_net
from kincap.train.run.first_steps import choose_threads, threads

LITTLE_MEMORY = """
import resource, sys
import torch, cv2, kincap.train.finetune
from kincap.cli.main import main
torch.set_num_threads(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (700 << 20), -1))
sys.argv = ["kincap", *sys.argv[1:]]
main()
"""

NO_KERNELS = """
import resource, sys
from pathlib import Path
import torch
from torch import nn
from kincap.dataset.kinect13.reader import open_kinect13
from kincap.train.batch_source import SplitBatches
from kincap.train.data import load_samples
from kincap.train.nets.registry import build_net
from kincap.train.run.first_steps import largest_batch

def refused(layer):
    try:
        layer(torch.zeros(1, layer.in_channels, 16, 16))
    except RuntimeError as error:
        return "could not create a primitive" in str(error)

with open_kinect13(Path(sys.argv[1])) as dataset:
    batch = SplitBatches(load_samples(dataset, "train", 32), 8, 0).batch(0)
net = build_net("compact", 0.25, 32)
torch.set_num_threads(1)
layers = [nn.Conv2d(16 + 8 * number, 16, 3) for number in range(40)]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 20), -1))
ran_out = any([refused(layer) for layer in layers[:30]])
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
print("ran out:", ran_out, "still refused:", refused(layers[30]))
print("fits:", largest_batch(net, batch, 32))
"""
"""Lets the kernels of convolutions run out of memory, and gives all memory back."""


def test_threads_are_chosen_without_changing_the_net(figures_h5: Path) -> None:
    cpu, net = torch.device("cpu"), build_net("compact", 0.25, 32)
    before, random = copy.deepcopy(net.state_dict()), torch.get_rng_state()
    with open_kinect13(figures_h5) as dataset, threads(2):
        source = SplitBatches(load_samples(dataset, "train", 32), 8, 0)
        assert choose_threads(net, source, 1000, cpu, 32) in (1, 2)
        assert choose_threads(net, source, 10, cpu, 32) == 2, "a short run is not measured"
        assert torch.get_num_threads() == 2
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)


def test_threads_are_chosen_on_the_crops_in_the_middle_of_their_margins(
    figures_h5: Path, tmp_path: Path
) -> None:
    with open_kinect13(figures_h5) as dataset:
        images = dataset.split("train").images(range(16))
    crops = {"images": images, "keypoints_px": np.full((16, 13, 2), 10.0)}
    path = write_kinect13(tmp_path / "margin.h5", {"train": crops}, margin=1.5)
    net = build_net("compact", 0.25, 32)  # its maps have one size
    with open_kinect13(path) as dataset, threads(2):
        samples = load_samples(dataset, "train", 32, with_margin=True)
        source = SplitBatches(samples, 8, 0)
        assert source.batch(0).images.shape[1] == 48
        assert choose_threads(net, source, 1000, torch.device("cpu"), 32) in (1, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS ends memory on Linux alone")
def test_memory_that_runs_out_names_a_batch_that_fits(figures_h5: Path, tmp_path: Path) -> None:
    words = ["finetune", "--data", figures_h5, "--model", "compact", "--width", 2, "--size", 128]
    words += ["--batch", 256, "--steps", 2, "--device", "cpu", "--runs", tmp_path]
    done = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, *map(str, words)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("kincap: ")]
    assert len(said) == 1
    assert "--batch 256: out of memory at step 1; " in said[0]
    assert "fits: --batch " in said[0]


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS ends memory on Linux alone")
def test_a_batch_that_fits_is_found_after_kernels_ran_out_of_memory(figures_h5: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_KERNELS, str(figures_h5)], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.stdout == "ran out: True still refused: True\nfits: 4\n", done.stderr
