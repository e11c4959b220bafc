"""What several who work at the same time share: a cluster, draws, and an end."""

import asyncio
from types import TracebackType
from typing import Any, Final, Self

from raftwerk.host.draw import SplitMix64
from tests.e2e.cluster import Cluster, NodeProcess
from tests.e2e.gateway_calls import NotAnswered, post

__all__ = ["Crowd"]

CALL_SECONDS: Final = 1.5

PACE_SECONDS: Final = 0.05


class Crowd:
    """Some who do one round of work after the other while the context is open.

    Parameters
    ----------
    cluster : Cluster
        Whose nodes they call, each time another one.
    draw : SplitMix64
        Decides what is left open.
    count : int
        How many there are.
    """

    def __init__(self, cluster: Cluster, draw: SplitMix64, count: int) -> None:
        self._cluster = cluster
        self._count = count
        self._seed = draw.fork(type(self).__name__)
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        self.not_answered = 0

    async def round(self, number: int, draw: SplitMix64) -> None:
        """Do one round of the work of one of them."""
        raise NotImplementedError

    async def ask(
        self,
        draw: SplitMix64,
        path: str,
        body: dict[str, object],
        seconds: float = CALL_SECONDS,
    ) -> dict[str, Any]:
        """Return what some node answers, or raise `NotAnswered`."""
        node = self.some_node(draw)
        return await post(self._cluster.http, node, path, body, seconds)

    async def insist(
        self, draw: SplitMix64, path: str, body: dict[str, object]
    ) -> dict[str, Any]:
        """Return the first answer of any node: for what may be done again."""
        while True:
            try:
                return await self.ask(draw, path, body)
            except NotAnswered:
                await asyncio.sleep(PACE_SECONDS)

    def some_node(self, draw: SplitMix64) -> NodeProcess:
        """Return any node."""
        return self._cluster.nodes[draw.below(len(self._cluster.nodes))]

    def check_alive(self) -> None:
        """Raise what any of them has found."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def _work(self, number: int) -> None:
        draw = self._seed.fork(f"number {number}")
        while not self._is_over:
            try:
                await self.round(number, draw)
            except NotAnswered:
                self.not_answered += 1
            await asyncio.sleep(PACE_SECONDS)

    async def __aenter__(self) -> Self:
        self._tasks = [
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
            for task in self._tasks:
                task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if error is None and end is not None:
                raise end
