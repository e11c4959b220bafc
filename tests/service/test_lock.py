"""Locks on whole groups, on virtual time: one owner at a time, in order of arrival."""

import asyncio
import random
from typing import Any

import pytest

from raftwerk.kv import (
    Compact,
    Compare,
    CompareTarget,
    EmptyKey,
    LeaseNotFound,
    Put,
    Range,
    Txn,
)
from raftwerk.service.queue import RecipeError, key_of
from tests.runtime.group import Process, story
from tests.service.recipes import recipes, settle


def test_a_key_is_named_after_its_lease_in_hexadecimal() -> None:
    assert key_of(b"m", 7402) == b"m/1cea"
    assert key_of(b"", -7) == b"/-7"


@story
async def test_a_lock_goes_from_one_to_the_next_in_the_order_in_which_they_came() -> (
    None
):
    group = await recipes()
    one, two, three = group.members.group
    for lease in (11, 12, 13, 14):
        await group.members.grant(lease, 60)
    waiting = []
    for process, lease in ((one, 11), (two, 12), (three, 13), (two, 14)):
        waiting.append(group.lock(process, b"m", lease))
        await settle()
    assert [task.done() for task in waiting] == [True, False, False, False]
    await group.unlock(three, (await waiting[0]).key)
    await settle()
    assert [task.done() for task in waiting] == [True, True, False, False]
    # One in the middle gives up with its lease: nobody is woken by it.
    await group.members.begin(one, group.members.of(one).lease.revoke(13))
    with pytest.raises(RecipeError, match="mutex: session is expired"):
        await waiting[2]
    assert not waiting[3].done()
    await group.unlock(one, (await waiting[1]).key)
    assert (await waiting[3]).key == b"m/e"


@story
async def test_a_lock_ends_with_its_lease() -> None:
    group = await recipes()
    one, two, _ = group.members.group
    await group.members.grant(11, 3)
    await group.members.grant(12, 60)
    await group.lock(one, b"m", 11)
    waiting = group.lock(two, b"m", 12)
    await asyncio.sleep(2.5)
    assert not waiting.done()
    await asyncio.sleep(1.0)
    assert (await waiting).key == b"m/c"


@story
async def test_whoever_has_a_lock_has_it_at_once() -> None:
    group = await recipes(1)
    (one,) = group.members.group
    await group.members.grant(11, 60)
    first = await group.lock(one, b"m", 11)
    again = await group.lock(one, b"m", 11)
    assert again == first
    assert await group.lock(one, b"other", 11)


@story
async def test_who_brings_no_lease_gets_one_of_a_minute() -> None:
    group = await recipes(1)
    (one,) = group.members.group
    locked = await group.lock(one, b"m", 0)
    (lease,) = group.members.of(one).store.leases()
    assert lease.ttl_seconds == 60
    assert locked.key == key_of(b"m", lease.lease_id)


@story
async def test_what_can_not_be_locked_is_refused() -> None:
    group = await recipes(1)
    (one,) = group.members.group
    with pytest.raises(LeaseNotFound):
        await group.lock(one, b"m", 5)
    with pytest.raises(EmptyKey):
        await group.unlock(one, b"")
    assert await group.unlock(one, b"m/5") == 1


@story
async def test_who_goes_away_leaves_the_line() -> None:
    group = await recipes()
    one, two, three = group.members.group
    for lease in (11, 12, 13):
        await group.members.grant(lease, 60)
    held = await group.lock(one, b"m", 11)
    leaving = group.lock(two, b"m", 12)
    await settle()
    waiting = group.lock(three, b"m", 13)
    await settle()
    leaving.cancel()
    await settle()
    assert (
        group.members.of(one).store.range(Range(b"m/c", serializable=True)).count == 0
    )
    await group.unlock(one, held.key)
    assert (await waiting).key == b"m/d"


@story
async def test_a_compaction_wakes_nobody_too_early_and_loses_nobody() -> None:
    group = await recipes()
    one, two, _ = group.members.group
    for lease in (11, 12):
        await group.members.grant(lease, 60)
    held = await group.lock(one, b"m", 11)
    waiting = group.lock(two, b"m", 12)
    await settle()
    kv = group.members.of(one).kv
    for number in range(20):
        result = await group.members.begin(one, kv.put(Put(b"x", b"%d" % number)))
    await group.members.begin(one, kv.compact(Compact(result.revision)))
    await settle()
    assert not waiting.done()
    await group.unlock(one, held.key)
    assert await waiting


@story
async def test_locks_outlive_the_member_through_which_they_were_taken() -> None:
    group = await recipes()
    leader = group.members.group.leader
    one, two = group.members.group.followers
    for lease in (11, 12):
        await group.members.grant(lease, 60)
    held = await group.lock(one, b"m", 11)
    waiting = group.lock(two, b"m", 12)
    await settle()
    leader.kill()
    await group.members.group.until_led([one.node_id, two.node_id])
    await settle()
    assert not waiting.done()
    await group.unlock(two, held.key)
    assert (await waiting).key == b"m/c"


@pytest.mark.parametrize("seed", range(4))
def test_at_most_one_owns_a_lock_and_writes_of_former_owners_fail(seed: int) -> None:
    """Clients lock, write guarded by their number, sleep at times, and let go."""

    @story
    async def tell() -> None:
        group = await recipes()
        draw = random.Random(seed)
        written: list[int] = []

        async def client(process: Process, lease: int) -> None:
            served = group.members.of(process)
            for turn in range(4):
                mine = lease + turn
                await group.members.begin(process, served.lease.grant(2, mine))
                try:
                    locked = await group.lock(process, b"m", mine)
                except RecipeError:
                    continue
                key = Range(locked.key)
                kvs = (await group.members.begin(process, served.kv.range(key))).kvs
                if not kvs:
                    continue
                number = kvs[0].create_revision
                await asyncio.sleep(draw.choice([0.0, 0.1, 3.0]))
                guard = Compare(locked.key, target=CompareTarget.CREATE, number=number)
                write = Txn((guard,), (Put(b"guarded", b"%d" % number),))
                done = await group.members.begin(process, served.kv.txn(write))
                if done.succeeded:
                    written.append(number)
                await group.unlock(process, locked.key)

        clients: list[Any] = [
            client(process, 100 * number)
            for number, process in enumerate([*group.members.group] * 2, 1)
        ]
        await asyncio.gather(*clients)
        where = f"seed {seed}: {written}"
        assert written == sorted(set(written)), where
        assert len(written) > 5, where

    tell()
