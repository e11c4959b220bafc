"""Whole members while they apply a command over many keys: others have their turns."""

import asyncio
from collections.abc import Generator, Sequence
from typing import Any

import pytest

from raftwerk.kv import (
    DeleteRange,
    DeleteRangeResult,
    GrantLease,
    Put,
    Range,
    RevokeLease,
    Store,
    Txn,
    encode,
)
from raftwerk.kv.ranges import KEYS_PER_STEP
from raftwerk.kv.results import Result
from raftwerk.kv.writing import STEPS_PER_TURN

from .group import Group, Process, story

KEYS = 2_500
PER_TXN = 100
EVERYTHING = (b"\0", b"\0")


class Observed(Store):
    """A store that somebody on the loop looks at between two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses = 0
        self.looks: list[tuple[int, int]] = []
        self.on_pause = self.look

    def apply_in_steps(
        self, index: int, commands: Sequence[bytes]
    ) -> Generator[None, None, list[Result]]:
        steps = super().apply_in_steps(index, commands)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                results: list[Result] = end.value
                return results
            self.pauses += 1
            asyncio.get_running_loop().call_soon(self.on_pause)
            yield
            assert len(self.looks) == self.pauses, "others had their turn"

    def look(self) -> None:
        count = self.range(Range(*EVERYTHING, count_only=True)).count
        self.looks.append((self.revision, count))


async def filled(**settings: Any) -> Group:
    """Return a group with many keys, that compares its replicas."""
    group = Group(**settings)
    for process in group:
        await process.start(Observed())
    await group.until_led()
    await group.until(lambda: all(p.status.cluster_version == 2 for p in group))
    leader = group.leader
    await group.outcome(leader.propose(encode(GrantLease(7, 60))))
    for start in range(0, KEYS, PER_TXN):
        puts = [
            Put(b"key-%06d" % n, b"x", lease=7) for n in range(start, start + PER_TXN)
        ]
        await group.outcome(leader.propose(encode(Txn(success=tuple(puts)))))
    return group


def store_of(process: Process) -> Observed:
    machine: Any = process.machine
    assert isinstance(machine, Observed)
    return machine


async def until_alike(group: Group) -> None:
    """Wait until all replicas have applied the same, and hold them to it."""

    def content(process: Process) -> bytes:
        return b"".join(store_of(process).snapshot())

    leader = store_of(group.leader)
    await group.until(
        lambda: all(store_of(p).revision == leader.revision for p in group)
    )
    assert len({content(process) for process in group}) == 1


@pytest.mark.parametrize(
    "command",
    [
        DeleteRange(*EVERYTHING, prev_kv=True),
        RevokeLease(7),
        Txn(success=(Put(b"a"), DeleteRange(b"key", b"l"), Range(*EVERYTHING))),
    ],
    ids=["a delete", "the end of a lease", "a transaction"],
)
@story
async def test_members_serve_others_and_show_nothing_of_it_before_it_is_whole(
    command: DeleteRange | RevokeLease | Txn,
) -> None:
    group = await filled()
    newest, term = store_of(group.leader).revision, group.leader.status.term
    await group.outcome(group.leader.propose(encode(command)))
    await until_alike(group)
    assert group.leader.status.term == term
    for process in group:
        store = store_of(process)
        assert store.pauses >= KEYS // (KEYS_PER_STEP * STEPS_PER_TURN)
        amid = [look for look in store.looks if look[0] == newest]
        assert set(amid) == {(newest, KEYS)}
        assert set(store.looks) - set(amid) <= {(newest + 1, len(store))}


@story
async def test_a_member_that_is_killed_amid_does_it_again_from_its_log() -> None:
    group = await filled()
    victim = group.followers[0]
    store = store_of(victim)
    killed = asyncio.get_running_loop().create_future()

    def kill() -> None:
        store.look()
        if not killed.done():
            killed.set_result(store.looks[-1])
            victim.kill()

    store.on_pause = kill
    result = await group.outcome(group.leader.propose(encode(DeleteRange(*EVERYTHING))))
    assert isinstance(result, DeleteRangeResult)
    assert result.deleted == KEYS
    assert await killed == (result.revision - 1, KEYS)
    assert store.looks == [killed.result()], "it did no more"
    await victim.start(Observed())
    await until_alike(group)
    assert len(store_of(victim)) == 0


@story
async def test_replicas_that_cut_otherwise_are_not_taken_for_different() -> None:
    group = await filled()
    follower = store_of(group.followers[0])

    class AtOnce(Store):
        """A replica that knows nothing of steps, as those of an older version."""

        def apply(self, index: int, commands: Sequence[bytes]) -> list[Result]:
            follower.look()
            return super().apply(index, commands)

    victim = group.followers[0]
    victim.kill(kept=1 << 30)
    await victim.start(AtOnce())
    leader = group.leader
    await group.outcome(leader.propose(encode(DeleteRange(*EVERYTHING, prev_kv=True))))
    # Beyond the next check.
    puts = [leader.propose(encode(Put(b"%d" % number))) for number in range(256)]
    for put in puts:
        await group.outcome(put)
    await group.until(lambda: all(p.status.compared_index >= 256 for p in group))
    assert not any(p.status.quarantined for p in group)
    assert len(follower.looks) > 0
