"""A build on a real Dask cluster: the same bytes, whatever happens to its workers."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kincap.core.errors import DatasetError
from kincap.dataset.build import BuildSettings, build
from kincap.dataset.scheduler.scheduler import open_scheduler

from ..conftest import Body, Frame, Sessions
from .dask_cluster import Cluster

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


def test_a_cluster_that_loses_a_worker_makes_the_bytes_of_a_local_build(
    recorded: Path, cluster: Cluster, kincap: Run, tmp_path: Path
) -> None:
    # relative paths: the workers have another current folder
    (tmp_path / "recordings").symlink_to(recorded / "recordings")
    # it kills itself in its first block
    lost = cluster.add_worker(KINCAP_FAULTS="write:kill:40")
    try:
        done = kincap(*ARGS, "--out", "set.h5", "--scheduler", cluster.address, cwd=tmp_path)
        assert lost.wait(60) == -signal.SIGKILL
    finally:
        cluster.remove(lost)
    assert done.returncode == 0, done.stderr
    # on a busy machine there are lines of progress
    assert [line for line in done.stderr.splitlines() if not line.startswith("building ")] == []
    assert json.loads(done.stdout)["kept"] == 800
    assert (tmp_path / "set.h5").read_bytes() == (recorded / "whole.h5").read_bytes()
    assert not list(tmp_path.glob("*tmp*"))


def test_a_task_of_a_build_that_was_stopped_writes_nothing(
    recorded: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path_factory.mktemp("stopped"))
    try:
        # its only worker waits before it opens the file
        cluster.add_worker(KINCAP_FAULTS="open:stall=4:1")
        args = [*ARGS, "--recordings", recorded / "recordings", "--scheduler", cluster.address]
        build_it = [sys.executable, "-m", "kincap", *map(str, args), "--out", "set.h5"]
        with subprocess.Popen(build_it, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            wait_for(lambda: (tmp_path / "set.h5.part.json").exists())
            time.sleep(0.5)  # the task is handed out
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
        before = (tmp_path / "set.h5.part").read_bytes()
        assert '"token": ""' in (tmp_path / "set.h5.part.json").read_text()
        with open_scheduler(cluster.address, None) as scheduler:
            # its one thread comes to this when it has ended that task
            assert list(scheduler.run(abs, [-1])) == [(-1, 1)]
        assert (tmp_path / "set.h5.part").read_bytes() == before
        build(
            BuildSettings(
                tmp_path / "set.h5", recorded / "recordings", size=16, val="val*", workers=1
            )
        )
        assert (tmp_path / "set.h5").read_bytes() == (recorded / "whole.h5").read_bytes()
    finally:
        cluster.stop()


def wait_for(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_workers_that_do_not_see_the_folders_are_refused(
    recorded: Path, cluster: Cluster, tmp_path: Path
) -> None:
    with open_scheduler(cluster.address, None) as scheduler:
        scheduler.check_paths(recorded / "recordings", tmp_path)
        (tmp_path / "nothing").mkdir()
        with pytest.raises(DatasetError, match=r"worker tcp://.* does not see --recordings /"):
            scheduler.check_paths(tmp_path / "recordings", tmp_path / "nothing")
    assert list((tmp_path / "nothing").iterdir()) == []


@pytest.mark.parametrize("address", ["localhost:8786", "dask://", "dask://h:0", "tcp://h:1", ""])
def test_an_address_of_another_form_is_refused(address: str, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"expected dask://HOST:PORT") as caught:
        build(BuildSettings(tmp_path / "set.h5", tmp_path, scheduler=address))
    assert caught.value.exit_code == 2


def test_a_port_where_nothing_listens_is_one_line(recorded: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    address = f"dask://127.0.0.1:{port}"
    with pytest.raises(DatasetError, match=f"^--scheduler {address}: Connection refused") as caught:
        build(BuildSettings(tmp_path / "set.h5", recorded / "recordings", scheduler=address))
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_what_to_install(
    recorded: Path, kincap: Run, tmp_path: Path
) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('no distributed here')")
    args = (*ARGS, "--recordings", recorded / "recordings", "--scheduler", "dask://127.0.0.1:1")
    done = kincap(*args, cwd=tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("kincap: --scheduler dask://127.0.0.1:1: dask is not installed")
    assert line.endswith("pip install 'kincap[dask]'")
    assert len(list(tmp_path.iterdir())) == 1


def test_local_processes_and_a_cluster_exclude_each_other(recorded: Path) -> None:
    settings = BuildSettings(
        recorded / "set.h5", recorded / "recordings", workers=2, scheduler="dask://h:1"
    )
    with pytest.raises(DatasetError, match="--workers 2: .* --scheduler"):
        build(settings)


@pytest.mark.parametrize(
    ("preload", "said"),
    [
        ("import kincap; kincap.__version__ = '0.0.9'", r"has kincap 0\.0\.9, the build has"),
        ("import sys; sys.modules['kincap'] = None", r"can't run this kincap \(.*No module"),
    ],
)
def test_a_worker_with_another_version_or_none_is_refused(
    recorded: Path, cluster: Cluster, tmp_path: Path, preload: str, said: str
) -> None:
    other = cluster.add_worker("--preload", preload)
    settings = BuildSettings(
        tmp_path / "set.h5", recorded / "recordings", scheduler=cluster.address
    )
    try:
        with pytest.raises(
            DatasetError, match=rf"worker tcp://.* {said}.*; install the same version there"
        ) as caught:
            build(settings)
    finally:
        cluster.remove(other)
    assert caught.value.exit_code == 2
    assert list(tmp_path.iterdir()) == []
