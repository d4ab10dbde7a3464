"""One line of a printed report; imports nothing, so that a daemon's client can print one."""

from dataclasses import dataclass
from typing import Literal

Weight = Literal["verdict", "plain", "grave", "odd", "known", "advice"]


@dataclass(frozen=True)
class Line:
    """One line of a printed report.

    Attributes:
        label: What it is about.
        text: What is said.
        weight: How much it matters, for a terminal's colours.
    """

    label: str
    text: str
    weight: Weight = "plain"

    def plain(self) -> str:
        """Return it as it is printed without colours."""
        if self.weight == "verdict":
            return f"{self.label}: {self.text}"
        mark = ":" if self.weight == "advice" else ""
        return f"  {self.label + mark:18} {self.text}"
