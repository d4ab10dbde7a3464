"""A recorder's acknowledgements: they report its progress to a test.

With ``KINCAP_ACK_FD=n`` every item whose row's write returned is written to descriptor n as
``<stream u1><seq u8>``: it must never be lost afterwards. Phase marks (stream 255) say when
rotation, sealing, repack, recovery of an earlier recording and the writing of session.json begin
and end, so that a test can kill inside them.
"""

import os
import struct
from enum import IntEnum
from typing import Final

ENVIRONMENT: Final = "KINCAP_ACK_FD"
RECORD: Final = struct.Struct("<BQ")
PHASE_STREAM: Final = 255


class Phase(IntEnum):
    """The phases of a shard's life that a kill may fall into."""

    ROTATE_BEGIN = 1
    ROTATE_END = 2
    SEAL_BEGIN = 3
    SEAL_END = 4
    REPACK_BEGIN = 5
    REPACK_END = 6
    RECOVER_BEGIN = 7
    RECOVER_END = 8
    SAVE_BEGIN = 9
    SAVE_END = 10


_descriptor: Final = int(os.environ.get(ENVIRONMENT) or -1)


def acknowledge(stream: int, seq: int) -> None:
    """Say that an item can't be lost any more; nothing happens outside tests.

    Args:
        stream: A core.shard.Stream.
        seq: The item's number.
    """
    if _descriptor >= 0:
        # one write below PIPE_BUF: records of several threads never mix
        os.write(_descriptor, RECORD.pack(stream, seq))


def phase(mark: Phase) -> None:
    """Say that a phase begins or ends; nothing happens outside tests."""
    acknowledge(PHASE_STREAM, mark)
