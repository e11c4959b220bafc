"""The twin: the contract on virtual time, and a network that breaks on order."""

import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, VirtualProcess, virtual_host
from raftwerk.transport.conditions import Conditions
from raftwerk.transport.memory import MemoryNetwork, MemoryTransport
from raftwerk.transport.protocol import Admission, Identity, Transport
from raftwerk.types import NodeId
from tests.transport.contract import Group, Story, TransportContract
from tests.transport.helpers import (
    ONE,
    THREE,
    TWO,
    Lines,
    Recorder,
    append_entries,
    heartbeat,
    heartbeat_reply,
    identity,
    snapshot,
)


class MemoryGroup(Group):
    """Members in one process."""

    def __init__(
        self, loop: VirtualLoop, seed: int = 1, is_encoded: bool = True
    ) -> None:
        self.host = virtual_host(loop, SplitMix64(seed))
        super().__init__(self.host.timers)
        self.network = MemoryNetwork(
            self.host.timers, SplitMix64(seed).fork("network"), is_encoded=is_encoded
        )
        self._ports = 2380

    def make(
        self, who: Identity, address: str, admit: Admission | None = None
    ) -> Transport:
        return MemoryTransport(
            who,
            address,
            network=self.network,
            host=self.host,
            report=self.lines,
            admit=admit,
        )

    def free_address(self) -> str:
        self._ports += 1
        return f"192.0.2.1:{self._ports}"

    def address_of(self, transport: Transport, address: str) -> str:
        return address


def play(coroutine: Coroutine[Any, Any, None], loop: VirtualLoop) -> None:
    try:
        loop.run_until_complete(coroutine)
    finally:
        loop.close()


def with_group(
    test: Callable[[MemoryGroup], Coroutine[Any, Any, None]],
) -> Callable[[], None]:
    """Make a test of a coroutine: it has a group, on a virtual loop of its own."""

    # Not `functools.wraps`: pytest would take the group for a fixture.
    def run_it() -> None:
        loop = VirtualLoop()

        async def whole() -> None:
            await test(MemoryGroup(loop))

        play(whole(), loop)

    return run_it


class TestMemory(TransportContract):
    """The contract, through real frames."""

    is_encoded = True

    def play(self, story: Story) -> None:
        loop = VirtualLoop()

        async def whole() -> None:
            group = MemoryGroup(loop, is_encoded=self.is_encoded)
            await story(group)
            await group.stop_all()

        play(whole(), loop)


class TestMemoryWithoutFrames(TestMemory):
    """The contract, with objects handed over as they are."""

    is_encoded = False
    counts_bytes = False


def story_of(seed: int, conditions: Conditions) -> list[str]:
    """Return what a group sees under these conditions, with times."""
    seen: list[str] = []
    loop = VirtualLoop()

    async def story() -> None:
        group = MemoryGroup(loop, seed)
        await group.start_pair()
        group.network.set_conditions(conditions)
        told = group.receivers[TWO]
        told.on_any = lambda: seen.append(
            f"{group.host.clock.now():.6f} {told.numbers} {told.snapshots}"
        )
        for number in range(50):
            group.transports[ONE].send([append_entries(number)])
            await group.timers.sleep(0.001)
        await group.timers.sleep(1.0)
        await group.stop_all()

    play(story(), loop)
    return seen


WILD = Conditions(drop_rate=0.2, duplicate_rate=0.2, reorder_rate=0.2)


def test_a_seed_decides_everything() -> None:
    assert story_of(7, WILD) == story_of(7, WILD)
    assert story_of(7, WILD) != story_of(8, WILD)


FATES = [
    # conditions                      in order  all arrive  some twice
    (Conditions(), True, True, False),
    (Conditions(drop_rate=0.3), True, False, False),
    (Conditions(duplicate_rate=0.3), False, True, True),
    (Conditions(reorder_rate=0.3), False, True, False),
    (Conditions(drop_rate=1.0), True, False, False),
]


@pytest.mark.parametrize(("conditions", "is_sorted", "is_whole", "is_doubled"), FATES)
def test_messages_are_lost_doubled_and_overtaken_as_ordered(
    conditions: Conditions, is_sorted: bool, is_whole: bool, is_doubled: bool
) -> None:
    loop = VirtualLoop()

    async def story() -> None:
        group = MemoryGroup(loop)
        one, _ = await group.start_pair()
        group.network.set_conditions(conditions)
        one.send([append_entries(number) for number in range(200)])
        await group.timers.sleep(1.0)
        numbers = group.receivers[TWO].numbers
        assert (numbers == sorted(numbers)) == is_sorted
        assert (set(numbers) == set(range(200))) == is_whole
        assert (len(numbers) > len(set(numbers))) == is_doubled

    play(story(), loop)


@with_group
async def test_latency_is_within_its_bounds(group: MemoryGroup) -> None:
    one, _ = await group.start_pair()
    group.network.set_conditions(
        Conditions(latency_min_seconds=0.5, latency_max_seconds=0.75)
    )
    told = group.receivers[TWO]
    times: list[float] = []
    told.on_any = lambda: times.append(group.host.clock.now() - begin)
    for _ in range(50):
        begin = group.host.clock.now()
        one.send([heartbeat()])
        await group.timers.sleep(1.0)
    assert 0.5 <= min(times) < 0.55
    assert 0.7 < max(times) <= 0.75


@with_group
async def test_conditions_may_be_those_of_one_way_alone(group: MemoryGroup) -> None:
    one, two = await group.start_pair()
    group.network.set_conditions(Conditions(drop_rate=1.0), ONE, TWO)
    one.send([heartbeat()])
    two.send([heartbeat(0, TWO, ONE)])
    await group.timers.sleep(1.0)
    assert not group.receivers[TWO].messages
    assert group.receivers[ONE].messages
    group.network.set_conditions(Conditions())
    await group.until_heard(ONE, TWO)


@with_group
async def test_a_cut_in_one_direction_leaves_the_other_as_it_was(
    group: MemoryGroup,
) -> None:
    one, two = await group.start_pair()
    await group.until_heard(ONE, TWO)
    await group.until_heard(TWO, ONE)
    group.network.cut(ONE, TWO)
    before = len(group.receivers[TWO].messages)
    for number in range(60):
        one.send([heartbeat(number)])
        two.send([heartbeat_reply(number, TWO, ONE)])
        await group.timers.sleep(0.1)
    assert len(group.receivers[TWO].messages) == before
    assert heartbeat_reply(59, TWO, ONE) in group.receivers[ONE].messages
    assert group.receivers[ONE].unreachable == [TWO]
    group.network.heal(ONE, TWO)
    await group.until_heard(ONE, TWO)


@with_group
async def test_what_is_under_way_when_a_way_is_cut_is_lost(group: MemoryGroup) -> None:
    one, _ = await group.start_pair()
    await group.until_heard(ONE, TWO)
    before = len(group.receivers[TWO].messages)
    one.send([heartbeat(), snapshot(10)])
    group.network.cut(ONE, TWO)
    await group.timers.sleep(0.5)
    group.network.heal(ONE, TWO)
    await group.timers.sleep(5.0)
    assert len(group.receivers[TWO].messages) == before
    assert group.receivers[ONE].snapshots == [(TWO, False)]
    assert not group.receivers[ONE].unreachable, "it was healed in time"


@with_group
async def test_a_partition_separates_groups_and_healing_joins_them(
    group: MemoryGroup,
) -> None:
    for node_id in (ONE, TWO, THREE):
        await group.start(node_id)
    group.introduce()
    group.network.partition([ONE], [TWO, THREE])
    for sender in (ONE, TWO, THREE):
        for receiver in (ONE, TWO, THREE):
            group.transports[sender].send([heartbeat(0, sender, receiver)])
    await group.timers.sleep(1.0)
    assert not group.receivers[ONE].messages
    assert group.receivers[TWO].messages == [heartbeat(0, THREE, TWO)]
    assert group.receivers[THREE].messages == [heartbeat(0, TWO, THREE)]
    group.network.heal_all()
    await group.until_heard(ONE, TWO)
    await group.until_heard(THREE, ONE)


@with_group
async def test_a_member_that_crashes_is_gone_at_once_and_its_peers_notice(
    group: MemoryGroup,
) -> None:
    one, two = await group.start_pair()
    await group.until_heard(ONE, TWO)
    await group.until_heard(TWO, ONE)
    told = group.receivers[TWO]
    one.send([heartbeat()])
    two.send([heartbeat_reply(9, TWO, ONE)])
    before = len(told.messages)
    group.network.crash(TWO)
    await group.timers.sleep(1.0)
    assert len(told.messages) == before
    assert heartbeat_reply(9, TWO, ONE) in group.receivers[ONE].messages
    assert group.receivers[ONE].unreachable == [TWO]
    await group.start(TWO)
    group.introduce()
    await group.until_heard(ONE, TWO)


@with_group
async def test_messages_under_way_are_bounded(group: MemoryGroup) -> None:
    one, _ = await group.start_pair()
    for _ in range(5):
        one.send([heartbeat(number) for number in range(1000)])
    assert one.peers()[TWO].waiting_messages == 4096
    await group.until(lambda: group.receivers[ONE].unreachable)
    assert len(group.receivers[TWO].messages) == 4096


def test_what_a_killed_process_sent_still_arrives_and_it_hears_nothing() -> None:
    loop = VirtualLoop()

    async def story() -> None:
        nobodys = contextvars.copy_context()
        world = virtual_host(loop, SplitMix64(1), context=nobodys)
        network = MemoryNetwork(world.timers, SplitMix64(2))
        processes = {n: VirtualProcess(loop, SplitMix64(n)) for n in (1, 2)}
        addresses = {NodeId(n): f"192.0.2.{n}:2380" for n in (1, 2)}
        receivers = {n: Recorder() for n in (1, 2)}
        transports = {}
        for number, process in processes.items():
            transports[number] = MemoryTransport(
                identity(NodeId(number)),
                addresses[NodeId(number)],
                network=network,
                host=process.host,
                report=Lines(),
            )
            transports[number].set_peers(addresses)
            await process.start(transports[number].start(receivers[number]))
        processes[1].call(transports[1].send, [heartbeat()])
        processes[2].call(transports[2].send, [heartbeat(0, TWO, ONE)])
        processes[1].kill()
        network.crash(ONE)
        await world.timers.sleep(1.0)
        assert receivers[2].messages == [heartbeat()]
        assert not receivers[1].messages

    play(story(), loop)
