"""A build on a real Dask cluster: the same bytes, whatever happens to its workers."""

import json
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build

from ..conftest import Body, Frame, Sessions
from .conftest import Cluster

Run = Callable[..., subprocess.CompletedProcess[str]]
ARGS = ("build", "--size", "16", "--val", "val*", "--json")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sessions that make four blocks, and the data set of a local build of them."""
    folder = tmp_path_factory.mktemp("recorded")
    sessions = Sessions(folder / "recordings")
    for name, count in (("train1", 600), ("val1", 200)):
        sessions(name, [Frame((Body(x=100 + k / 8),)) for k in range(count)])
    build(BuildSettings(folder / "whole.h5", folder / "recordings", size=16, val="val*", workers=1))
    return folder


def test_a_cluster_makes_the_bytes_of_a_local_build(
    recorded: Path, cluster: Cluster, kincap: Run, tmp_path: Path
) -> None:
    # relative paths: the workers have another current folder
    (tmp_path / "recordings").symlink_to(recorded / "recordings")
    done = kincap(*ARGS, "--out", "set.h5", "--scheduler", cluster.address, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kept"] == 800
    assert (tmp_path / "set.h5").read_bytes() == (recorded / "whole.h5").read_bytes()
    assert done.stderr == ""
    assert not list(tmp_path.glob("*tmp*"))


def refused(done: subprocess.CompletedProcess[str], exit_code: int, *said: str) -> None:
    """Check that a build ended in one line that names the scheduler, and wrote nothing."""
    assert done.returncode == exit_code, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("kincap: --scheduler dask://")
    for text in said:
        assert text in line


@pytest.mark.parametrize("address", ["localhost:8786", "dask://", "dask://h:0", "tcp://h:1", ""])
def test_an_address_of_another_form_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected dask://HOST:PORT") as caught:
        build(BuildSettings(tmp_path / "set.h5", tmp_path, scheduler=address))
    assert caught.value.exit_code == 2


def test_a_port_where_nothing_listens_is_one_line(recorded: Path, kincap: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = kincap(*ARGS, "--scheduler", f"dask://127.0.0.1:{port}", cwd=recorded)
    refused(done, 2, "Connection refused", "dask scheduler")


def test_without_the_extra_it_says_what_to_install(
    recorded: Path, kincap: Run, tmp_path: Path
) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('no distributed here')")
    args = (*ARGS, "--recordings", recorded / "recordings", "--scheduler", "dask://127.0.0.1:1")
    refused(kincap(*args, cwd=tmp_path), 3, "pip install 'kincap[dask]'")
    assert len(list(tmp_path.iterdir())) == 1


def test_local_processes_and_a_cluster_exclude_each_other(recorded: Path) -> None:
    settings = BuildSettings(
        recorded / "set.h5", recorded / "recordings", workers=2, scheduler="dask://h:1"
    )
    with pytest.raises(DatasetError, match="--workers 2: .* --scheduler"):
        build(settings)


def test_a_worker_with_another_version_is_refused(
    recorded: Path, cluster: Cluster, kincap: Run, tmp_path: Path
) -> None:
    other = cluster.add_worker("--preload", "import kincap; kincap.__version__ = '0.0.9'")
    try:
        args = (*ARGS, "--recordings", recorded / "recordings", "--scheduler", cluster.address)
        refused(kincap(*args, cwd=tmp_path), 2, "worker tcp://", "has kincap 0.0.9, the build has")
    finally:
        cluster.workers.remove(other)
        other.terminate()
        other.wait(20)
    assert list(tmp_path.iterdir()) == []
