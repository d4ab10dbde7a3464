"""Fuzz: the properties of test_rows_fuzz.py, each tried with as many examples as asked for."""

import os
import re
import subprocess
import sys
from typing import Any

from .recorder import ROOT

TESTS = "tests/crash/test_rows_fuzz.py"
_TRIED = re.compile(r"(\d+) passing\D*, (\d+) failing\D*, (?:and )?(\d+) invalid")
_NAME = re.compile(rf"^{re.escape(TESTS)}::(\w+)", re.MULTILINE)
_ERROR = re.compile(r"^E   (?! )(.+)$", re.MULTILINE)


def run(runs: int, seed: int = 20, jobs: int = 2) -> dict[str, Any]:
    """Try every property.

    Args:
        runs: Examples for each property.
        seed: Of the examples.
        jobs: Not used: one process tries them all.

    Returns:
        Counts of examples; ``failures`` says which properties do not hold, and how.
    """
    words = [sys.executable, "-m", "pytest", TESTS, "-q", "--timeout", "0", "--tb=short"]
    words += ["--hypothesis-show-statistics", f"--hypothesis-seed={seed}", "-p", "no:cacheprovider"]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "KINCAP_FUZZ_EXAMPLES": str(runs)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    tried = [tuple(map(int, found)) for found in _TRIED.findall(done.stdout)]
    failures = [f"broken: {error}" for error in _ERROR.findall(done.stdout)]
    if done.returncode and not failures:
        failures = [f"pytest ended with {done.returncode}: {done.stdout[-2000:]}{done.stderr}"]
    return {
        "runs": runs,
        "properties": len(set(_NAME.findall(done.stdout))),
        "examples": sum(passing + failing for passing, failing, _ in tried),
        "failing": sum(failing for _, failing, _ in tried),
        "failures": failures,
    }
