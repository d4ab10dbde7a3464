"""Measure the filters of build: injected faults, the simulator's own faults, real logs."""
