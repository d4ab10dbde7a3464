"""Late joints in a whole session: drawn hands that move at known times, stored as if recorded."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kincap.core.files.file_io import FileIO
from kincap.core.skeleton import JOINT
from kincap.report.quality import make_quality, poor_lines
from kincap.sessions.device import Device
from kincap.sessions.info import new_session
from kincap.sessions.schema import empty_body_row, pack_index_row
from kincap.sessions.session_file import save_session
from kincap.sessions.shard.layout import make_layout
from kincap.sessions.shard.shard_writer import ShardWriter
from tests.checks.lag.test_lag import HEIGHT, RATE, WIDTH, hands, picture

SECONDS = 13
WRISTS = [JOINT["WristLeft"], JOINT["WristRight"]]


@pytest.fixture
def session(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a session with joints so late at each of its times."""

    def make(late_s: Callable[[np.ndarray], np.ndarray]) -> Path:
        folder = tmp_path / "recordings" / "waves"
        folder.mkdir(parents=True)
        device = Device("test", (WIDTH, HEIGHT), mirrored=True, times="device")
        info = new_session("waves", source={"kind": "test", "uri": "test:"}, device=device)
        layout = make_layout(info.uuid, info.created_utc, shard_mib=64)
        info.add_layout(layout)
        save_session(folder, info)
        writer = ShardWriter(folder / "000000.h5", layout, FileIO())
        writer.prepare()
        times = np.arange(SECONDS * RATE) / RATE
        shown = hands(times - late_s(times))
        for seq, time_s in enumerate(times):
            ticks = round(1e7 * time_s)
            row = pack_index_row(seq, 0, ticks, 100 * ticks)
            writer.append("color_index", row, picture(float(time_s)))
            # somebody else enters a slot now and then; they stand still
            writer.append("bodies", body_row(seq, ticks, shown[seq], guest=seq // 60))
        writer.close()
        return folder

    return make


def body_row(seq: int, ticks: int, wrists: np.ndarray, guest: int) -> np.ndarray:
    """Return a row of one person whose wrists wave, and one more who is ever another."""
    row = empty_body_row()
    row["seq"], row["time_device"], row["time_host"] = seq, ticks, 100 * ticks
    noise = np.random.default_rng(seq).normal(0, 0.004, (25, 3))
    for slot, body in ((3, 7), (1, 100 + guest)):
        row["tracked"][0, slot], row["tracking_id"][0, slot] = 1, body
        row["joint_state"][0, slot] = 2
        row["joint_xyz_m"][0, slot] = noise + [slot - 2, 0, 2.5]
        row["joint_color_px"][0, slot] = 60 + 300 * (slot == 1)
    row["joint_color_px"][0, 3, WRISTS] = wrists
    return row


def lags(folder: Path) -> tuple[dict, list[dict]]:
    """Return the lag of the session and the findings about it."""
    quality = make_quality(folder)
    named = [one for one in quality["findings"] if one["kind"] == "lag"]
    warned = [line.partition(": ")[2] for line in poor_lines(quality)]
    assert [text for text in warned if text.startswith("joints come")] == [
        one["text"] for one in named
    ]
    return quality["whole"]["lag"], named


def test_joints_that_are_always_late_are_one_finding_about_all_of_it(session) -> None:
    lag, (named,) = lags(session(lambda times: np.full_like(times, 0.1)))
    assert lag["ms"] == pytest.approx(100, abs=12)
    assert lag["motion_s"] >= 10
    assert (named["seq_first"], named["seq_last"]) == (0, SECONDS * RATE - 1)
    assert "expected within 33 ms" in named["text"]


def test_joints_that_are_late_for_some_seconds_are_named_there(session) -> None:
    lag, (named,) = lags(session(lambda times: np.where((times > 6) & (times < 9), 0.1, 0.0)))
    assert abs(lag["ms"]) < 33
    assert 5 <= named["start_s"] <= 7
    assert 8 <= named["end_s"] <= 10


def test_joints_in_time_are_not_named(session) -> None:
    lag, named = lags(session(np.zeros_like))
    assert abs(lag["ms"]) < 12
    assert named == []
