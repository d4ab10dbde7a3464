"""Findings of the recorder's events, in a person's words."""

import numpy as np
import pytest

from kincap.checks.findings import from_events
from kincap.sessions.schema import EventKind, event_row


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ('{"name": "wave", "phase": "begin", "text": "Wave"}', "wave: Wave"),
        ('{"name": "wave", "phase": "begin"}', "wave"),
        ('{"name": "wave", "phase": "end"}', "wave ends"),
        ("cut off {", "cut off {"),
        ("[1]", "[1]"),
        ("", "cue"),
    ],
)
def test_a_cue_is_told_in_words(stored: str, expected: str) -> None:
    event = event_row(EventKind.cue, take=0, seq_first=3, seq_last=3, text=stored)
    (found,) = from_events(np.concatenate([event]))
    assert (found.kind, found.text) == ("cue", expected)
