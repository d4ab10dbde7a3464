#!/usr/bin/env bash
# sleap-io 0.9.5: a YOLO pose data set in the layout of Ultralytics' own documentation (images/train
# beside labels/train) is read without an error and without a single person.
#
# Expected: load_ultralytics gives the person of each label file, as it does for train/images.
# Seen: the folder of the labels is found by replacing "/images" by "/labels" in the value of train:.
# "images/train" has no slash before it, so labels are looked for among the pictures, none are found,
# and every picture is a frame without instances. With "./images/train" the people are there.
# What follows: write "./images/train" into data.yaml.
# Exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q sleap-io==0.9.5 2>"$work/pip.log" || { cat "$work/pip.log"; exit 1; }
cd "$work"
venv/bin/python - <<'PY'
import sys
from importlib.metadata import version
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import sleap_io


def people(value):
    """Count the people of a data set whose data.yaml says train: VALUE."""
    folder = Path(value.strip("./").replace("/", "_"))
    for inside in ("images/train", "labels/train"):
        (folder / inside).mkdir(parents=True, exist_ok=True)
    imageio.imwrite(folder / "images/train/a.png", np.zeros((64, 64, 3), np.uint8))
    (folder / "labels/train/a.txt").write_text("0 0.5 0.5 0.5 0.5 0.4 0.4 2 0.6 0.6 2\n")
    lines = [f"train: {value}", "kpt_shape: [2, 3]", "flip_idx: [1, 0]", "names:", "  0: person"]
    (folder / "data.yaml").write_text("\n".join(lines) + "\n")
    labels = sleap_io.load_ultralytics(str(folder))
    return len(labels), sum(len(frame.instances) for frame in labels)


print("sleap-io", version("sleap-io"))
plain, dotted = people("images/train"), people("./images/train")
print("train: images/train    frames, people:", plain)
print("train: ./images/train  frames, people:", dotted)
sys.exit(0 if plain == (1, 0) and dotted == (1, 1) else 1)
PY
