"""The pose of the person in a picture, by onnxruntime alone: no kincap, no torch.

    pip install onnxruntime opencv-python
    python examples/onnx_pose.py best.onnx person.jpg

The picture shows one person, who fills it. `best.onnx` is a file of `kincap export --format onnx`.
"""

import json
import sys

import cv2
import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
meta = json.loads(session.get_modelmeta().custom_metadata_map["kincap"])
picture = cv2.imread(sys.argv[2])
if picture is None:
    sys.exit(f"{sys.argv[2]}: not a picture that OpenCV reads")
image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
height, width = image.shape[:2]
side = max(height, width)
square = np.zeros((side, side, 3), np.uint8)
square[:height, :width] = image
crop = cv2.resize(square, (meta["size"],) * 2, interpolation=cv2.INTER_AREA)
pixels = ((crop.astype(np.float32) - 127) / 128).transpose(2, 0, 1)[None]
coords, confidence = session.run(["coords", "confidence"], {"pixels": pixels})
for k, name in enumerate(meta["keypoints"]):
    x, y = coords[0, k] * side - 0.5
    print(f"{name:10s} {x:7.1f} {y:7.1f} {confidence[0, k]:5.2f}")
