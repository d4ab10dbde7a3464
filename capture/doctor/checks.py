"""Results of ``kincap doctor``: one check, and all checks together."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Status = Literal["ok", "warning", "missing", "skipped"]
"""``missing``: nothing can be recorded without it. ``skipped``: can't be looked at here."""


@dataclass(frozen=True)
class Check:
    """One thing that a recording needs.

    Attributes:
        name: What it is.
        status: How it stands.
        found: What was found, in one line.
        remedy: What to do about it, in one line; "" where nothing is to be done.
    """

    name: str
    status: Status
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Report:
    """All checks, in order."""

    checks: tuple[Check, ...]

    @property
    def ready(self) -> bool:
        """Return True if a recording from a Kinect can begin; warnings don't prevent it."""
        return not any(check.status == "missing" for check in self.checks)

    @property
    def warnings(self) -> int:
        """Return the number of warnings."""
        return sum(check.status == "warning" for check in self.checks)

    def to_json(self) -> dict[str, Any]:
        """Return it as ``kincap doctor --json`` prints it."""
        return {
            "schema": "kincap/doctor/1",
            "ready": self.ready,
            "warnings": self.warnings,
            "missing": [check.name for check in self.checks if check.status == "missing"],
            "checks": [asdict(check) for check in self.checks],
        }


def skipped(names: Iterable[str], why: str) -> list[Check]:
    """Return checks that could not be made."""
    return [Check(name, "skipped", why) for name in names]
