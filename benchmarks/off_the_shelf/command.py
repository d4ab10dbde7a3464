"""The real pictures of these benchmarks, and kincap as a command."""

import subprocess
import sys

CLIP = "ntu/S001C001P001R001A001_rgb.avi"
SETS = ("lspet", "parse")


def kincap(*words: object) -> str:
    """Run a command and return what it printed."""
    command = [sys.executable, "-m", "kincap", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"kincap {words[0]}: {done.stderr.strip()}")
    return done.stdout
