"""The conclusion of an evaluation, in words."""

from collections.abc import Mapping
from typing import Any, Final

GUESS: Final = 5.0
"""Points above the mean pose below which a net is called no better than guessing."""


def conclusion(
    net: Mapping[str, Any], mean: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return sentences about a net.

    Args:
        net: Its figures, as ``Figures.to_json``.
        mean: The figures of the mean pose.
        others: For the name of each other row the difference as ``compare.difference`` has it.
    """
    lines = [_against_mean(net, mean)]
    lines += [line for line in [_wrist(net, mean), _sides(net)] if line]
    lines += [line for name, found in others.items() if (line := _against(name, found))]
    return lines


def _against_mean(net: Mapping[str, Any], mean: Mapping[str, Any]) -> str:
    mine, base = net["pck"]["0.2"]["all"], mean["pck"]["0.2"]["all"]
    if mine is None or base is None:
        return "Nothing was counted."
    gain = mine - base
    ends = net["interval"]["0.2"]["all"]
    if ends is not None and ends[0] <= base <= ends[1]:
        return "The net is not clearly different from the mean pose (PCK@0.2)."
    word = "beats" if gain > 0 else "is worse than"
    return f"The net {word} the mean pose by {abs(gain):.0f} points (PCK@0.2)."


def _wrist(net: Mapping[str, Any], mean: Mapping[str, Any]) -> str | None:
    mine, base = net["pck"]["0.2"].get("wrist"), mean["pck"]["0.2"].get("wrist")
    if mine is None or base is None:
        return None
    # of a person who hardly moves even the mean pose is right at 0.2
    if any(net["pck"][a]["wrist"] - mean["pck"][a]["wrist"] > GUESS for a in net["pck"]):
        return None
    return f"Wrists are not better than guessing: {mine:.0f} against {base:.0f} (PCK@0.2)."


def _sides(net: Mapping[str, Any]) -> str | None:
    rate = net["swap_rate"]
    if rate is None or rate <= 1:
        return None
    return f"Left and right are exchanged in {rate:.1f} % of the pairs of keypoints."


def _against(name: str, found: Mapping[str, Any]) -> str | None:
    one = found["0.1"]["all"]
    if one is None or one["interval"] is None:
        return None
    low, high = one["interval"]
    if low <= 0 <= high:
        return f"It is not clearly different from {name} (PCK@0.1)."
    word = "better" if one["points"] > 0 else "worse"
    return f"It is {abs(one['points']):.1f} points {word} than {name} (PCK@0.1)."
