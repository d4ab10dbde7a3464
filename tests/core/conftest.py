"""A shard for the HDF5 checks: that of the storage tests."""

from ..sessions.conftest import record, shard_file

__all__ = ["record", "shard_file"]
