"""Detectors of others in ONNX files: each layout recognised, boxes in pixels of the image."""

from pathlib import Path

import numpy as np
import pytest

from kincap.core.errors import KincapError
from kincap.engines.detectors import make_detector

from . import graphs

SIZE = 64
BOX = np.array([20.0, 30.0, 60.0, 110.0])
"""Of the person, pixels from the upper left edge of an image of 160 by 120."""
OTHER = np.array([90.0, 10.0, 130.0, 50.0])


def image(red: int = 204) -> np.ndarray:
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[40:100, 40:120, 0] = red
    return picture


def found(path: Path, layout: str = "", red: int = 204) -> list[tuple[list[float], float]]:
    detector = make_detector(f"onnx:{layout}{path}")
    return [(list(one.bbox_xyxy_px), one.score) for one in detector.detect(image(red))]


def check_one(people: list[tuple[list[float], float]], score: float, most_px: float = 0.6) -> None:
    ((box, sure),) = people
    assert np.abs(np.array(box) - (BOX - 0.5)).max() < most_px
    assert sure == pytest.approx(score, abs=0.02)


def test_faster_rcnn(tmp_path: Path) -> None:
    path = graphs.faster_rcnn(tmp_path / "a.onnx", np.stack([BOX, OTHER, BOX + 2]), [1, 3, 1])
    check_one(found(path), 0.8)
    check_one(found(path, "faster-rcnn:"), 0.8)
    assert not found(path, red=70)


def test_ssd(tmp_path: Path) -> None:
    shares = np.stack([OTHER, BOX])[:, [1, 0, 3, 2]] / [120, 160, 120, 160]
    check_one(found(graphs.ssd(tmp_path / "a.onnx", shares, [0.95, 0.7], [2, 1])), 0.7)


def test_rtmdet(tmp_path: Path) -> None:
    # the image fills the input's width
    scale = SIZE / 160
    boxes = np.stack([OTHER, BOX]) * scale
    check_one(found(graphs.rtmdet(tmp_path / "a.onnx", boxes, [5, 0], SIZE)), 0.8)


def test_yolox(tmp_path: Path) -> None:
    cells = [(x, y, s) for s in (8, 16, 32) for y in range(SIZE // s) for x in range(SIZE // s)]
    rows = np.zeros((len(cells), 85))
    box = BOX * SIZE / 160
    for index in (9, 66):
        x, y, stride = cells[index]
        centre, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        rows[index, :2] = centre / stride - (x, y)
        rows[index, 2:4] = np.log(size / stride)
        rows[index, 4:6] = 0.9, 0.8
    rows[70, 4], rows[70, 7] = 0.9, 0.9
    check_one(found(graphs.grid_net(tmp_path / "a.onnx", rows, SIZE)), 0.72)


@pytest.mark.parametrize("is_plus", [True, False])
def test_nanodet(tmp_path: Path, is_plus: bool) -> None:
    strides = (8, 16, 32, 64) if is_plus else (8, 16, 32)
    bins = 8 if is_plus else 11
    cells = [(x, y, s) for s in strides for y in range(SIZE // s) for x in range(SIZE // s)]
    rows = np.zeros((len(cells), 80 + 4 * bins))
    box = BOX * np.array([SIZE / 160, SIZE / 120] * 2)
    index = next(i for i, one in enumerate(cells) if one == (1, 2, 16))
    x, y, stride = cells[index]
    shift = 0.0 if is_plus else 0.5
    centre = (np.array([x, y]) + shift) * stride
    reach = np.concatenate([centre - box[:2], box[2:] - centre]) / stride
    for side, value in enumerate(reach):
        weights = np.full(bins, -40.0)
        low = int(value)
        weights[low] = np.log(1 - (value - low) + 1e-9)
        weights[low + 1] = np.log(value - low + 1e-9)
        rows[index, 80 + side * bins : 80 + (side + 1) * bins] = weights
    rows[index, 0] = 0.75
    rows[3, 4] = 0.9
    if is_plus:
        path = graphs.grid_net(tmp_path / "a.onnx", rows, SIZE)
    else:
        path = nanodet_by_grid(tmp_path / "a.onnx", rows, [(SIZE // s) ** 2 for s in strides])
    check_one(found(path), 0.75)


def nanodet_by_grid(path: Path, rows: np.ndarray, counts: list[int]) -> Path:
    """Save the older layout: classes and distances of each grid as outputs of their own."""
    graph = graphs.Graph((1, 3, SIZE, SIZE))
    zero = graph.op("Mul", graphs.mean_of(graph, 0), graph.constant(np.float32(0)))
    start = 0
    for count in counts:
        for name, part in (
            ("cls", rows[start : start + count, :80]), ("dis", rows[start : start + count, 80:]),
        ):  # fmt: skip
            value = graph.op("Add", graph.constant(part[None].astype(np.float32)), zero)
            graph.output(value, f"{name}{count}", (1, *part.shape))
        start += count
    return graph.save(path)


def test_a_pose_net_is_not_a_detector(tmp_path: Path) -> None:
    path = graphs.movenet(tmp_path / "a.onnx")
    with pytest.raises(KincapError, match="expected the outputs of one of faster-rcnn, ssd"):
        make_detector(f"onnx:{path}")
    with pytest.raises(KincapError, match="that is not yolox"):
        make_detector(f"onnx:yolox:{path}")
