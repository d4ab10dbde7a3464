#!/usr/bin/env bash
# sleap-io 0.9.5: reading DeepLabCut's labelled data puts the body parts into alphabetical order.
#
# Expected: the skeleton's nodes in the order of the file's columns, which is that of config.yaml.
# Seen: they are sorted by name. Each position has its right name, but numpy() and any code that
# goes by index gets other body parts than the file's first, second, ...
# What follows: go by names, never by index, after reading DeepLabCut with sleap-io.
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

folder = Path("labeled-data/one")
folder.mkdir(parents=True)
for number in (1, 2):
    imageio.imwrite(folder / f"img000{number}.png", np.zeros((64, 64, 3), np.uint8))
(folder / "CollectedData_me.csv").write_text(
    "scorer,,,me,me,me,me\n"
    "bodyparts,,,wrist,wrist,elbow,elbow\n"
    "coords,,,x,y,x,y\n"
    "labeled-data,one,img0001.png,1.0,2.0,3.0,4.0\n"
    "labeled-data,one,img0002.png,1.0,2.0,3.0,4.0\n"
)
labels = sleap_io.load_file(str(folder / "CollectedData_me.csv"))
nodes = [str(name) for name in labels.skeleton.node_names]
print("sleap-io", version("sleap-io"))
print("columns of the file: ['wrist', 'elbow'] at (1, 2) and (3, 4)")
print("nodes:", nodes, "positions:", labels[0].instances[0].numpy().tolist())
sys.exit(0 if nodes == ["elbow", "wrist"] else 1)
PY
