"""The disk's thread is timed once, for all who ask; other threads are left alone."""

import asyncio

import pytest

from raftwerk.errors import DiskFull
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.virtual import VirtualLoop, run, virtual_host
from raftwerk.runtime.metrics import SYNCS_OF_LATE, NodeMetrics
from raftwerk.runtime.timed_threads import timed_host


class SteppingClock:
    """Each look finds it a quarter of a second later, so that a call takes so long."""

    def __init__(self) -> None:
        self.looks = 0

    def now(self) -> float:
        self.looks += 1
        return self.looks * 0.25

    def wall(self) -> float:
        return self.now()


def host() -> Host:
    """Return the running loop's host with a clock that steps."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    made = virtual_host(loop, SplitMix64(1))
    return Host(
        clock=SteppingClock(), timers=made.timers, threads=made.threads, draw=made.draw
    )


def test_each_sync_is_told_to_all_and_its_answer_passed_on() -> None:
    async def story() -> None:
        one: list[float] = []
        other: list[float] = []
        disk = timed_host(host(), one.append, other.append).threads("disk")
        assert await disk.run(divmod, 7, 2) == (3, 1)
        assert one == other == [0.25]

    run(story())


def test_a_call_that_fails_took_time_too() -> None:
    def refuse() -> None:
        raise DiskFull("no space left")

    async def story() -> None:
        told: list[float] = []
        disk = timed_host(host(), told.append).threads("disk")
        with pytest.raises(DiskFull):
            await disk.run(refuse)
        assert told == [0.25]

    run(story())


def test_another_thread_is_not_timed() -> None:
    async def story() -> None:
        told: list[float] = []
        await timed_host(host(), told.append).threads("snapshots").run(divmod, 7, 2)
        assert not told

    run(story())


def test_what_a_sync_took_of_late_forgets_what_was_long_ago() -> None:
    metrics = NodeMetrics()
    assert metrics.late_sync_seconds() == 0.0
    for _ in range(SYNCS_OF_LATE):
        metrics.synced(1.0)
    metrics.synced(9.0)
    assert metrics.late_sync_seconds() == 1.0, "one slow sync is no slow disk"
    for _ in range(SYNCS_OF_LATE):
        metrics.synced(0.001)
    assert metrics.late_sync_seconds() == 0.001
