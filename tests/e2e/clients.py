"""Clients that read and write at the same time, and remember what they were told."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import pairwise
from types import TracebackType
from typing import Final, Self

import msgspec

from raftwerk.host.draw import SplitMix64
from raftwerk.sim import Operation, check_history
from raftwerk.sim.history import Action
from tests.e2e.calls import call_of
from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.gateway import Caller, NobodyKnows, NothingHappened
from tests.e2e.past import check_kept, settled
from tests.e2e.waiting import until

__all__ = ["PROGRESS_SECONDS", "Clients"]

CLIENTS: Final = 6

KEYS: Final = 5

PACE_SECONDS: Final = 0.02
"""Of each client, from one answer to the next call. A steady load and no more: a node
that starts needs the processors, too."""

CALL_SECONDS: Final = 1.0
"""Where nodes are paused or cut off: short, or they hold all clients up."""

PROGRESS_SECONDS: Final = 60.0
"""How long anything may take on a busy machine; what is fast is asserted apart. Three
nodes that start at once take a second of a processor each, and were seen to wait eleven
seconds for it where nine processes had work for two."""

READ_SECONDS: Final = 10.0
"""How long one of the last reads may take before it is asked again."""

_ACTIONS: Final = (
    *[Action.PUT] * 9,
    *[Action.READ] * 5,
    *[Action.COMPARE_AND_PUT] * 4,
    *[Action.DELETE] * 2,
)


class Clients:
    """Clients of random nodes, who work as long as the context is open.

    Parameters
    ----------
    cluster : Cluster
        Empty; nobody else writes.
    draw : SplitMix64
        Decides what they ask for, and of whom.
    count : int
        How many there are.
    call_seconds : float
        How long they wait for an answer before they take the outcome for unknown.
    progress_seconds : float
        Without what is waited for in that time, the run fails as idle.
    """

    def __init__(
        self,
        cluster: Cluster,
        draw: SplitMix64,
        *,
        count: int = CLIENTS,
        call_seconds: float = CALL_SECONDS,
        progress_seconds: float = PROGRESS_SECONDS,
    ) -> None:
        self.history: list[Operation] = []
        self.acknowledged: list[tuple[NodeProcess, Operation]] = []
        """The writes that took effect, with who said so, in the order of answers."""
        self.outcomes: Counter[str] = Counter()
        self._cluster = cluster
        self._draw = draw
        self._count = count
        self._call_seconds = call_seconds
        self._progress_seconds = progress_seconds
        self._values = 0
        self._seen: dict[bytes, int] = {}
        self._callers: list[Caller] = []
        self._working: list[asyncio.Task[None]] = []
        self._is_over = False

    async def __aenter__(self) -> Self:
        self._is_over = False
        self._callers = []
        self._working = [
            asyncio.create_task(self._work(number)) for number in range(self._count)
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over = True
        if error is not None:
            for task in self._working:
                task.cancel()
        ends = await asyncio.gather(*self._working, return_exceptions=True)
        for caller in self._callers:
            caller.close()
        if error is None:
            for end in ends:
                if end is not None:
                    raise end

    # ---- work ------------------------------------------------------------------------

    async def _work(self, client: int) -> None:
        """Ask for one thing after the other."""
        draw = self._draw.fork(f"client {client}")
        caller = Caller()
        self._callers.append(caller)
        while not self._is_over:
            action = _ACTIONS[draw.below(len(_ACTIONS))]
            key = f"key {draw.below(KEYS)}".encode()
            first = draw.below(len(self._cluster.nodes))
            await self._ask(client, caller, action, key, first)
            await asyncio.sleep(PACE_SECONDS)

    async def _ask(
        self, client: int, caller: Caller, action: Action, key: bytes, first: int
    ) -> None:
        """Ask node after node until one does it, or nobody knows what one did."""
        nodes = self._cluster.nodes
        self._values += 1
        has_value = action in (Action.PUT, Action.COMPARE_AND_PUT)
        value = f"{client}:{self._values}".encode() if has_value else None
        expected = self._seen.get(key, 0) if action is Action.COMPARE_AND_PUT else 0
        attempt = first
        while True:
            node = nodes[attempt % len(nodes)]
            started = time.monotonic()
            operation = Operation(
                client=client,
                action=action,
                key=key,
                value=value,
                expected_mod_revision=expected,
                started=started,
            )
            try:
                await self.carry_out(caller, node, operation, self._call_seconds)
                return
            except NothingHappened:
                if self._is_over:
                    return
                attempt += 1
                await asyncio.sleep(PACE_SECONDS)

    async def carry_out(
        self, caller: Caller, node: NodeProcess, operation: Operation, seconds: float
    ) -> Operation:
        """Carry out an operation through one node, and remember the outcome.

        Raises `NothingHappened`, and then it is no part of the history.
        """
        path, body, read = call_of(operation)
        try:
            found = await caller.call(node.client, path, body, seconds)
        except NothingHappened:
            self.outcomes["nothing happened"] += 1
            raise
        except NobodyKnows as error:
            kind = "write" if operation.action is not Action.READ else "read"
            self.outcomes[f"{kind} unknown ({node.name}: {error})"] += 1
            self.history.append(operation)
            return operation
        except asyncio.CancelledError:
            self.history.append(operation)
            raise
        answer = read(found)
        done = msgspec.structs.replace(operation, ended=time.monotonic(), answer=answer)
        self.history.append(done)
        self.outcomes["answered"] += 1
        if operation.action is Action.READ:
            self._seen[operation.key] = answer.mod_revision
        elif done.may_write:
            self.acknowledged.append((node, done))
            self._seen[operation.key] = answer.revision or 0
        return done

    # ---- demands ---------------------------------------------------------------------

    async def progress(
        self, count: int, through: Sequence[NodeProcess] | None = None
    ) -> float:
        """Return after so many writes that began now or later, through each of some.

        Fails as idle if that takes too long; returns the seconds it took.
        """
        began, known = time.monotonic(), len(self.acknowledged)

        async def look() -> bool:
            for task in self._working:
                if task.done():
                    task.result()  # raises why
            new: Counter[str] = Counter(
                node.name
                for node, write in self.acknowledged[known:]
                if write.started >= began
            )
            if through is None:
                return sum(new.values()) >= count
            return all(new[node.name] >= count for node in through)

        names = (
            "any"
            if through is None
            else "each of " + ", ".join(node.name for node in through)
        )
        what = f"{count} new writes acknowledged through {names}"
        await until(look, what, self._progress_seconds)
        return time.monotonic() - began

    async def reach(self, nodes: Sequence[NodeProcess]) -> None:
        """Return after a write through each of these nodes.

        By clients of their own, one for each: the others may all be held up by a node
        that does not answer.
        """
        writing = [asyncio.create_task(self._reach(node)) for node in nodes]
        try:
            async with asyncio.timeout(self._progress_seconds):
                await asyncio.gather(*writing)
        except TimeoutError:
            names = [node.name for node, each in zip(nodes, writing) if not each.done()]
            raise AssertionError(f"no write through {', '.join(names)}") from None
        finally:
            for each in writing:
                each.cancel()
            await asyncio.gather(*writing, return_exceptions=True)

    async def _reach(self, node: NodeProcess) -> None:
        """Write through one node until it is acknowledged."""
        with closing(Caller()) as caller:
            while True:
                self._values += 1
                operation = Operation(
                    client=self._count + 1,
                    action=Action.PUT,
                    key=f"key {self._values % KEYS}".encode(),
                    value=f"{node.name}:{self._values}".encode(),
                    started=time.monotonic(),
                )
                with suppress(NothingHappened):
                    done = await self.carry_out(
                        caller, node, operation, self._call_seconds
                    )
                    if done.answer is not None:
                        return
                await asyncio.sleep(PACE_SECONDS)

    def longest_gap(self, began: float) -> float:
        """Return the longest time without an acknowledged write since some time."""
        times = [write.ended for _, write in self.acknowledged if write.ended > began]
        return max(after - before for before, after in pairwise([began, *times]))

    async def read_all(self) -> None:
        """Read each key through each node, as a part of the history.

        When that is done, each node has all that was acknowledged before.
        """
        with closing(Caller()) as caller:
            for node in self._cluster.nodes:
                await self._read_all(caller, node)

    async def check(self) -> None:
        """Demand that all that was told is true, on every node; after the work."""
        await self.read_all()
        writes = [write for _, write in self.acknowledged]
        with closing(Caller()) as caller:
            for node in self._cluster.nodes:
                await check_kept(caller, node, writes)
            history = await settled(caller, self._cluster.nodes[0], self.history)
        print(
            f"{len(history)} operations, {len(writes)} writes acknowledged;"
            f" {dict(self.outcomes)}"
        )
        verdict = check_history(history)
        assert verdict.holds, str(verdict)

    async def _read_all(self, caller: Caller, node: NodeProcess) -> None:
        """Read each key through a node, as a part of the history."""

        async def look(key: bytes) -> bool:
            operation = Operation(
                client=self._count,
                action=Action.READ,
                key=key,
                started=time.monotonic(),
            )
            try:
                done = await self.carry_out(caller, node, operation, READ_SECONDS)
            except NothingHappened:
                return False
            return done.answer is not None

        for number in range(KEYS):
            key = f"key {number}".encode()
            what = f"{node.name} answers a read"
            await until(partial(look, key), what, READY_SECONDS)
