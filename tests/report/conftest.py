"""Sessions for the report's tests: those of the repair tests, and a sensor in memory."""

from ..capture.conftest import memory_sensor
from ..sessions.repair.conftest import (
    content_fixture,
    flip_fixture,
    pristine,
    session,
    tape,
)

__all__ = ["content_fixture", "flip_fixture", "memory_sensor", "pristine", "session", "tape"]
