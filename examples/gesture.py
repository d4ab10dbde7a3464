"""React to a raised hand: poses of ``kincap predict`` as lines on stdin.

    kincap predict camera:0 --weights best.onnx --poses - | python examples/gesture.py

Each line is one frame, as docs/predict.md describes it. Nothing but Python is needed.
"""

import json
import sys
from collections.abc import Iterable, Iterator

HEAD, WRISTS = 0, {"right": 3, "left": 6}
HOLD_S = 0.2
LEAST_CONFIDENCE = 0.3


def raised_hands(lines: Iterable[str]) -> Iterator[tuple[float, int, str]]:
    """Yield time, person and side, once for each hand that goes up and stays there."""
    up_since: dict[tuple[int, str], float] = {}
    told: set[tuple[int, str]] = set()
    for line in lines:
        frame = json.loads(line)
        for person in frame["people"]:
            points = person.get("smoothed", person["keypoints"])
            for side, wrist in WRISTS.items():
                key = (person["id"], side)
                is_up = points[wrist][1] < points[HEAD][1]
                if not is_up or person["confidence"][wrist] < LEAST_CONFIDENCE:
                    up_since.pop(key, None)
                    told.discard(key)
                    continue
                since = up_since.setdefault(key, frame["time_s"])
                if frame["time_s"] - since >= HOLD_S and key not in told:
                    told.add(key)
                    yield frame["time_s"], *key


if __name__ == "__main__":
    for time_s, person, side in raised_hands(sys.stdin):
        print(f"{time_s:7.2f} s: person {person} raised the {side} hand", flush=True)
