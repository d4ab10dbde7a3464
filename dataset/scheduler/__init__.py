"""Processes that do the tasks of a build: ``open_scheduler``, here or on a Dask cluster."""
