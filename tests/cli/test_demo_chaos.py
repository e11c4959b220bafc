"""Chaos: one seed decides what is tried, all sorts are tried, and the end mends all."""

import asyncio
from collections.abc import Sequence

from raftwerk.cli.demo_chaos import PAUSE_MILLIS, Chaos
from raftwerk.cli.demo_refusal import DemoRefusal
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, run, virtual_host

MINUTE = 60.0

BREAKING = {"kill", "pause", "cut off", "cut way", "transfer"}


class FakeCluster:
    """Notes what is done to it; some of it can't be done, as in earnest."""

    def __init__(self) -> None:
        self.acts: list[tuple[str, ...]] = []
        self.paused: set[str] = set()
        self.has_cuts = False

    @property
    def names(self) -> Sequence[str]:
        return ("n1", "n2", "n3")

    def kill(self, name: str) -> None:
        self.acts.append(("kill", name))
        self.paused.discard(name)

    def pause(self, name: str) -> None:
        if name in self.paused:
            raise DemoRefusal("it is paused")
        self.acts.append(("pause", name))
        self.paused.add(name)

    def resume(self, name: str) -> None:
        self.acts.append(("resume", name))
        self.paused.discard(name)

    def cut_off(self, name: str) -> None:
        self.acts.append(("cut off", name))
        self.has_cuts = True

    def cut_way(self, sender: str, receiver: str) -> None:
        if sender == receiver:
            raise DemoRefusal("a way leads from one node to another")
        self.acts.append(("cut way", sender, receiver))
        self.has_cuts = True

    def heal(self) -> None:
        self.acts.append(("heal",))
        self.has_cuts = False

    async def transfer(self, name: str) -> None:
        self.acts.append(("transfer", name))
        raise DemoRefusal("nobody leads")


def broken_for(seconds: float, seed: int) -> FakeCluster:
    """Return a cluster that chaos had in its hands for so long."""
    cluster = FakeCluster()

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        timers = virtual_host(loop, SplitMix64(1)).timers
        chaos = asyncio.create_task(Chaos(cluster, seed, timers=timers).run())
        await asyncio.sleep(seconds)
        assert not chaos.done(), "what can't be done just now must not end it"
        chaos.cancel()
        await asyncio.wait([chaos])

    run(story())
    return cluster


def test_a_seed_decides_what_is_tried() -> None:
    assert broken_for(MINUTE, 7).acts == broken_for(MINUTE, 7).acts
    assert broken_for(MINUTE, 7).acts != broken_for(MINUTE, 8).acts


def test_all_sorts_of_things_break_and_it_never_rests() -> None:
    acts = broken_for(10 * MINUTE, 3).acts
    assert BREAKING <= {act[0] for act in acts}
    assert {name for act in acts for name in act[1:]} == {"n1", "n2", "n3"}
    # A sixth of all is refused or mends what is whole; the rest is an act each.
    assert len(acts) > 0.5 * 10 * MINUTE * 1000 / PAUSE_MILLIS[1]


def test_whenever_it_ends_all_is_mended() -> None:
    for seed in range(20):
        cluster = broken_for(10.0 + seed, seed)
        assert cluster.acts
        assert not cluster.paused, f"seed {seed}"
        assert not cluster.has_cuts, f"seed {seed}"
