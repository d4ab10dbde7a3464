"""Compare a recording with its source's log: every item is stored or counted as lost."""

from pathlib import Path

import numpy as np

from kincap.sessions.reader import SessionReader
from kincap.sessions.repair.verify import verify_session
from kincap.sessions.schema import EventKind, Stream

HANDED_OVER = np.dtype([("stream", "u1"), ("seq", "<u8"), ("time_device", "<i8")])
"""A line of a worker's log."""


def check_session(folder: Path, log: Path) -> list[str]:
    """Compare a session with its source's own log, item by item, and verify it.

    Args:
        folder: The session's folder.
        log: What the source wrote down while it handed items over.

    Returns:
        What does not add up, one line each; none: every item was stored once, with its own time,
        or is covered by exactly one drop event.
    """
    told = np.frombuffer(log.read_bytes(), HANDED_OVER)
    problems = [f"verify: {damage.text}" for damage in verify_session(folder).damage]
    with SessionReader(folder) as reader:
        for stream in (Stream.color, Stream.bodies):
            given = told[told["stream"] == stream]
            rows = reader.rows(stream)
            known = np.isin(rows["seq"], given["seq"])
            if not known.all():
                problems.append(f"{stream.name}: {(~known).sum()} stored that were never given")
            times = given["time_device"][rows["seq"][known].astype(np.intp)]
            if not np.array_equal(times, rows["time_device"][known]):
                problems.append(f"{stream.name}: stored with times that are not the source's")
            covered = np.concatenate([rows["seq"].astype(np.int64), _dropped(reader, stream)])
            if not np.array_equal(np.sort(covered), given["seq"].astype(np.int64)):
                problems.append(
                    f"{stream.name}: {len(given)} given, {len(rows)} stored, "
                    f"{len(covered) - len(rows)} covered by drop events; they don't match"
                )
    return problems


def _dropped(reader: SessionReader, stream: Stream) -> np.ndarray:
    """Return the seqs that drop events of a stream cover, as often as they are covered."""
    spans = [
        np.arange(int(event["seq_first"]), int(event["seq_last"]) + 1)
        for event in reader.events
        if event["stream"] == stream and EventKind(int(event["kind"])).covers_items
    ]
    return np.concatenate(spans) if spans else np.zeros(0, np.int64)
