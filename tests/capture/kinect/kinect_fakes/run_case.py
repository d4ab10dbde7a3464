"""Runs one test function in this process, which is nobody else's: ``run_case.py FILE FUNCTION``."""

import importlib.util
import json
import os
import sys
from pathlib import Path

# the recorder looks at this once, when it is first imported; see World.acknowledgements
reading, writing = os.pipe()
os.environ["KINCAP_ACK_FD"] = str(writing)
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy.ctypeslib  # noqa: E402, F401  before the floor turns `long` into 32 bits
from kinect_fakes.world import World  # noqa: E402

file, name = sys.argv[1:3]
sys.argv = ["kincap"]
spec = importlib.util.spec_from_file_location("case", file)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
world = World(reading)
getattr(module, name)(world, **json.loads(os.environ.get("KINECT_CASE_PARAMS", "{}")))
world.finish()
sys.stdout.flush()
sys.stderr.flush()
print("PASSED", flush=True)
# what the floor changed in this process is not undone: leave without any at-exit work of COM
os._exit(0)
