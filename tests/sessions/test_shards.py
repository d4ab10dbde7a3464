"""A shard that was open before is opened again by its known layout, while it is the same file."""

import shutil
from pathlib import Path

import pytest

from kincap.core.errors import ShardError
from kincap.sessions.shards import reopen_stored_shard


def test_a_shard_is_opened_again_and_another_file_of_its_name_is_read_afresh(
    shard_file: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.h5"
    shutil.copyfile(shard_file, kept)
    with reopen_stored_shard(kept) as first, reopen_stored_shard(kept) as again:
        assert again.layout is first.layout
        seqs = again.rows("color_index")["seq"]
        assert seqs.tolist() == first.rows("color_index")["seq"].tolist() == [0, 1, 2, 3, 4]
    other = tmp_path / "other.h5"
    shutil.copyfile(shard_file, other)
    other.replace(kept)
    with reopen_stored_shard(kept) as fresh:
        assert fresh.layout is not first.layout
    kept.write_bytes(b"not a shard")
    with pytest.raises(ShardError, match=r"kept\.h5"):
        reopen_stored_shard(kept)
    kept.unlink()
    with pytest.raises(ShardError, match="No such file"):
        reopen_stored_shard(kept)
