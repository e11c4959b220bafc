"""What the key-value calls mean, whoever asks and however."""

import asyncio
from unittest import mock

import pytest

import raftwerk.kv.ranges
from raftwerk.errors import InvariantViolation, NotLeader, OutcomeUnknown, QueueFull
from raftwerk.kv import (
    Compact,
    CompactedRevision,
    Compare,
    DeleteRange,
    DeleteRangeResult,
    DuplicateKey,
    EmptyKey,
    FutureRevision,
    KeyNotFound,
    Operation,
    Put,
    PutResult,
    Range,
    Store,
    Txn,
    encode,
)
from raftwerk.service import Header, KvService, RequestTooLarge
from raftwerk.types import NodeId, Term
from tests.service.fake_node import FakeNode

EVERYTHING = Range(b"\0", b"\0")


class Member:
    """A service, and what is behind it."""

    def __init__(self) -> None:
        self.store = Store()
        self.node = FakeNode(self.store)
        self.kv = KvService(self.node, self.store)


@pytest.fixture(name="member")
def fixture_member() -> Member:
    return Member()


def test_what_is_put_is_read(member: Member) -> None:
    async def story() -> None:
        assert await member.kv.put(Put(b"a", b"1")) == PutResult(2, None)
        result = await member.kv.range(Range(b"a"))
        assert [kv.value for kv in result.kvs] == [b"1"]
        assert await member.kv.delete_range(DeleteRange(b"a")) == DeleteRangeResult(
            3, 1, []
        )
        assert (await member.kv.range(EVERYTHING)).count == 0

    asyncio.run(story())


def test_what_can_not_be_meant_is_never_proposed(member: Member) -> None:
    async def story() -> None:
        with pytest.raises(EmptyKey):
            await member.kv.put(Put(b""))
        with pytest.raises(EmptyKey):
            await member.kv.range(Range(b"", b"\0"))
        with pytest.raises(EmptyKey):
            await member.kv.delete_range(DeleteRange(b""))
        with pytest.raises(DuplicateKey):
            await member.kv.txn(Txn(success=(Put(b"a"), Put(b"a"))))

    asyncio.run(story())
    assert (member.node.proposals, member.node.barriers) == (0, 0)


def test_what_the_store_refuses_is_raised(member: Member) -> None:
    with pytest.raises(KeyNotFound):
        asyncio.run(member.kv.put(Put(b"a", ignore_value=True)))
    assert member.node.proposals == 1


@pytest.mark.parametrize(
    ("request_", "barriers"),
    [(Range(b"a"), 1), (EVERYTHING, 1), (Range(b"a", serializable=True), 0)],
)
def test_only_a_serializable_range_does_without_the_leader(
    member: Member, request_: Range, barriers: int
) -> None:
    asyncio.run(member.kv.range(request_))
    assert member.node.barriers == barriers


READ = Range(b"a")
LOCAL = Range(b"a", serializable=True)
TXNS = [
    # operations                    proposals  barriers  why
    ((Put(b"a"),), 1, 0, "a write"),
    ((DeleteRange(b"a"), READ), 1, 0, "a write and a read"),
    ((Txn(failure=(Put(b"a"),)),), 1, 0, "a write that may be chosen"),
    ((READ,), 0, 1, "a read"),
    ((LOCAL, READ), 0, 1, "one range that must not be outdated"),
    ((LOCAL, Txn(success=(LOCAL,))), 0, 0, "ranges that may be outdated"),
    ((), 0, 1, "compares alone"),
]


@pytest.mark.parametrize(("operations", "proposals", "barriers", "why"), TXNS)
def test_a_transaction_that_only_reads_needs_no_entry(
    member: Member,
    operations: tuple[Operation, ...],
    proposals: int,
    barriers: int,
    why: str,
) -> None:
    asyncio.run(member.kv.txn(Txn((Compare(b"a"),), operations)))
    assert (member.node.proposals, member.node.barriers) == (proposals, barriers), why


def test_a_read_only_transaction_answers_as_one_in_the_log(member: Member) -> None:
    async def story() -> None:
        await member.kv.put(Put(b"a", b"1"))
        read = Txn((Compare(b"a", number=1),), (Range(b"a"),), (Range(b"b"),))
        result = await member.kv.txn(read)
        assert member.store.apply(9, [encode(read)]) == [result]
        with pytest.raises(FutureRevision):
            await member.kv.txn(Txn(success=(Range(b"a", revision=9),)))

    asyncio.run(story())


def test_a_request_may_have_one_and_a_half_mebibytes(member: Member) -> None:
    overhead = len(encode(Put(b"a", b"x" * 1_000_000))) - 1_000_000
    fits = 1_572_864 - overhead
    asyncio.run(member.kv.put(Put(b"a", b"x" * fits)))
    with pytest.raises(RequestTooLarge, match="1572865 bytes; it may have 1572864"):
        asyncio.run(member.kv.put(Put(b"a", b"x" * (fits + 1))))
    assert member.node.proposals == 1


@pytest.mark.parametrize(
    "failure", [NotLeader("nobody"), QueueFull("full"), OutcomeUnknown("gone")]
)
def test_what_became_of_a_request_is_told_as_the_node_told_it(
    member: Member, failure: Exception
) -> None:
    member.node.failures += [failure, failure]
    with pytest.raises(type(failure)):
        asyncio.run(member.kv.put(Put(b"a")))
    with pytest.raises(type(failure)):
        asyncio.run(member.kv.range(Range(b"a")))


def test_a_large_range_gives_others_their_turn_and_sees_nothing_of_them() -> None:
    member = Member()

    async def story() -> None:
        for number in range(9):
            await member.kv.put(Put(b"%d" % number))
        reading = asyncio.ensure_future(member.kv.range(EVERYTHING))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0)
            await member.kv.put(Put(b"0", b"new"))
            await member.kv.put(Put(b"other %d" % turns))
            turns += 1
        assert turns > 3
        result = await reading
        assert (result.revision, result.count, len(result.kvs)) == (10, 9, 9)
        assert {kv.value for kv in result.kvs} == {b""}

    with mock.patch.object(raftwerk.kv.ranges, "KEYS_PER_STEP", 2):
        asyncio.run(story())


def test_a_large_range_begins_again_if_its_revision_is_forgotten() -> None:
    member = Member()

    async def story() -> None:
        for number in range(9):
            await member.kv.put(Put(b"%d" % number))
        reading = asyncio.ensure_future(member.kv.range(EVERYTHING))
        old = asyncio.ensure_future(member.kv.range(Range(b"\0", b"\0", revision=10)))
        await asyncio.sleep(0)
        await member.kv.put(Put(b"new"))
        await member.kv.compact(Compact(11))
        assert (await reading).revision == 11
        with pytest.raises(CompactedRevision):
            await old

    with mock.patch.object(raftwerk.kv.ranges, "KEYS_PER_STEP", 2):
        asyncio.run(story())


LARGE_TXNS = [
    # a transaction                            why
    (Txn(success=(EVERYTHING,)), "a range"),
    (Txn(success=(Txn(success=(EVERYTHING,)),)), "a range in a nested one"),
    (Txn((Compare(b"\0", b"\0", number=1),), (READ,)), "a compare of many keys"),
    (Txn(success=(Range(b"0", b"2"), Range(b"2", b"4")) * 3), "many short ranges"),
]


@pytest.mark.parametrize(("request_", "why"), LARGE_TXNS)
def test_a_large_transaction_gives_others_their_turn_and_sees_nothing_of_them(
    member: Member, request_: Txn, why: str
) -> None:
    async def story() -> None:
        for number in range(9):
            await member.kv.put(Put(b"%d" % number))
        expected = member.store.read_txn(request_)
        reading = asyncio.ensure_future(member.kv.txn(request_))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0)
            await member.kv.put(Put(b"0", b"new"))
            await member.kv.put(Put(b"other %d" % turns))
            turns += 1
        assert turns > 3, why
        assert await reading == expected

    with mock.patch.object(raftwerk.kv.ranges, "KEYS_PER_STEP", 2):
        asyncio.run(story())


@pytest.mark.parametrize("operations", [(READ,) * 9, (READ, Txn(success=(READ,)))])
def test_a_transaction_of_single_keys_is_read_at_once(
    member: Member, operations: tuple[Operation, ...]
) -> None:
    request = Txn((Compare(b"a"),), (), operations)
    asyncio.run(member.kv.put(Put(b"a")))
    with mock.patch.object(Store, "read_txn_in_steps", side_effect=AssertionError):
        result = asyncio.run(member.kv.txn(request))
    assert len(result.responses) == len(operations)


def test_a_large_transaction_begins_again_if_its_revision_is_forgotten(
    member: Member,
) -> None:
    old = (Range(b"\0", b"\0", revision=9), EVERYTHING)

    async def story() -> None:
        for number in range(9):
            await member.kv.put(Put(b"%d" % number))
        new = asyncio.ensure_future(member.kv.txn(Txn(success=(EVERYTHING,) * 2)))
        refused = asyncio.ensure_future(member.kv.txn(Txn(success=old)))
        await asyncio.sleep(0)
        await member.kv.put(Put(b"new"))
        await member.kv.compact(Compact(11))
        result = await new
        assert [each.revision for each in result.responses] == [11, 11]
        with pytest.raises(CompactedRevision):
            await refused

    with mock.patch.object(raftwerk.kv.ranges, "KEYS_PER_STEP", 2):
        asyncio.run(story())


def test_a_physical_compaction_returns_when_all_is_forgotten(member: Member) -> None:
    async def story() -> None:
        for _ in range(3_000):
            await member.kv.put(Put(b"a"))
        await member.kv.compact(Compact(3_001), is_physical=True)
        assert member.store.scavenge(1)

    asyncio.run(story())


def test_a_header_names_member_term_and_revision(member: Member) -> None:
    asyncio.run(member.kv.put(Put(b"a")))
    member.node.change(term=Term(7))
    assert member.kv.header() == Header(0xDECADE, NodeId(0xC0FFEE), 2, Term(7))
    assert member.kv.header(1).revision == 1


def test_what_was_done_is_told_even_if_the_member_stops_then(member: Member) -> None:
    member.kv.header()
    member.node.stopped = NotLeader("it does not run")
    assert member.kv.header().raft_term == 2
    stopped = Member()
    stopped.node.stopped = NotLeader("it does not run")
    with pytest.raises(NotLeader):
        stopped.kv.header()


def test_a_result_of_another_kind_is_a_bug(member: Member) -> None:
    with mock.patch.object(FakeNode, "propose", return_value=7):
        with pytest.raises(InvariantViolation, match="a Put ends with a PutResult"):
            asyncio.run(member.kv.put(Put(b"a")))
