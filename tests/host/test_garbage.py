"""Everything is looked through only where nobody minds."""

import asyncio
from collections.abc import Awaitable, Callable

from raftwerk.host.draw import SplitMix64
from raftwerk.host.garbage import SHARE_MAX, Garbage, GarbageView
from raftwerk.host.virtual import VirtualLoop, run, virtual_host

UNNOTICED = 0.016


class World:
    """Clock and collector of a process; a collection takes as long as it is told."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.host = virtual_host(loop, SplitMix64(1))
        self.is_leader = True
        self.seconds = 0.0
        self.old = 0
        self.calls: list[str] = []
        self.threshold = (700, 10, 10)
        self._passed = 0.0

    def now(self) -> float:
        return self.host.clock.now() + self._passed

    def wall(self) -> float:
        return 0.0

    def collect(self) -> int:
        self.calls.append("collect")
        self._passed += self.seconds
        self.old = 0
        return 0

    def freeze(self) -> None:
        self.calls.append("freeze")

    def get_count(self) -> tuple[int, int, int]:
        return 0, 0, self.old

    def get_threshold(self) -> tuple[int, int, int]:
        return self.threshold

    def set_threshold(self, young: int, middle: int, old: int, /) -> None:
        self.threshold = young, middle, old

    async def busy(self, seconds: float) -> None:
        """Make some garbage, and let time pass."""
        self.old = 10
        await self.host.timers.sleep(seconds)


def play(story: Callable[[World, Garbage], Awaitable[None]]) -> GarbageView:
    """Play a story in a process that has begun, and return what it has cost."""

    async def body() -> GarbageView:
        world = World()
        timers = world.host.timers
        garbage = Garbage(
            world, timers, UNNOTICED, lambda: not world.is_leader, collector=world
        )
        with garbage:
            await story(world, garbage)
        assert world.threshold == (700, 10, 10), "as it was found"
        calls = len(world.calls)
        await world.busy(10)
        assert len(world.calls) == calls, "at the end it is left alone"
        return garbage.view

    return run(body())


def test_what_lives_at_the_start_is_looked_at_once_and_nothing_by_itself() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        assert world.calls == ["collect", "freeze"]
        assert world.threshold[:2] == (700, 10)
        assert world.threshold[2] > 10**6
        await world.host.timers.sleep(3600)
        garbage.freeze()
        assert world.calls == ["collect", "freeze", "freeze"]

    assert play(story).collections == 1


def test_what_nobody_notices_is_done_whenever_it_is_due() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        world.seconds = UNNOTICED * 0.9
        for count in range(2, 6):
            await world.busy(1.5)
            assert garbage.view.collections == count

    view = play(story)
    assert view.worst_seconds < UNNOTICED


def test_a_leader_makes_no_long_pause_and_a_follower_few() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        world.seconds = 0.1
        await world.busy(1.5)
        assert garbage.view.collections == 2, "how long it takes is seen once"
        await world.busy(1000)
        assert garbage.view.collections == 2
        world.is_leader = False
        for count in range(3, 6):
            await world.busy(world.seconds * SHARE_MAX - 2)
            assert garbage.view.collections == count, "at most one in so much time"
            await world.busy(2 + 1)

    assert play(story).worst_seconds > 0.09


def test_what_takes_no_longer_than_nobody_notices_again_is_done_again() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        world.seconds = 0.1
        await world.busy(1.5)
        world.is_leader, world.seconds = False, 0.001
        await world.busy(200)
        world.is_leader = True
        await world.busy(1.5)
        assert garbage.view.collections == 4
        assert garbage.view.last_seconds < UNNOTICED

    play(story)
