"""A small bank: accounts between which money moves, its client, and what must hold."""

import json
import random
import time
from collections.abc import Generator, Iterable, Sequence
from datetime import date
from typing import Any, ClassVar

from raftwerk.errors import NotProposed, OutcomeUnknown
from raftwerk.sim import Call, TrialClient

OPENED = {"anna": 100, "bert": 100, "cora": 100}


class Bank:
    """Moves money where there is enough of it."""

    def __init__(self) -> None:
        self.accounts = dict(OPENED)
        self.note: object = None

    def apply(self, _index: int, commands: Sequence[bytes]) -> list[object]:
        return [self.transfer(*json.loads(command)) for command in commands]

    def transfer(self, source: str, target: str, amount: int) -> object:
        if self.accounts[source] < amount:
            return "too little"
        self.accounts[source] -= amount
        self.accounts[target] += amount
        return "done"

    def snapshot(self) -> list[bytes]:
        return [json.dumps(vars(self)).encode()]

    def restore(self, chunks: Iterable[bytes]) -> None:
        vars(self).update(json.loads(b"".join(chunks)))


class ClockedBank(Bank):
    """Notes the time of its own clock."""

    def transfer(self, source: str, target: str, amount: int) -> object:
        self.note = time.time()
        return super().transfer(source, target, amount)


class HurriedBank(Bank):
    """Answers otherwise by its own clock, and keeps nothing of it."""

    def transfer(self, source: str, target: str, amount: int) -> object:
        done = super().transfer(source, target, amount)
        return done, round(time.monotonic())


class DatedBank(Bank):
    """Looks up which day it is: nearly always the same one on all replicas."""

    def transfer(self, source: str, target: str, amount: int) -> object:
        self.note = date.today().isoformat()
        return super().transfer(source, target, amount)


class RandomBank(Bank):
    """Draws for itself."""

    def transfer(self, source: str, target: str, amount: int) -> object:
        self.note = random.random()
        return super().transfer(source, target, amount)


class ForgetfulBank(Bank):
    """Forgets a field in its snapshots, which counts later."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def transfer(self, source: str, target: str, amount: int) -> object:
        self.count += 1
        return super().transfer(source, target, amount), self.count

    def snapshot(self) -> list[bytes]:
        return [json.dumps({"accounts": self.accounts, "note": self.note}).encode()]


class BatchedBank(Bank):
    """Counts batches, which each replica cuts in its own way."""

    def apply(self, index: int, commands: Sequence[bytes]) -> list[object]:
        self.note = (self.note if isinstance(self.note, int) else 0) + 1
        return super().apply(index, commands)


class LosingBank(Bank):
    """Loses a coin when an account is emptied: equal everywhere, and wrong."""

    def transfer(self, source: str, target: str, amount: int) -> object:
        done = super().transfer(source, target, amount)
        if done == "done" and self.accounts[source] == 0:
            self.accounts[target] -= 1
        return done


class SteppedBank(Bank):
    """Is quick, and makes a step of each half of a transfer."""

    is_quick = True

    def apply(self, index: int, commands: Sequence[bytes]) -> list[object]:
        steps = self.apply_in_steps(index, commands)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                results: list[object] = end.value
                return results

    def apply_in_steps(
        self, _index: int, commands: Sequence[bytes]
    ) -> Generator[None, None, list[object]]:
        results: list[object] = []
        for command in commands:
            source, target, amount = json.loads(command)
            is_enough = self.accounts[source] >= amount
            moved = amount if is_enough else 0
            self.accounts[source] -= moved
            yield
            self.accounts[target] += moved
            results.append("done" if is_enough else "too little")
        return results


class InterruptedBank(SteppedBank):
    """Begins its money's way in a place that is shared by all replicas and lives."""

    on_the_way: ClassVar[list[int]] = []

    def apply_in_steps(
        self, _index: int, commands: Sequence[bytes]
    ) -> Generator[None, None, list[object]]:
        results: list[object] = []
        for command in commands:
            source, target, amount = json.loads(command)
            is_enough = self.accounts[source] >= amount
            self.on_the_way.append(amount if is_enough else 0)
            yield
            moved = sum(self.on_the_way)
            self.on_the_way.clear()
            self.accounts[source] -= moved
            self.accounts[target] += moved
            results.append("done" if is_enough else "too little")
        return results


class FallingBank(Bank):
    """Raises where it should answer."""

    def transfer(self, source: str, target: str, amount: int) -> object:
        if self.accounts[source] < amount:
            raise ValueError(f"{source} has too little")
        return super().transfer(source, target, amount)


async def transfers(client: TrialClient) -> None:
    """Move money, and look at the whole from time to time."""
    names = sorted(OPENED)
    async for turn in client.turns(0.05):
        source = client.draw.below(3)
        target = (source + 1 + client.draw.below(2)) % 3
        amount = 10 * client.draw.below(11)
        order = json.dumps([names[source], names[target], amount]).encode()
        try:
            await client.propose(order)
            if turn % 4 == 3:
                assert await client.read(total_of) == sum(OPENED.values())
        except (NotProposed, OutcomeUnknown):
            pass  # the next turn tries something else


def total_of(bank: Bank) -> int:
    return sum(bank.accounts.values())


def sum_is_kept(bank: Bank) -> bool:
    return total_of(bank) == sum(OPENED.values())


def nobody_owes(bank: Bank) -> None:
    for name, balance in bank.accounts.items():
        assert balance >= 0, f"{name} has {balance}"


def everyone_was_served(calls: list[Call]) -> None:
    served: set[Any] = {call.client for call in calls if call.is_known}
    assert served == {0, 1, 2}, served
