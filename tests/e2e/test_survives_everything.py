"""Kills, pauses and cuts of random nodes under all that clients do at once.

No acknowledged put, transaction or lease is lost; a lock has one owner at a time, its
number grows, and a guarded write by an old one fails; watches miss nothing and repeat
nothing. An idle run fails.
"""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from raftwerk.host.draw import SplitMix64
from tests.e2e.clients import Clients
from tests.e2e.cluster import BACK_SECONDS, Cluster
from tests.e2e.processes import Stopwatch
from tests.e2e.promises import Keepers, Owners, Pairs
from tests.e2e.seeds import seeded_draw
from tests.e2e.waiting import until
from tests.e2e.watchers import Watchers

pytestmark = pytest.mark.e2e

KINDS: Final = ("kill", "pause", "cut")

CUTS: Final = ((False, False), (False, True), (True, False))
"""Whether who is cut off still hears, and whether it is still heard."""

PAUSE_SECONDS: Final = (0.3, 1.0, 2.5)

PROGRESS_SECONDS: Final = 60.0
"""For what is not a single write; how fast all is back, the other runs say."""

FLAGS: Final = ("--heartbeat-interval=100", "--election-timeout=500")
"""Patient: nodes, clients and relays share few processors here."""


class Work:
    """All who work on one cluster."""

    def __init__(self, cluster: Cluster, draw: SplitMix64) -> None:
        self.clients = Clients(
            cluster, draw, count=4, progress_seconds=PROGRESS_SECONDS
        )
        self.keepers = Keepers(cluster, draw, 2)
        self.owners = Owners(cluster, draw, 2)
        self.pairs = Pairs(cluster, draw, 1)

    def done(self) -> list[int]:
        """Return how much of each kind was done."""
        owners = self.owners
        return [self.keepers.beats, len(owners.written), self.pairs.reads]

    async def progress(self) -> None:
        """Return once there was some of everything that was not there before."""
        before = self.done()
        await self.clients.progress(3)

        async def look() -> bool:
            for crowd in (self.keepers, self.owners, self.pairs):
                crowd.check_alive()
            return all(new > old for new, old in zip(self.done(), before, strict=True))

        what = "a lease kept alive, a guarded write, a pair of keys, after"
        await until(look, f"{what} {before}", PROGRESS_SECONDS)


async def trouble(kind: str, cluster: Cluster, work: Work, draw: SplitMix64) -> None:
    """Have a node fail in some way, and be well again."""
    node = cluster.nodes[draw.below(len(cluster.nodes))]
    others = cluster.others(node)
    print(f"{kind} {node.name}")
    match kind:
        case "kill":
            node.kill()
            await work.clients.progress(3, through=others)
            node.start()
        case "pause":
            node.pause()
            await asyncio.sleep(PAUSE_SECONDS[draw.below(len(PAUSE_SECONDS))])
            node.resume()
        case _:
            hears, is_heard = CUTS[draw.below(len(CUTS))]
            cluster.relay.cut_off(node.name, hears=hears, is_heard=is_heard)
            await work.clients.progress(3, through=others)
            cluster.relay.heal()
    healing = Stopwatch(*cluster.pids)
    await work.clients.progress(1)
    print(f"well again, the next write after {healing}")
    assert healing.seconds < BACK_SECONDS


@pytest.mark.parametrize("troubles", [3, pytest.param(40, marks=pytest.mark.long)])
def test_all_promises_are_kept_whatever_fails(troubles: int, tmp_path: Path) -> None:
    draw = seeded_draw()

    async def story() -> None:
        async with Cluster(tmp_path, flags=FLAGS, is_relayed=True) as cluster:
            await cluster.leader()
            watchers = Watchers(cluster)
            work = Work(cluster, draw)
            kinds = list(KINDS)
            async with work.keepers, work.owners, work.pairs, work.clients:
                await work.progress()
                for _ in range(troubles):
                    if not kinds:
                        kinds = list(KINDS)
                    # Each kind as often as the others, in any order.
                    kind = kinds.pop(draw.below(len(kinds)))
                    await trouble(kind, cluster, work, draw)
                    # Some come while the last one is still felt.
                    if draw.below(2):
                        await work.progress()
                await work.clients.reach(cluster.nodes)
                await work.progress()
            await work.clients.check()
            changes = await watchers.end()
            work.owners.check(changes)
            work.pairs.check(changes)
            assert len(changes) > 20 * troubles, "there was much to tell"
            beats, written, pairs = work.done()
            assert work.owners.refused > 0
            print(
                f"{len(changes)} changes; {beats} keep-alives of {work.keepers.leases}"
                f" leases, {work.keepers.late} ended when they might;"
                f" {written} guarded writes, {work.owners.refused} refused;"
                f" {pairs} pairs"
            )

    asyncio.run(story())
