"""``kincap evaluate --end-to-end``: a net with its detector and tracking, on a session."""

from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import KincapError
from .. import console
from ..learning.pck_table import figure_text, pck_table

if TYPE_CHECKING:
    from ...predict.accuracy.end_to_end import EndToEndResult
    from ...predict.accuracy.steadiness import Steadiness

PAPER_FP_RATE = 2.86
PAPER_FN_RATE = 0.65


def evaluate_end_to_end(
    weights: Path, session: Path, detector: str | None, persons: int, device: str, *, json: bool
) -> None:
    """Measure and print.

    Raises:
        KincapError: An input is wrong (exit 2), or the session is damaged (exit 1).
    """
    from ...predict.accuracy.end_to_end import SENSOR_BOXES, EndToEndSettings, end_to_end

    settings = EndToEndSettings(weights, session, detector or SENSOR_BOXES, persons, device)
    with console.progress(f"evaluating on {session}", unit="frames") as bar:
        done = end_to_end(settings, bar.update)
    if json:
        console.print_json(done.to_json())
    else:
        _print(done)
    if done.problem:
        raise KincapError(done.problem, exit_code=1)


def _print(done: "EndToEndResult") -> None:
    from ...predict.accuracy.end_to_end import SENSOR_BOXES

    report = done.to_json()
    poses, found = report["poses"], report["detector"]
    pck_table(
        f"{done.settings.weights} on {done.settings.session}, detector {done.settings.detector}: "
        f"{poses['people']} people in {poses['frames']} frames, {poses['missed']} missed, "
        f"{poses['extra']} where the sensor saw no one",
        (("missed are wrong", poses["pck"]), ("found alone", poses["pck_found"])),
    )
    # boxes of the sensor judged by the sensor's keypoints say nothing of a detector
    is_detector = done.settings.detector != SENSOR_BOXES
    paper_fp = f" (paper {PAPER_FP_RATE})" if is_detector else ""
    paper_fn = f" (paper {PAPER_FN_RATE})" if is_detector else ""
    console.result(
        f"detector: {figure_text(found['fp_rate'])} % of {found['detections']} detections are "
        f"false{paper_fp}, {figure_text(found['fn_rate'])} % of {found['frames']} "
        f"frames are missed{paper_fn}, at IoU > 0.5"
    )
    if not is_detector:
        console.result("these boxes are the sensor's own: name a --detector to judge one")
    console.table(
        ("ms a frame", "median", "95 %"),
        [(name, f"{ms['p50']:.2f}", f"{ms['p95']:.2f}") for name, ms in done.stages_ms.items()],
        right=(1, 2),
    )
    console.result(f"poses as they come: {_steady_text(done.raw)}")
    if done.smoothed is not None:
        console.result(f"smoothed:           {_steady_text(done.smoothed)}")


def _steady_text(found: "Steadiness") -> str:
    jitter = "the person is never still"
    if found.jitter_torso is not None:
        jitter = (
            f"jitter {found.jitter_torso:.2f} % of the torso in {found.still_frames} still frames"
        )
    lag = "too little motion for a lag"
    if found.lag_s is not None:
        side = "after" if found.lag_s >= 0 else "before"
        lag = f"{1000 * abs(found.lag_s):.0f} ms {side} the sensor"
    return f"{jitter}; {lag}"
