"""A member tells of itself until the group knows the truth."""

import asyncio

import msgspec

from raftwerk.config import NodeConfig
from raftwerk.errors import OutcomeUnknown, QueueFull
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.members import Members, PublishMember
from raftwerk.runtime.publisher import Publisher
from raftwerk.runtime.versions import READABLE_VERSION
from raftwerk.types import NodeId

from .group import member_of, story

TRUTH = member_of(1, name="one", directory_id=7, version=READABLE_VERSION)


class Rig:
    """A publisher, and the group that it tells."""

    def __init__(self, directory_id: int = 7) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        self.members = Members([member_of(1)])
        self.told: list[tuple[float, asyncio.Future[object]]] = []
        self.is_full = False
        self.truth = TRUTH
        config = NodeConfig(
            node_id=NodeId(1),
            name="one",
            peer_urls=TRUTH.peer_urls,
            directory_id=directory_id,
        )
        timers = virtual_host(loop, SplitMix64(1)).timers
        self.publisher = Publisher(config, timers, lambda: self.members, self.propose)

    def propose(self, record: bytes) -> "asyncio.Future[object]":
        if self.is_full:
            raise QueueFull("too much waits")
        future = self.loop.create_future()
        assert msgspec.msgpack.decode(record, type=PublishMember).member == self.truth
        self.told.append((self.loop.time(), future))
        return future

    def apply(self) -> None:
        """Have what was told last come to effect."""
        self.members.apply_record(PublishMember(self.truth))
        self.told[-1][1].set_result(None)


@story
async def test_it_tells_once_and_is_content_when_that_is_known() -> None:
    rig = Rig()
    rig.publisher.look()
    rig.publisher.look()
    assert len(rig.told) == 1
    rig.apply()
    await asyncio.sleep(10.0)
    rig.publisher.look()
    assert len(rig.told) == 1


@story
async def test_it_tells_again_until_it_is_applied() -> None:
    rig = Rig()
    rig.publisher.look()
    rig.told[-1][1].set_exception(OutcomeUnknown("the leader changed"))
    await asyncio.sleep(1.5)
    assert [at for at, _ in rig.told] == [0.0, 1.0]
    rig.apply()
    await asyncio.sleep(10.0)
    assert len(rig.told) == 2


@story
async def test_a_full_queue_is_no_reason_to_fail_but_to_try_later() -> None:
    rig = Rig()
    rig.is_full = True
    rig.publisher.look()
    assert not rig.told
    rig.is_full = False
    await asyncio.sleep(1.5)
    assert len(rig.told) == 1


@story
async def test_it_tells_when_the_group_comes_to_believe_something_else() -> None:
    rig = Rig()
    rig.publisher.look()
    rig.apply()
    await asyncio.sleep(0)
    rig.members = Members([member_of(1, name="renamed", directory_id=7)])
    rig.publisher.look()
    assert len(rig.told) == 2


@story
async def test_it_leaves_what_an_operator_added_alone() -> None:
    rig = Rig()
    rig.publisher.look()
    rig.apply()
    await asyncio.sleep(0)
    known = rig.members.by_id[NodeId(1)]
    moved = msgspec.structs.replace(
        known, peer_urls=("http://elsewhere:1",), replaces=NodeId(9)
    )
    rig.members = Members([moved])
    rig.publisher.look()
    assert len(rig.told) == 1


@story
async def test_who_is_no_member_tells_nothing() -> None:
    rig = Rig()
    rig.members = Members([])
    rig.publisher.look()
    assert not rig.told


@story
async def test_without_a_data_directory_there_is_nothing_to_tell() -> None:
    rig = Rig(directory_id=0)
    rig.publisher.look()
    assert not rig.told


@story
async def test_nothing_is_told_after_the_end() -> None:
    rig = Rig()
    rig.publisher.look()
    rig.told[-1][1].set_exception(OutcomeUnknown("the leader changed"))
    await asyncio.sleep(0.5)
    rig.publisher.stop()
    rig.publisher.look()
    await asyncio.sleep(10.0)
    assert len(rig.told) == 1


@story
async def test_who_moves_tells_again_even_while_it_is_telling() -> None:
    rig = Rig()
    rig.publisher.look()
    moved = ("http://elsewhere:2380",)
    rig.truth = msgspec.structs.replace(TRUTH, peer_urls=moved)
    rig.publisher.move(moved)
    assert len(rig.told) == 1, "one record at a time"
    rig.members.apply_record(PublishMember(TRUTH))
    rig.told[-1][1].set_result(None)
    await asyncio.sleep(0)
    assert len(rig.told) == 2
    rig.apply()
    await asyncio.sleep(10.0)
    rig.publisher.move(moved)
    assert len(rig.told) == 2
