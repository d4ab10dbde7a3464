#!/usr/bin/env bash
# PyAV 18.1.0, AVI files: the position of an index entry and the position of its packet are 8 bytes
# apart.
#
# Expected: stream.index_entries[k].pos equals the pos of packet k, since both are called a position
# in the file.
# Seen: the entry points at the chunk's header (00dc and its length), the packet at the chunk's data.
# Sizes agree. Who looks packets up by the entries' positions finds none.
# What follows: compare entry.pos + 8 with packet.pos in AVI files.
# Exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numpy==2.4.6 av==18.1.0 2>"$work/pip.log" || { cat "$work/pip.log"; exit 1; }
cd "$work"
venv/bin/python - <<'PY'
import sys
from pathlib import Path

import av
import numpy as np

with av.open("clip.avi", "w") as out:
    stream = out.add_stream("mjpeg", rate=30)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
    for k in range(5):
        image = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * k, np.uint8), format="rgb24")
        for packet in stream.encode(image):
            out.mux(packet)
    for packet in stream.encode():
        out.mux(packet)
with av.open("clip.avi") as clip:
    stream = clip.streams.video[0]
    entries = [(entry.pos, entry.size) for entry in stream.index_entries]
    packets = [(packet.pos, packet.size) for packet in clip.demux(stream) if packet.size]
raw = Path("clip.avi").read_bytes()
print("PyAV", av.__version__)
print("index entries (pos, size):", entries)
print("packets (pos, size):      ", packets)
print("bytes at the first entry: ", raw[entries[0][0] :][:4])
print("bytes at the first packet:", raw[packets[0][0] :][:2])
same = all(e[0] + 8 == p[0] and e[1] == p[1] for e, p in zip(entries, packets, strict=True))
sys.exit(0 if same and len(entries) == 5 and raw[entries[0][0] :][:4] == b"00dc" else 1)
PY
