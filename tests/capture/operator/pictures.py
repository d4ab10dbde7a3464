"""Draw the pictures of docs/recording.md: ``python -m tests.capture.operator.pictures FOLDER``.

They show a simulated session.
"""

import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import cv2
from rich import _export_format
from rich.console import Console
from rich.text import Text

from kincap.capture.live.observers import Picture
from kincap.capture.live.status import LiveStatus
from kincap.capture.operator.cues import load_cues
from kincap.capture.operator.guide import protocol_screen
from kincap.capture.operator.preview.preview_frame import draw_frame, frame_of
from kincap.capture.operator.protocol import ProtocolProgress, StepProgress, load_protocol
from kincap.capture.operator.terminal.dashboard import Look, dashboard
from kincap.capture.simulator.sensor import open_simulator
from kincap.capture.sources.sensor import BodyFrame, ColorFrame
from kincap.core.jpeg import encode_jpeg

WIDTH, HEIGHT = 110, 30
STATUS = LiveStatus(
    state="recording", session="clothing3", take=0, elapsed_s=283.4, color_fps=30.0, body_fps=30.0,
    color_frames=8502, body_frames=8502, bodies=1, tracked_share=0.97, inferred_share=0.03,
    pair_residual_ms=2.6, disk_minutes_left=93.0,
    coverage="left/right hand 71/74 % of its reach; missing: distance 1.5 to 2.0 m: 0 % of frames",
)  # fmt: skip
TROUBLE = replace(
    STATUS, dropped={"drop_ring_full": 12, "drop_writer": 81}, dropped_share_10s=0.031,
    color_fps=27.4, disk_minutes_left=41.0,
)  # fmt: skip
LINES = ("colour frames lost: the disk is behind",)
# without the fonts that the usual form fetches from elsewhere
SVG = re.sub(r"@font-face \{\{.*?\}\}\s*", "", _export_format.CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def card(seconds: float) -> LiveStatus:
    """Return the status with the card of a moment."""
    deck = load_cues("gestures")
    moment = deck.at(seconds)
    assert moment is not None
    return replace(
        STATUS, elapsed_s=seconds,
        card={
            "name": moment.card.name, "text": moment.card.text, "number": moment.number,
            "cards": len(deck.cards), "repetition": moment.repetition,
            "repetitions": moment.card.repetitions, "phase": "on" if moment.is_on else "ready",
            "left_s": moment.left_s, "next": moment.next_name,
        },
    )  # fmt: skip


def protocol() -> Text:
    """Return the paper's protocol after three outfits and a break in the fourth."""
    wanted = load_protocol("paper")
    done = [27_222, 15_349, 15_349, 6_120, 0, 0, 0, 0]
    steps = tuple(
        StepProgress(step, count, "done" if count == step.frames else "begun" if count else "to do")
        for step, count in zip(wanted.steps, done, strict=True)
    )
    return protocol_screen(ProtocolProgress(wanted, steps), width=WIDTH)


def svg(text: Text, title: str, height: int) -> str:
    """Return a text as a terminal shows it."""
    console = Console(
        record=True, width=WIDTH, height=height, file=io.StringIO(), force_terminal=True
    )
    console.print(text)
    return console.export_svg(title=title, code_format=SVG, unique_id=title.split()[-1])


def preview(status: LiveStatus) -> bytes:
    """Return the preview of a simulated person as PNG."""
    sensor = open_simulator({"outfit": "3", "frames": "90", "pace": "fast"}, ("color", "bodies"))
    jpeg, row = b"", None
    for item in sensor.items():
        if isinstance(item, ColorFrame) and item.image is not None:
            jpeg = encode_jpeg(item.image)
            if item.release is not None:
                item.release()
        elif isinstance(item, BodyFrame):
            row = item.row
    sensor.close()
    drawn = draw_frame(frame_of(Picture(0, 0, 0, jpeg, row), status))
    assert drawn is not None
    small = cv2.resize(drawn, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".png", small)[1].tobytes()


def main(folder: Path) -> None:
    """Write all pictures into a folder."""
    look = Look(WIDTH, HEIGHT, frames=15_349)
    screens = {
        "dashboard": dashboard(STATUS, look),
        "dashboard-trouble": dashboard(TROUBLE, replace(look, lines=LINES)),
        "cue-card": dashboard(card(69.0), look),
        "protocol": protocol(),
    }
    for name, text in screens.items():
        title = "kincap protocol" if name == "protocol" else "kincap record"
        (folder / f"{name}.svg").write_text(svg(text, title, HEIGHT), encoding="utf-8")
    (folder / "preview.png").write_bytes(preview(card(72.0)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
