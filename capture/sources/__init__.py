"""Sources to record from: ``registry.open_source`` opens one, ``sensor.Sensor`` is the protocol.

Each module in ``available`` is one source.
"""
