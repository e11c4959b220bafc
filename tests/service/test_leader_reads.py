"""Reads on a member whose disk is full, on whole groups on virtual time."""

from typing import Any

import pytest

from raftwerk.errors import NotProposed
from raftwerk.kv import Compact, CompactedRevision, Put, Range, Store, Txn
from raftwerk.service import KvService, leader_reads
from raftwerk.service.leader_reads import LeaderReads
from tests.runtime.group import Process, story
from tests.runtime.test_full_disk import DiskGroup

VALUE = b"x" * 500


class Services:
    """A group on disks, with the key-value calls of each member."""

    def __init__(self) -> None:
        self.group = DiskGroup()
        self.kv: dict[int, KvService] = {}

    async def start(self) -> "Services":
        for process in self.group:
            await process.start(Store())
            kv = KvService(process.node, self.store_of(process))
            LeaderReads(process.node, kv)
            self.kv[process.node_id] = kv
        await self.group.until_led()
        return self

    @staticmethod
    def store_of(process: Process) -> Store:
        store: Any = process.machine
        assert isinstance(store, Store)
        return store

    async def ask(self, process: Process, call: Any) -> Any:
        return await self.group.outcome(process.process.start(call))

    async def put(self, key: bytes, value: bytes = VALUE) -> Any:
        leader = self.group.leader
        return await self.ask(leader, self.kv[leader.node_id].put(Put(key, value)))

    async def fall_behind(self) -> Process:
        """Fill a follower's disk, and write until it can't follow."""
        full = self.group.followers[0]
        await self.put(b"begin")
        await self.group.until_equal()
        self.group.fill(full)
        for number in range(200):
            await self.put(b"key %d" % number)
        assert full.status.last_log_index < self.group.leader.status.commit_index - 50
        return full


@story
async def test_reads_go_on_at_a_follower_whose_disk_is_full() -> None:
    services = await Services().start()
    full = await services.fall_behind()
    kv, group = services.kv[full.node_id], services.group
    begin = group.loop.time()
    found = await services.ask(full, kv.range(Range(b"key 199")))
    assert [each.value for each in found.kvs] == [VALUE]
    every = await services.ask(full, kv.range(Range(b"key", b"kez", limit=3)))
    assert (len(every.kvs), every.more, every.count) == (3, True, 200)
    both = Txn(success=(Range(b"begin"), Range(b"key 0")))
    read = await services.ask(full, kv.txn(both))
    assert [len(each.kvs) for each in read.responses] == [1, 1]
    assert group.loop.time() - begin < 0.5, "it waits for nothing"
    old = await services.ask(full, kv.range(Range(b"key 199", serializable=True)))
    assert not old.kvs, "what it has itself it still says as it is"
    group.free(full)
    await group.until_equal()
    assert services.store_of(full).range(Range(b"key 199")).kvs


@story
async def test_a_read_that_is_handed_on_is_refused_in_the_words_of_the_store() -> None:
    services = await Services().start()
    full = await services.fall_behind()
    leader = services.group.leader
    compacting = services.kv[leader.node_id].compact(Compact(100))
    await services.ask(leader, compacting)
    call = services.kv[full.node_id].range(Range(b"begin", revision=5))
    assert isinstance(await services.ask(full, call), CompactedRevision)


@story
async def test_an_answer_that_is_too_large_for_the_way_is_refused_with_words() -> None:
    services = await Services().start()
    full = await services.fall_behind()
    with pytest.MonkeyPatch.context() as small:
        small.setattr(leader_reads, "ANSWER_BYTES_MAX", 1000)
        call = services.kv[full.node_id].range(Range(b"key", b"kez"))
        refusal = await services.ask(full, call)
    assert isinstance(refusal, NotProposed)
    assert "read less at a time" in str(refusal)


@story
async def test_without_a_leader_a_read_on_a_full_disk_says_that_nobody_leads() -> None:
    services = await Services().start()
    full = await services.fall_behind()
    services.group.isolate(full.node_id)
    refusal = await services.ask(full, services.kv[full.node_id].range(Range(b"begin")))
    assert isinstance(refusal, NotProposed), refusal
