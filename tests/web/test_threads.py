"""Work that blocks for ever: others are answered, and the process ends."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest
from starlette.exceptions import HTTPException

from kincap.web.threads import WorkerThreads


def test_results_and_errors_come_back():
    async def both() -> None:
        threads = WorkerThreads()
        assert await threads.run(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await threads.run(divmod, 7, 0)

    asyncio.run(both())


def test_work_that_blocks_is_given_up_and_others_go_on():
    release = threading.Event()

    async def beside() -> None:
        threads = WorkerThreads(most=4, patience_s=0.3)
        stuck = [asyncio.create_task(threads.run(release.wait)) for _ in range(3)]
        await asyncio.sleep(0)
        for number in range(50):
            assert await threads.run(abs, -number) == number
        for result in await asyncio.gather(*stuck, return_exceptions=True):
            assert isinstance(result, HTTPException)
            assert result.status_code == 503

    try:
        asyncio.run(beside())
    finally:
        release.set()


def test_a_thread_is_free_for_each_call_however_they_are_timed():
    """A thread that has taken a job and has not said so yet is not free."""

    async def round_of_calls() -> None:
        release = threading.Event()
        threads = WorkerThreads(most=4, patience_s=2)
        stuck = [asyncio.create_task(threads.run(release.wait)) for _ in range(3)]
        try:
            await asyncio.sleep(0)
            assert await threads.run(abs, -1) == 1
        finally:
            release.set()
            await asyncio.gather(*stuck)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(300):
            asyncio.run(round_of_calls())
    finally:
        sys.setswitchinterval(interval)


def test_the_process_ends_while_work_is_blocked():
    code = (
        "import asyncio, threading\n"
        "from kincap.web.threads import WorkerThreads\n"
        "async def main():\n"
        "    try:\n"
        "        await WorkerThreads(patience_s=0.1).run(threading.Event().wait)\n"
        "    except Exception as error:\n"
        "        print(error.status_code)\n"
        "asyncio.run(main())\n"
    )
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout.strip()) == (0, "503"), done.stderr
    assert time.monotonic() - begin < 20
