"""Leases through real pauses and kills: who keeps one alive in time, keeps it."""

import asyncio
import base64
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.cluster import READY_SECONDS, Cluster, NodeProcess
from tests.e2e.waiting import until

pytestmark = pytest.mark.e2e

TTLS = (2, 3)
"""Of the leases; the leader sleeps for longer than both of them."""

SLEEP_SECONDS = 4.0
PER_TTL = 4
BEATS_PER_TTL = 4
AGAIN_SECONDS = 0.05


def text(data: bytes) -> str:
    """Return bytes as the gateway wants them."""
    return base64.b64encode(data).decode()


class Leases:
    """Clients that each keep a lease with a key alive, through nodes that answer."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._nodes: list[NodeProcess] = list(cluster.nodes)
        self.lost: list[str] = []
        self.beats = 0
        self.keeping: list[asyncio.Task[None]] = []

    def use(self, nodes: list[NodeProcess]) -> None:
        """Have calls made to these nodes from now on."""
        self._nodes = nodes

    async def post(
        self, path: str, body: dict[str, Any], number: int = 0, seconds: float = 10.0
    ) -> dict[str, Any]:
        """Return the answer of one of the nodes."""
        node = self._nodes[number % len(self._nodes)]
        answer = await self._cluster.http.post(
            f"{node.client}/v3/{path}", json=body, timeout=seconds
        )
        found: dict[str, Any] = answer.json()
        if answer.status_code != httpx.codes.OK:
            raise ConnectionError(f"{node.name}: {answer.status_code} {found}")
        return found

    async def begin(self) -> None:
        """Grant all leases, attach a key to each, and keep them alive."""
        for number, ttl in enumerate(TTLS * PER_TTL):
            lease = str(1000 + number)
            await self.post("lease/grant", {"ID": lease, "TTL": ttl}, number)
            key = text(f"leased {number}".encode())
            await self.post("kv/put", {"key": key, "lease": lease}, number)
            beating = self._keep_alive(number, lease, ttl)
            self.keeping.append(asyncio.create_task(beating))

    async def _keep_alive(self, number: int, lease: str, ttl: int) -> None:
        """Keep a lease alive in time; a try that fails is made again, elsewhere."""
        pause = wait = ttl / BEATS_PER_TTL
        while True:
            await asyncio.sleep(wait)
            try:
                # Who waits for longer on one node is not in time on the next: a leader
                # that takes over may know that half of the time is left.
                found = await self.post(
                    "lease/keepalive", {"ID": lease}, number, seconds=pause
                )
            except (httpx.TransportError, ConnectionError):
                number += 1
                wait = AGAIN_SECONDS
                continue
            wait = pause
            if found["result"].get("TTL") != str(ttl):
                self.lost.append(f"lease {lease} of {ttl} s: {found}")
                return
            self.beats += 1

    async def check(self) -> None:
        """Fail unless all keys are there and nobody was told otherwise."""
        assert not self.lost
        found = await self.post(
            "kv/range", {"key": text(b"leased "), "range_end": "AA=="}
        )
        assert found["count"] == str(len(TTLS) * PER_TTL)
        listed = await self.post("lease/leases", {})
        assert len(listed["leases"]) == len(TTLS) * PER_TTL

    async def end(self) -> None:
        """Keep nothing alive any more, and wait until all has ended."""
        for task in self.keeping:
            task.cancel()
        await asyncio.gather(*self.keeping, return_exceptions=True)
        begin = time.monotonic()

        async def look() -> bool:
            found = await self.post("kv/range", {"key": "bA==", "range_end": "bQ=="})
            return "count" not in found

        await until(look, "the leases end", READY_SECONDS)
        assert time.monotonic() - begin < max(TTLS) + 3.0


@pytest.mark.parametrize("sleeps", [1, pytest.param(6, marks=pytest.mark.long)])
def test_no_lease_is_lost_while_the_leader_sleeps_for_longer_than_all_of_them(
    sleeps: int, tmp_path: Path
) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            for node in cluster.nodes:
                await cluster.answers(node)
            leases = Leases(cluster)
            await leases.begin()
            for _ in range(sleeps):
                old = await cluster.leader()
                leases.use(cluster.others(old))
                before = leases.beats
                old.pause()
                await asyncio.sleep(SLEEP_SECONDS)  # the pause itself, no wait for work
                during = leases.beats
                old.resume()
                leases.use(cluster.nodes)
                await cluster.answers(old)
                # What it believed when it woke would show by now.
                await asyncio.sleep(1.0)
                assert leases.beats > during > before
                await leases.check()
            await leases.end()

    asyncio.run(story())


@pytest.mark.long
def test_leases_outlive_leaders_that_are_killed(tmp_path: Path) -> None:
    async def story() -> None:
        async with Cluster(tmp_path) as cluster:
            for node in cluster.nodes:
                await cluster.answers(node)
            leases = Leases(cluster)
            await leases.begin()
            for _ in range(2):
                old = await cluster.leader()
                leases.use(cluster.others(old))
                old.kill()
                await cluster.leader(cluster.others(old))
                old.start()
                await cluster.answers(old)
                leases.use(cluster.nodes)
            await leases.check()
            # All at once: what was granted is known, and counted anew.
            for node in cluster.nodes:
                node.send(signal.SIGKILL)
            for node in cluster.nodes:
                node.wait()
            for node in cluster.nodes:
                node.start()
            for node in cluster.nodes:
                await cluster.answers(node)
            await leases.check()
            await leases.end()

    asyncio.run(story())
