"""How well build's filters find wrong labels: injected faults, the simulator's own, real logs."""
