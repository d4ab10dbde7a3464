"""Small ONNX files with the layouts of other projects: what they answer depends on the image."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]


class Graph:
    """Collects nodes and constants; each method returns the name of a value."""

    def __init__(self, shape: Shape, kind: int = TensorProto.FLOAT) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.input = helper.make_tensor_value_info("image", kind, shape)
        self._outputs: list[onnx.ValueInfoProto] = []

    def constant(self, value: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def floats(self) -> str:
        return self.op("Cast", "image", to=TensorProto.FLOAT)

    def ints(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def output(self, value: str, name: str, shape: Shape, kind: int = TensorProto.FLOAT) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def save(self, path: Path) -> Path:
        graph = helper.make_graph(
            self.nodes, "made", [self.input], self._outputs, initializer=self.constants
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        model.ir_version = 9
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return path


def brightest(graph: Graph, size: tuple[int, int], *, hwc: bool) -> tuple[str, str]:
    """Return column and row (float, shape ()) of the pixel with the highest first channel."""
    width, height = size
    axis = 3 if hwc else 1
    first = graph.op("Gather", graph.floats(), graph.constant(np.int64(0)), axis=axis)
    flat = graph.op("Reshape", first, graph.ints(width * height))
    at = graph.op("ArgMax", flat, axis=0, keepdims=0)
    column = graph.op("Mod", at, graph.constant(np.int64(width)))
    row = graph.op("Div", at, graph.constant(np.int64(width)))
    return (
        graph.op("Cast", column, to=TensorProto.FLOAT),
        graph.op("Cast", row, to=TensorProto.FLOAT),
    )


def row_of(graph: Graph, *values: str) -> str:
    """Return scalars as one row (1, N)."""
    one = graph.ints(1, 1)
    return graph.op("Concat", *(graph.op("Reshape", value, one) for value in values), axis=1)


def scaled(graph: Graph, value: str, factor: float, shift: float = 0.0) -> str:
    """Return ``factor * (value + shift)``."""
    moved = graph.op("Add", value, graph.constant(np.float32(shift)))
    return graph.op("Mul", moved, graph.constant(np.float32(factor)))


def movenet(path: Path, size: int = 48, places: np.ndarray | None = None) -> Path:
    """All 17 keypoints at the brightest pixel, or at places (17, 2) of x, y from it; score 0.5."""
    graph = Graph((1, size, size, 3), TensorProto.INT32)
    column, row = brightest(graph, (size, size), hwc=True)
    half = graph.constant(np.float32(0.5))
    line = row_of(graph, scaled(graph, row, 1 / size, 0.5), scaled(graph, column, 1 / size, 0.5),
                  half)  # fmt: skip
    rows = graph.op("Expand", graph.op("Reshape", line, graph.ints(1, 1, 1, 3)),
                    graph.ints(1, 1, 17, 3))  # fmt: skip
    if places is not None:
        apart = np.concatenate([places[:, ::-1], np.zeros((17, 1))], axis=1)[None, None]
        rows = graph.op("Add", rows, graph.constant(apart.astype(np.float32)))
    graph.output(rows, "output_0", (1, 1, 17, 3))
    return graph.save(path)


def simcc(path: Path, size: tuple[int, int] = (48, 64)) -> Path:
    """All keypoints at the brightest pixel, as peaks of rows with two bins a pixel."""
    graph = Graph(("batch", 3, size[1], size[0]))
    places = brightest(graph, size, hwc=False)
    for value, length, name in zip(places, size, ("simcc_x", "simcc_y"), strict=True):
        bins = graph.constant(np.arange(2 * length, dtype=np.float32))
        off = graph.op("Sub", bins, scaled(graph, value, 2.0))
        peak = graph.op("Exp", graph.op("Neg", graph.op("Abs", off)))
        line = graph.op("Reshape", peak, graph.ints(1, 1, 2 * length))
        every = graph.op("Expand", line, graph.ints(1, 17, 2 * length))
        graph.output(every, name, ("batch", 17, 2 * length))
    return graph.save(path)


def yolo_pose(path: Path, size: int = 64, *, finished: bool = False) -> Path:
    """A sure person at the brightest pixel and an unsure one at 0."""
    graph = Graph((1, 3, size, size))
    column, row = brightest(graph, (size, size), hwc=False)
    zero, sure = graph.constant(np.float32(0)), graph.constant(np.float32(0.9))
    x, y = scaled(graph, column, 1.0, 0.5), scaled(graph, row, 1.0, 0.5)
    head = [x, y, x, y, sure] + ([zero] if finished else [])
    person = row_of(graph, *head, *([x, y, sure] * 17))
    width = 57 if finished else 56
    other = graph.constant(np.full((1, width), 0.1, np.float32))
    both = graph.op("Concat", other, person, axis=0)
    if finished:
        graph.output(graph.op("Reshape", both, graph.ints(1, 2, width)), "output0", (1, 2, width))
    else:
        turned = graph.op("Reshape", graph.op("Transpose", both), graph.ints(1, width, 2))
        graph.output(turned, "output0", (1, width, 2))
    return graph.save(path)


def mean_of(graph: Graph, channel: int) -> str:
    """Return the largest value of a channel: the score of what a detector finds."""
    axis = 1 if len(graph.input.type.tensor_type.shape.dim) == 4 else 0
    first = graph.op("Gather", graph.floats(), graph.constant(np.int64(channel)), axis=axis)
    return graph.op("ReduceMax", first, keepdims=0)


def faster_rcnn(path: Path, boxes: np.ndarray, labels: list[int]) -> Path:
    """torchvision's layout: the score is the red of the brightest pixel, 0 to 1."""
    graph = Graph((3, None, None))
    score = graph.op("Expand", mean_of(graph, 0), graph.ints(len(labels)))
    graph.output(graph.constant(boxes.astype(np.float32)), "boxes", ("n", 4))
    graph.output(graph.ints(*labels), "labels", ("n",), TensorProto.INT64)
    graph.output(score, "scores", ("n",))
    return graph.save(path)


def ssd(path: Path, boxes: np.ndarray, scores: list[float], classes: list[float]) -> Path:
    """TensorFlow's layout: shares of the image, y before x."""
    graph = Graph((1, None, None, 3), TensorProto.UINT8)
    # the image is used, or the file would have no input
    zero = graph.op("Mul", graph.op("ReduceMax", graph.floats(), keepdims=0),
                    graph.constant(np.float32(0)))  # fmt: skip
    count = graph.op("Add", graph.constant(np.array([len(scores)], np.float32)), zero)
    graph.output(count, "num_detections", (1,))
    graph.output(graph.constant(boxes[None].astype(np.float32)), "detection_boxes", (1, "n", 4))
    graph.output(graph.constant(np.array([scores], np.float32)), "detection_scores", (1, "n"))
    graph.output(graph.constant(np.array([classes], np.float32)), "detection_classes", (1, "n"))
    return graph.save(path)


def rtmdet(path: Path, boxes: np.ndarray, labels: list[int], size: int = 64) -> Path:
    """MMDeploy's layout: the score is the red of the brightest pixel, put back to 0 to 1."""
    graph = Graph((1, 3, size, size))
    red = scaled(graph, mean_of(graph, 2), 58.395 / 255, 123.675 / 58.395)
    score = graph.op("Expand", graph.op("Reshape", red, graph.ints(1, 1)),
                     graph.ints(len(labels), 1))  # fmt: skip
    rows = graph.op("Concat", graph.constant(boxes.astype(np.float32)), score, axis=1)
    graph.output(graph.op("Reshape", rows, graph.ints(1, len(labels), 5)), "dets", (1, "n", 5))
    graph.output(graph.constant(np.array([labels], np.int64)), "labels", (1, "n"),
                 TensorProto.INT64)  # fmt: skip
    return graph.save(path)


def grid_net(path: Path, rows: np.ndarray, size: int, outputs: dict[str, slice] | None = None,
             scale: float = 1.0) -> Path:  # fmt: skip
    """Rows that do not depend on the image, but for a 0 that is made of it."""
    graph = Graph((1, 3, size, size))
    zero = graph.op("Mul", mean_of(graph, 0), graph.constant(np.float32(0)))
    for name, where in (outputs or {"output": slice(None)}).items():
        part = rows[where]
        value = graph.op("Add", graph.constant(part[None].astype(np.float32)), zero)
        graph.output(value, name, (1, *part.shape))
    return graph.save(path)


def colour_finder(path: Path, colours: np.ndarray, size: int = 192) -> Path:
    """MoveNet's layout: each of 17 keypoints at the pixel that is nearest to its colour (17, 3)."""
    graph = Graph((1, size, size, 3), TensorProto.INT32)
    image = graph.floats()
    rows = []
    for colour in colours.astype(np.float32):
        off = graph.op("Sub", image, graph.constant(colour))
        apart = graph.op("ReduceSum", graph.op("Mul", off, off), graph.ints(3), keepdims=0)
        at = graph.op("ArgMin", graph.op("Reshape", apart, graph.ints(size * size)), axis=0,
                      keepdims=0)  # fmt: skip
        column = graph.op("Mod", at, graph.constant(np.int64(size)))
        row = graph.op("Div", at, graph.constant(np.int64(size)))
        y, x = (
            scaled(graph, graph.op("Cast", one, to=TensorProto.FLOAT), 1 / size, 0.5)
            for one in (row, column)
        )
        rows.append(row_of(graph, y, x, graph.constant(np.float32(0.9))))
    every = graph.op("Concat", *rows, axis=0)
    graph.output(graph.op("Reshape", every, graph.ints(1, 1, 17, 3)), "output_0", (1, 1, 17, 3))
    return graph.save(path)
