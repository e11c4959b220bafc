"""Work is waited for so long, and no longer."""

import asyncio

import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.host.patience import within
from raftwerk.host.protocol import Timers
from raftwerk.host.virtual import VirtualLoop, run, virtual_host


def timers() -> Timers:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return virtual_host(loop, SplitMix64(1)).timers


async def sleep_for(seconds: float, ends: list[str]) -> str:
    try:
        await timers().sleep(seconds)
    except asyncio.CancelledError:
        ends.append("cancelled")
        raise
    ends.append("done")
    return "result"


def test_what_is_done_in_time_has_its_result() -> None:
    ends: list[str] = []

    async def story() -> None:
        assert await within(timers(), 2.0, sleep_for(1.0, ends)) == "result"

    run(story())
    assert ends == ["done"]


def test_what_takes_longer_is_given_up_and_cancelled() -> None:
    ends: list[str] = []

    async def story() -> None:
        loop = asyncio.get_running_loop()
        begin = loop.time()
        with pytest.raises(TimeoutError, match="not done within 2 s"):
            await within(timers(), 2.0, sleep_for(3.0, ends))
        assert loop.time() - begin == pytest.approx(2.0)

    run(story())
    assert ends == ["cancelled"]


def test_its_own_failure_is_no_lateness() -> None:
    async def fail() -> None:
        raise OSError("broken")

    async def story() -> None:
        with pytest.raises(OSError, match="broken"):
            await within(timers(), 2.0, fail())

    run(story())


def test_whoever_waits_may_be_cancelled_and_so_is_the_work() -> None:
    ends: list[str] = []

    async def story() -> None:
        waiting = asyncio.ensure_future(within(timers(), 9.0, sleep_for(5.0, ends)))
        await timers().sleep(1.0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await timers().sleep(0)

    run(story())
    assert ends == ["cancelled"]
