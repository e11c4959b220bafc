"""Locks and leases while members are killed, cut off and deposed, on virtual time."""

import asyncio
import random
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from raftwerk.errors import RequestError
from raftwerk.kv import Compare, CompareTarget, Put, Range, RangeResult, Store, Txn
from tests.runtime.group import Process, story
from tests.service.recipes import Recipes, recipes

Answer = TypeVar("Answer")

CLIENTS = 4
ROUNDS = 6
CALL_SECONDS = 12.0
END_SECONDS = 600.0


class Gone(Exception):
    """The member died with the call."""


class World:
    """A group whose members fail, and clients who want one lock."""

    def __init__(self, group: Recipes, seed: int) -> None:
        self.group = group
        self.draw = random.Random(seed)
        self.written: list[int] = []
        self.refused = 0
        self.has_ended = False

    def a_member(self) -> Process:
        """Return any member that is up."""
        return self.draw.choice([p for p in self.group.members.group if p.is_up])

    async def ask(self, process: Process, call: Coroutine[Any, Any, Answer]) -> Answer:
        """Return the outcome of a call, which may die with its member."""
        task = process.process.start(call)
        await asyncio.wait([task], timeout=CALL_SECONDS)
        if not task.done():
            task.cancel()
            raise Gone
        return task.result()

    async def client(self, number: int) -> None:
        """Lock, look, dawdle at times, write guarded by the number, let go."""
        begin = self.group.members.group.loop.time()
        rounds = 0
        while rounds < ROUNDS:
            assert self.group.members.group.loop.time() - begin < END_SECONDS, "idle"
            try:
                rounds += await self._round(number * 1_000 + rounds)
            except (RequestError, Gone):
                await asyncio.sleep(0.2)

    async def _round(self, salt: int) -> int:
        """Try once; return whether it was written or refused."""
        process = self.a_member()
        served = self.group.members.of(process)
        lease = await self.ask(process, served.lease.grant(3))
        lock = self.group.locks[process.node_id].lock(b"m", lease.lease_id)
        locked = await self.ask(process, lock)
        found: RangeResult = await self.ask(process, served.kv.range(Range(locked.key)))
        if not found.kvs:
            return 0
        number = found.kvs[0].create_revision
        await asyncio.sleep(self.draw.choice([0.0, 0.05, 4.0]))
        process = self.a_member()  # another one will do
        served = self.group.members.of(process)
        guard = Compare(locked.key, target=CompareTarget.CREATE, number=number)
        write = Put(b"guarded", b"%d %d" % (number, salt))
        done = await self.ask(process, served.kv.txn(Txn((guard,), (write,))))
        if done.succeeded:
            self.written.append(number)
        else:
            self.refused += 1
        unlock = self.group.locks[process.node_id].unlock(locked.key)
        await self.ask(process, unlock)
        return 1

    async def faults(self) -> None:
        """Do something bad now and then, and mend it."""
        group = self.group.members.group
        while not self.has_ended:
            await asyncio.sleep(self.draw.uniform(0.5, 3.0))
            process = self.a_member()
            match self.draw.randrange(3):
                case 0:
                    group.isolate(process.node_id)
                    await asyncio.sleep(self.draw.uniform(0.2, 4.0))
                    group.heal()
                case 1:
                    process.kill()
                    await asyncio.sleep(self.draw.uniform(0.1, 1.0))
                    await self.group.members.boot(process)
                    self.group.serve(process)
                case 2:
                    await self.ask(process, process.node.hand_over())


def check_history(store: Store) -> int:
    """Fail unless only owners wrote, with numbers that grow; return how many writes."""
    line: dict[bytes, int] = {}
    last = writes = 0
    for event in store.events(0):
        kv = event.kv
        if kv.key.startswith(b"m/"):
            if kv.version:
                line.setdefault(kv.key, kv.create_revision)
            else:
                line.pop(kv.key, None)
        elif kv.key == b"guarded":
            number = int(kv.value.split()[0])
            assert number == min(line.values()), f"revision {kv.mod_revision}"
            assert number >= last
            last = number
            writes += 1
    return writes


@pytest.mark.parametrize(
    "seed",
    [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 40))],
)
def test_only_the_owner_writes_whatever_fails(seed: int) -> None:
    @story
    async def tell() -> None:
        world = World(await recipes(), seed)
        failing = asyncio.ensure_future(world.faults())
        await asyncio.gather(*(world.client(number) for number in range(CLIENTS)))
        world.has_ended = True
        await failing
        group = world.group.members.group
        await group.until_led()
        await group.until_equal()
        stores = [served.store for served in world.group.members.served.values()]
        writes = {check_history(store) for store in stores}
        where = f"seed {seed}: {len(world.written)} written, {world.refused} refused"
        assert len(writes) == 1, where
        # What was acknowledged is there, and some that were not may be.
        assert writes.pop() >= len(world.written) > 0, where
        for store in stores:
            store.check()

    tell()
