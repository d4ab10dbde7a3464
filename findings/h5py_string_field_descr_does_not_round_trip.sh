#!/usr/bin/env bash
# h5py 3.16.0 with numpy 2.4.6: the type of a compound dataset with a fixed-length string field equals
# the type that was stored, but its .descr cannot be turned back into a type.
#
# Expected: np.dtype(dataset.dtype.descr) gives the dataset's type, as it does for the type stored.
# Seen: h5py tags the string field with its encoding, numpy writes the tag into .descr as if it were a
# shape, and np.dtype raises
#   ValueError: invalid shape in fixed-type tuple.
# What follows: write down the .descr of your own type, or compare types; never keep the .descr that
# comes back from a file.
# Exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 h5py==3.16.0 2>"$work/pip.log" || { cat "$work/pip.log"; exit 1; }
cd "$work"
venv/bin/python - <<'PY'
import sys

import h5py
import numpy as np

row = np.dtype([("seq", "<u8"), ("text", "S16")])
with h5py.File("table.h5", "w") as file:
    file.create_dataset("events", data=np.zeros(2, row))
with h5py.File("table.h5") as file:
    found = file["events"].dtype
print("h5py", h5py.__version__, "numpy", np.__version__)
print("the same type:", found == row)
print("descr stored:", row.descr)
print("descr found: ", found.descr)
assert np.dtype(row.descr) == row
try:
    np.dtype(found.descr)
except ValueError as error:
    print("np.dtype(descr found):", error)
    sys.exit(0 if found == row else 1)
print("np.dtype(descr found) works now")
sys.exit(1)
PY
