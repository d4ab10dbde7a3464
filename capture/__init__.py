"""Sensor in, shards out: the only place that knows a device."""
