"""A simulated Kinect v2: dressed people who gesture in a room, with the truth of their joints."""

from .scenery.room import room_image
from .sensor import SimulatedSensor, open_simulator
from .world import Truth

__all__ = ["SimulatedSensor", "Truth", "open_simulator", "room_image"]
