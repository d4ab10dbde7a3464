"""The example that reacts to a raised hand."""

import json
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "gesture.py"


def line(number: int, *, up: bool, sure: float = 0.9) -> str:
    points = [[100.0, 100.0 + 10 * k] for k in range(13)]
    points[6][1] = 60.0 if up else 200.0
    person = {"id": 1, "keypoints": points, "confidence": [sure] * 13}
    return json.dumps({"frame": number, "time_s": number / 30, "people": [person]})


def said(lines: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, EXAMPLE], input="\n".join(lines), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout.splitlines()


def test_a_hand_that_goes_up_twice_is_told_twice_and_a_twitch_never():
    twice = [line(n, up=10 <= n < 30 or 50 <= n < 70 or 40 <= n < 43) for n in range(90)]
    unsure = [line(n, up=n >= 100, sure=0.1) for n in range(90, 140)]
    found = said(twice + unsure)
    assert len(found) == 2
    assert all("left hand" in text for text in found)
    assert found[0].split()[0] == "0.53"
