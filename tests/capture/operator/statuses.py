"""Statuses of made-up recordings, for what shows them."""

from dataclasses import replace

from kincap.capture.live.status import LiveStatus

GOOD = LiveStatus(
    state="recording", session="clothing3", take=0, elapsed_s=83.2, color_fps=30.0, body_fps=29.9,
    color_frames=2490, body_frames=2488, bodies=1, tracked_share=0.91, inferred_share=0.08,
    pair_residual_ms=7.4, disk_minutes_left=312.0,
)  # fmt: skip
DROPPING = replace(
    GOOD, dropped={"drop_ring_full": 3, "drop_writer": 81}, dropped_share_10s=0.031, bodies=2,
    take=1,
)  # fmt: skip
WAITING = replace(GOOD, state="waiting", elapsed_s=0.0, color_frames=0, note="step back")
COUNTDOWN = replace(WAITING, state="countdown", note="3")
PAUSED = replace(GOOD, state="paused", not_stored=120)
CARD = {
    "name": "zoom", "text": "Both hands closed: pull apart, push together", "number": 5, "cards": 9,
    "repetition": 1, "repetitions": 2, "phase": "on", "left_s": 6.2, "next": "draw",
}  # fmt: skip
ON_CARD = replace(GOOD, card=CARD, cue="zoom")
READY_CARD = replace(GOOD, card={**CARD, "phase": "ready", "left_s": 1.6})
