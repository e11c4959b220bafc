"""A bank is tried under every fault, and a clock in its `apply` is found.

`simulate` runs real members on virtual time, breaks them as a seed says, and compares
what replicas make of the same commands. The second bank notes when money moved.
"""

import json
import time
from collections.abc import Iterable, Sequence

from raftwerk.errors import NotProposed, OutcomeUnknown
from raftwerk.sim import TrialClient, simulate

NAMES = ("anna", "bert", "cora")


class Bank:
    """Three accounts; a command moves money if there is enough of it."""

    def __init__(self) -> None:
        self.accounts = dict.fromkeys(NAMES, 100)

    def apply(self, _index: int, commands: Sequence[bytes]) -> list[str]:
        """Carry out transfers."""
        return [self.transfer(*json.loads(command)) for command in commands]

    def transfer(self, source: str, target: str, amount: int) -> str:
        """Move money, or say why not: never raise."""
        if self.accounts[source] < amount:
            return "not enough"
        self.accounts[source] -= amount
        self.accounts[target] += amount
        return "done"

    def snapshot(self) -> list[bytes]:
        """Return all there is."""
        return [json.dumps(vars(self)).encode()]

    def restore(self, chunks: Iterable[bytes]) -> None:
        """Become that."""
        vars(self).update(json.loads(b"".join(chunks)))


class ClockedBank(Bank):
    """Notes when money moved last: the mistake."""

    moved = 0.0

    def transfer(self, source: str, target: str, amount: int) -> str:
        """Move money, and read a clock."""
        self.moved = time.time()
        return super().transfer(source, target, amount)


async def transfers(client: TrialClient) -> None:
    """Move money between accounts that the client's own draws choose."""
    async for _ in client.turns(pause_seconds=0.05):
        place = client.draw.below(3)
        order = [NAMES[place], NAMES[place - 1], 1 + client.draw.below(60)]
        try:
            await client.propose(json.dumps(order).encode())
        except (NotProposed, OutcomeUnknown):
            pass  # nothing happened, or nobody knows: the sum must be kept anyhow


def sum_is_kept(bank: Bank) -> bool:
    """Tell what must hold after every command, on every replica."""
    return sum(bank.accounts.values()) == 300


for machine in (Bank, ClockedBank):
    result = simulate(machine, client=transfers, invariants=[sum_is_kept], seed=7)
    print(f"{machine.__name__}: {result.outcome.violation or 'all held'}")
print("faults needed to show it:", len(result.plan.faults))  # print(result) says all

# It prints:
# Bank: all held
# ClockedBank: equal effects at equal indexes
# faults needed to show it: 0
