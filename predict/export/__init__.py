"""Trained nets out to other runtimes: ``export.export_net`` writes one file and checks it."""
