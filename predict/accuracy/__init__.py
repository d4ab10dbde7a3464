"""Poses against those of the sensor: as they come (``agreement``), and in all (``end_to_end``)."""
