"""SIGKILL at any moment: every shard opens, no acknowledged item is lost, recording goes on."""

import random

from kincap.capture.record import RecordSettings, record
from kincap.core.session import load_session, read_manifest
from kincap.core.session_reader import SessionReader
from kincap.core.shard import Stream

SESSIONS = 4
KILLS = 5
# a little time at each step of a shard's life, so that a kill can fall into it
SLOW_STEPS = "sync:stall=0.04:*,rename:stall=0.04:*,reserve:stall=0.04:*"
STEPS = {"rotate": 1, "seal": 3, "repack": 5}


def plan(rng: random.Random, number: int):
    """Return where to kill: in a step of a shard's life each second time, else at some item."""
    if number % 2:
        step = ("rotate", "seal", "repack", "seal")[number // 2 % 4]
        wanted, met = (rng.randint(1, 2) if step != "repack" else 1), 0

        def in_step(stream: int, seq: int, _n: int) -> bool:
            nonlocal met
            met += stream == 255 and seq == STEPS[step]
            return met == wanted

        return in_step
    at = rng.randint(20, 250)
    return lambda _stream, _seq, n: n == at


def test_no_acknowledged_item_is_lost_by_20_kills(
    tmp_path, memory_sensor, acknowledged, opens_plainly, account, kincap
):
    stored = record(
        RecordSettings("stored", tmp_path / "sources", shard_mib=64),
        sensor=memory_sensor(frames=240),
    )
    args = ["--source", f"session:{stored.path}", "--shard-mib", 8, "--session"]
    rng = random.Random(20)
    kills, inside, total = 0, [], 0
    for number in range(SESSIONS):
        folder = tmp_path / "recordings" / f"s{number}"
        known: set[tuple[int, int]] = set()
        for turn in range(KILLS):
            log = acknowledged(
                [*args, folder.name],
                tmp_path,
                kill=plan(rng, KILLS * number + turn),
                faults=SLOW_STEPS,
            )
            kills += log.code == -9
            inside += sorted(log.inside) if log.code == -9 else []
            # a number is never given twice to items that were acknowledged
            assert not known & set(log.items)
            known |= set(log.items)
            total += len(log.items)
            opens_plainly(folder)
            with SessionReader(folder) as reader:
                there = {(int(Stream.color), int(seq)) for seq in reader.color["seq"]}
                there |= {(int(Stream.bodies), int(seq)) for seq in reader.bodies["seq"]}
                assert known <= there
                for stream, seq in log.items:
                    if stream == Stream.color:
                        assert reader.color_blob(seq)[-2:] == b"\xff\xd9"
        last = acknowledged([*args, folder.name, "--frames", 40], tmp_path)
        assert last.code == 0, last.stderr
        read = account(folder)
        assert len(set(read.stored["color"])) == len(read.stored["color"])
        assert {seq for stream, seq in known if stream == Stream.color} <= set(read.stored["color"])
        records = read_manifest(folder)
        assert sorted(records) == sorted(p.name for p in folder.glob("*.h5*"))
        assert any(r.recovered for r in records.values())
        takes = [take["take"] for take in load_session(folder).takes]
        assert takes == sorted(set(takes))
    assert kills == SESSIONS * KILLS
    assert len(inside) >= 5, inside
    assert {"rotate", "seal", "repack"} <= set(inside), inside
    assert total >= 1000
    verified = kincap("sessions", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
