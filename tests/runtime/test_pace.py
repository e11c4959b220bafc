"""Batches of a leader: two on their way, the next one when there is reason to."""

import asyncio

import pytest

from raftwerk.core.messages import AppendEntries
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.pace import UNDER_WAY_MAX, WAIT_SECONDS, Pace
from raftwerk.types import LogIndex

from .group import Group, story

FAR_SECONDS = 0.03
"""A way that is long beside `WAIT_SECONDS`, and short beside an election timeout."""


def a_pace(turns: list[float]) -> Pace:
    """Return a pace, two of whose batches are on their way; it notes when it wakes."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    host = virtual_host(loop, SplitMix64(1))
    pace = Pace(host, lambda: turns.append(loop.time()))
    for end in (10, 20):
        assert pace.may_propose(LogIndex(0))
        pace.proposed(LogIndex(end))
    return pace


@story
async def test_the_third_batch_waits_for_the_commit_of_the_first() -> None:
    pace = a_pace([])
    assert not pace.may_propose(LogIndex(9))
    assert pace.may_propose(LogIndex(10))
    pace.stop()


@story
async def test_it_waits_for_a_bounded_time_and_a_turn_comes_for_it() -> None:
    turns: list[float] = []
    begin = asyncio.get_running_loop().time()
    pace = a_pace(turns)
    assert not pace.may_propose(LogIndex(0))
    assert not pace.may_propose(LogIndex(0)), "asked twice, woken once"
    await asyncio.sleep(2 * WAIT_SECONDS)
    assert turns == [pytest.approx(begin + WAIT_SECONDS)]
    assert pace.may_propose(LogIndex(0))
    pace.proposed(LogIndex(30))
    assert not pace.may_propose(LogIndex(0)), "the next one waits as long again"
    pace.stop()


@story
async def test_batches_of_another_term_are_forgotten() -> None:
    pace = a_pace([])
    pace.forget()
    assert pace.may_propose(LogIndex(0))


@story
async def test_who_stops_is_not_woken() -> None:
    turns: list[float] = []
    pace = a_pace(turns)
    assert not pace.may_propose(LogIndex(0))
    pace.stop()
    await asyncio.sleep(2 * WAIT_SECONDS)
    assert turns == []


@story
async def test_many_writers_share_few_batches_however_their_turns_fall() -> None:
    group = await Group(latency=lambda worker: 0.002).start()
    leader = group.leader
    await leader.propose(b"first")
    before = len(leader.sent(AppendEntries))

    async def write(writer: int) -> None:
        for number in range(20):
            await asyncio.sleep(0.0001 * writer)
            await leader.propose(b"%d of %d" % (number, writer))

    begin = group.loop.time()
    await asyncio.gather(*(write(writer) for writer in range(50)))
    seconds = group.loop.time() - begin
    sent = len(leader.sent(AppendEntries)) - before
    assert sent < 400, "two followers, 1,000 writes that came one by one"
    assert seconds < 0.3, "none waits for more than its batch and the one before"


@story
async def test_a_far_quorum_does_not_make_writers_wait_for_one_another() -> None:
    group = await Group(
        latency=lambda worker: FAR_SECONDS if worker == "disk" else 0
    ).start()
    leader = group.leader
    await leader.propose(b"first")
    writes = []
    begin = group.loop.time()
    for number in range(4 * UNDER_WAY_MAX):
        writes.append(leader.propose(b"%d" % number))
        await group.sleep(WAIT_SECONDS / 2)
    for write in writes:
        await write
    # A sync that has begun, the next one, and the round trips.
    assert group.loop.time() - begin < 3 * FAR_SECONDS
