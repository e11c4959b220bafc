"""Everything is looked through only where nobody minds."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

from raftwerk.host.draw import SplitMix64
from raftwerk.host.garbage import (
    GROWN_SHARE,
    KEPT_SHARE,
    LARGE_WORK,
    LOOK_SECONDS,
    MIDDLE_COLLECTIONS,
    SHARE_MAX,
    Garbage,
    GarbageView,
    Phase,
)
from raftwerk.host.virtual import VirtualLoop, run, virtual_host

UNNOTICED = 0.016


class FakeClock:
    """Says what it is told to."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now

    def wall(self) -> float:
        return 0.0


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
        self.callbacks: list[Callable[[Phase, dict[str, int]], object]] = []
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
        self.old = MIDDLE_COLLECTIONS
        await self.host.timers.sleep(seconds)

    async def grow(self, seconds: float, generation: int = 1) -> None:
        """Have the collector look at what is young, which takes so long; then wait."""
        for callback in self.callbacks:
            callback("start", {"generation": generation})
            self._passed += seconds
            callback("stop", {"generation": generation})
        await self.host.timers.sleep(1)


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
        assert not world.callbacks
        calls = len(world.calls)
        await world.busy(10)
        assert len(world.calls) == calls, "at the end it is left alone"
        return garbage.view

    return run(body())


def test_what_lives_at_the_start_is_looked_at_once_and_nothing_by_itself() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        assert world.calls == ["collect", "freeze"]
        assert world.threshold[0] < 700, "the young are looked at more often"
        assert world.threshold[2] > 10**6
        await world.host.timers.sleep(3600)
        garbage.freeze()
        assert world.calls == ["collect", "freeze", "freeze"]

    assert play(story).collections == 1


def test_what_nobody_notices_is_done_whenever_it_is_due() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        world.seconds = UNNOTICED / KEPT_SHARE * 0.9
        for count in range(2, 6):
            await world.busy(1.5)
            assert garbage.view.collections == count
        assert "freeze" not in world.calls[2:], "and nothing is kept for ever"

    view = play(story)
    assert view.worst_seconds < UNNOTICED


def test_what_grows_fast_is_looked_at_before_it_takes_long() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        await world.grow(UNNOTICED / GROWN_SHARE * 0.9)
        assert garbage.view.collections == 1
        await world.grow(UNNOTICED, generation=0)
        assert garbage.view.collections == 1, "what passed it is looked at once more"
        await world.grow(UNNOTICED / GROWN_SHARE * 0.2)
        assert garbage.view.collections == 2

    play(story)


def test_what_would_soon_take_too_long_is_not_looked_at_again() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        world.seconds = UNNOTICED / KEPT_SHARE * 1.1
        await world.grow(UNNOTICED * 0.9)
        assert garbage.view.collections == 2
        assert world.calls[2:] == ["collect", "freeze"]
        # Had it been kept in sight, both together would take longer than it may.
        await world.grow(UNNOTICED * 0.9)
        assert garbage.view.collections == 3

    play(story)


def test_nothing_is_looked_through_while_something_large_is_made() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        world.old = MIDDLE_COLLECTIONS
        for _ in range(20):
            LARGE_WORK.steps += 1
            await world.host.timers.sleep(LOOK_SECONDS)
        assert garbage.view.collections == 1
        garbage.rest()
        await world.host.timers.sleep(LOOK_SECONDS * 5)
        assert garbage.view.collections == 1
        # What grows too large meanwhile is put out of sight, as at any time.
        await world.grow(UNNOTICED * 1.1)
        assert world.calls[2:] == ["freeze"]
        garbage.freeze()
        await world.host.timers.sleep(LOOK_SECONDS * 2)
        assert garbage.view.collections == 2, "when all is made it is done"

    play(story)


def test_a_leader_makes_no_long_pause_and_a_follower_few() -> None:
    async def story(world: World, garbage: Garbage) -> None:
        await world.grow(UNNOTICED * 1.1)
        assert garbage.view.collections == 1
        assert world.calls[2:] == ["freeze"], "it is left alone for good"
        world.is_leader, world.seconds = False, 0.1
        await world.grow(UNNOTICED * 1.1)
        assert garbage.view.collections == 2
        await world.grow(UNNOTICED * 1.1)
        assert garbage.view.collections == 2, "at most one in so much time"
        await world.host.timers.sleep(world.seconds * SHARE_MAX)
        await world.grow(UNNOTICED * 1.1)
        assert garbage.view.collections == 3

    assert play(story).worst_seconds > 0.09


def test_pythons_own_collector_is_heard_and_left_as_it_was() -> None:
    def young_and_old() -> None:
        gc.collect(0)
        gc.collect(1)

    async def body() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        host = virtual_host(loop, SplitMix64(1))
        # To this clock any collection takes a second.
        seconds = iter(range(1 << 30))
        clock = FakeClock(lambda: float(next(seconds)))
        with Garbage(clock, host.timers, UNNOTICED, lambda: False) as garbage:
            young_and_old()
            await host.timers.sleep(1)
            return garbage.view.collections

    before = gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count()
    try:
        assert run(body()) == 1, "it seemed long, so it was frozen and not looked at"
        assert gc.get_freeze_count() > before[2]
    finally:
        gc.unfreeze()
    assert (gc.get_threshold(), len(gc.callbacks)) == before[:2]
