"""The findings of axe-core on a page."""

from typing import Any

import pytest


def serious_findings(page: Any) -> list[tuple[str, list[str]]]:
    """Return the rules that a page breaks gravely, with where; skip without axe-core."""
    module = pytest.importorskip("axe_playwright_python.sync_playwright")
    report = module.Axe().run(page).response
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"]])
        for one in report["violations"]
        if one["impact"] in ("serious", "critical")
    ]
