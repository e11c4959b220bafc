"""Syncs by the kernel: done when it says so, and its errors are told."""

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from raftwerk.host.ring import Ring

pytestmark = pytest.mark.e2e

Asked = Callable[[int], "asyncio.Future[OSError | None]"]


def run(story: Callable[[Asked], Awaitable[None]], ring: Ring) -> None:
    """Run a story, if this kernel lets us have a ring."""

    async def told() -> None:
        loop = asyncio.get_running_loop()

        def ask(descriptor: int) -> "asyncio.Future[OSError | None]":
            ended: asyncio.Future[OSError | None] = loop.create_future()
            if not ring.sync(descriptor, ended.set_result):
                pytest.skip("this kernel, or a rule of this container, has no io_uring")
            assert not ended.done(), "never before the call returns"
            return ended

        await asyncio.wait_for(story(ask), 30)

    asyncio.run(told())


def test_a_file_is_synced_as_often_as_it_is_asked_for(tmp_path: Path) -> None:
    async def story(ask: Asked) -> None:
        descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        for _ in range(3):
            os.pwrite(descriptor, b"x" * 5000, 0)
            assert await ask(descriptor) is None
        assert (
            await asyncio.gather(*(ask(descriptor) for _ in range(10))) == [None] * 10
        )
        os.close(descriptor)

    run(story, Ring())


def test_what_the_system_says_is_told(tmp_path: Path) -> None:
    async def story(ask: Asked) -> None:
        reader, writer = os.pipe()
        error = await ask(reader)
        assert error is not None and error.errno == errno.EINVAL
        assert os.strerror(errno.EINVAL) in str(error)
        os.close(reader)
        os.close(writer)
        error = await ask(reader)
        assert error is not None and error.errno == errno.EBADF
        descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        assert await ask(descriptor) is None, "one error is not the end of the ring"
        os.close(descriptor)

    run(story, Ring())


def test_a_ring_serves_the_loop_that_runs(tmp_path: Path) -> None:
    ring = Ring()

    async def story(ask: Asked) -> None:
        descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        assert await ask(descriptor) is None
        os.close(descriptor)

    run(story, ring)
    run(story, ring)


def test_more_than_it_holds_is_left_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = Ring()

    async def story(ask: Asked) -> None:
        descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
        assert await ask(descriptor) is None
        with monkeypatch.context() as patch:
            patch.setattr("raftwerk.host.ring.REQUESTS_MAX", 0)
            assert not ring.sync(descriptor, print)
        assert await ask(descriptor) is None
        os.close(descriptor)

    run(story, ring)


def test_without_the_kernels_help_nothing_is_promised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> None:
        raise ImportError("io_uring_setup: blocked by seccomp")

    monkeypatch.setattr("raftwerk.host.ring._contexts", refused)

    async def story() -> None:
        assert not Ring().sync(0, print)

    asyncio.run(story())
