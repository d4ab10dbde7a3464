#!/usr/bin/env bash
# torch 2.13.0 on a CPU: once the kernel of a convolution got no memory, its thread can use no new
# kernel any more, however much memory there is.
#
# Expected: a convolution that fails for want of memory leaves nothing behind; when memory is free
# again, convolutions work.
# Seen: "could not create a primitive" for every layer of a new shape in that thread, with all
# memory free. Layers whose kernel was made before go on; other threads make new kernels.
# What follows: who tries smaller batches after such an error (as a search for the largest batch
# does) finds that not even one picture fits. Try them in a new thread, or in a new process.
# Linux only (limits of address space). Exits with 1 if that changes.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q torch==2.13.0 2>"$work/pip.log" || { cat "$work/pip.log"; exit 1; }
cd "$work"
venv/bin/python -W ignore - <<'PY'
import resource
import sys
import threading

import torch

torch.set_num_threads(1)
layers = [torch.nn.Conv2d(16 + 8 * number, 16, 3) for number in range(40)]


def tried(layer):
    try:
        with torch.no_grad():
            layer(torch.zeros(1, layer.in_channels, 16, 16))
    except RuntimeError as error:
        return str(error)
    return "works"


first = tried(layers[0])
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + (3 << 20), -1))
little = [tried(layer) for layer in layers[1:30]]
resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
same_thread, old_kernel = tried(layers[30]), tried(layers[0])
elsewhere = []
thread = threading.Thread(target=lambda: elsewhere.append(tried(layers[31])))
thread.start()
thread.join()
refused = "could not create a primitive"
print("torch", torch.__version__)
print("with 3 MiB left, of 29 layers:", little.count("works"), "work,", little.count(refused), "get", repr(refused))
print("memory free again, a new layer:", same_thread)
print("memory free again, the first layer:", old_kernel)
print("memory free again, a new layer in a new thread:", elsewhere[0])
seen = refused in little and same_thread == refused
sys.exit(0 if seen and [first, old_kernel, *elsewhere] == ["works"] * 3 else 1)
PY
