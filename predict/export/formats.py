"""The formats that a checkpoint can be exported to."""

from typing import Final

NET_FORMATS: Final = {
    "onnx": "one ONNX file, for onnxruntime, onnxruntime-web and TensorRT",
    "openvino": "a pair of files, .xml and .bin, for OpenVINO",
    "torchscript": "one TorchScript file, for libtorch",
}
"""From a format's name to a few words."""

SUFFIX: Final = {"onnx": ".onnx", "openvino": ".xml", "torchscript": ".pt"}
