"""The past is let go of by itself, and no sooner than was said."""

import asyncio

from raftwerk.config.compaction import AutoCompaction
from raftwerk.core.roles import Role
from raftwerk.errors import NotLeader
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.kv import Put, Store
from raftwerk.service import KvService
from raftwerk.service.compactor import Compactor
from tests.runtime.group import story
from tests.service.fake_node import FakeNode


class Member:
    """A member without a group, whose compactor runs on virtual time."""

    def __init__(self, config: AutoCompaction) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        host = virtual_host(loop, SplitMix64(1))
        self.store = Store()
        self.node = FakeNode(self.store)
        self.kv = KvService(self.node, self.store)
        compactor = Compactor(
            self.node,
            self.store,
            self.kv,
            config,
            clock=host.clock,
            timers=host.timers,
        )
        self.running = asyncio.ensure_future(compactor.run())

    async def write(self, count: int, seconds: float) -> None:
        """Write so many revisions, so far apart."""
        for _ in range(count):
            await self.kv.put(Put(b"a"))
            await asyncio.sleep(seconds)

    @property
    def kept(self) -> int:
        """How many revisions before the newest can be read."""
        return self.store.revision - self.store.compact_revision

    async def stop(self) -> None:
        """Compact no more."""
        self.running.cancel()
        await asyncio.wait([self.running])


@story
async def test_nothing_is_compacted_if_nobody_says_so() -> None:
    member = Member(AutoCompaction())
    await member.write(20, 3_600.0)
    assert member.store.compact_revision == -1
    assert member.running.done()


@story
async def test_what_is_older_than_an_hour_goes_and_what_is_younger_stays() -> None:
    member = Member(AutoCompaction(retention="1h"))
    await member.write(11, 300.0)
    assert member.store.compact_revision == -1
    for _ in range(40):
        await member.write(1, 300.0)
        # Twelve were written in the last hour; it is looked every five minutes.
        assert 11 <= member.kept <= 14
    await member.stop()


@story
async def test_so_many_revisions_stay() -> None:
    member = Member(AutoCompaction(mode="revision", retention="10"))
    await member.write(30, 1.0)
    assert member.store.compact_revision == -1
    await asyncio.sleep(300.0)
    assert member.kept == 10
    await member.stop()


@story
async def test_only_the_leader_compacts_but_the_next_one_knows_what_is_old() -> None:
    member = Member(AutoCompaction(retention="60s"))
    member.node.change(role=Role.FOLLOWER)
    await member.write(20, 10.0)
    assert member.store.compact_revision == -1
    member.node.change(role=Role.LEADER)
    await asyncio.sleep(6.1)
    assert 5 <= member.kept <= 8
    await member.stop()


@story
async def test_what_fails_is_tried_again() -> None:
    member = Member(AutoCompaction(retention="60s"))
    await member.write(10, 10.0)
    compacted = member.store.compact_revision
    member.node.failures += [NotLeader("nobody")]
    await asyncio.sleep(30.0)
    assert not member.node.failures
    assert member.store.compact_revision > compacted
    await member.stop()
