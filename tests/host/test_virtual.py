"""The virtual host, held against the contract, and what only it can do."""

import asyncio

import pytest

from raftwerk.errors import Deadlock, InvariantViolation
from raftwerk.host.draw import SplitMix64
from raftwerk.host.protocol import Host
from raftwerk.host.virtual import (
    VirtualClock,
    VirtualLoop,
    VirtualProcess,
    virtual_host,
)
from tests.host.contract import HostContract, Result, Story


class TestVirtualHost(HostContract):
    """The virtual host keeps the contract."""

    def run(self, story: "Story[Result]") -> Result:
        """Run a story on virtual time."""
        loop = VirtualLoop()
        try:
            return loop.run_until_complete(story(virtual_host(loop, SplitMix64(1))))
        finally:
            loop.close()


class TestHostOfAVirtualProcess(HostContract):
    """So does the host of a process, on a wrong clock and with slow workers."""

    def run(self, story: "Story[Result]") -> Result:
        """Run a story in a process of the virtual world."""
        loop = VirtualLoop()
        clock = VirtualClock(loop, ahead_seconds=1000.0, drift=-0.25)
        process = VirtualProcess(
            loop, SplitMix64(1), clock=clock, latency=lambda worker: 0.002
        )
        try:
            return loop.run_until_complete(process.start(story(process.host)))
        finally:
            loop.close()


def test_a_worker_takes_the_time_that_the_world_says_one_call_after_the_other() -> None:
    loop = VirtualLoop()
    asked: list[str] = []

    def latency(worker: str) -> float:
        asked.append(worker)
        return 0.5 if worker == "disk" else 0.0

    async def story(host: Host) -> list[float]:
        disk, other = host.threads("disk"), host.threads("other")
        outcomes = [disk.run(loop.time), disk.run(loop.time), other.run(loop.time)]
        times = [await outcome for outcome in outcomes]
        await host.timers.sleep(9.0)
        return times + [await disk.run(loop.time)]

    host = virtual_host(loop, SplitMix64(1), latency=latency)
    assert loop.run_until_complete(story(host)) == [0.5, 1.0, 0.0, 10.5]
    assert asked == ["disk", "disk", "other", "disk"]
    loop.close()


def test_a_call_has_no_effect_before_its_time_is_over() -> None:
    loop = VirtualLoop()
    host = virtual_host(loop, SplitMix64(1), latency=lambda worker: 0.5)
    written: list[int] = []

    async def story() -> None:
        outcome = host.threads("disk").run(written.append, 1)
        await host.timers.sleep(0.25)
        assert not written
        await outcome
        assert written == [1]

    loop.run_until_complete(story())
    loop.close()


def test_a_call_is_made_even_if_who_awaited_it_was_cancelled() -> None:
    loop = VirtualLoop()
    host = virtual_host(loop, SplitMix64(1), latency=lambda worker: 0.5)
    disk = host.threads("disk")
    written: list[int] = []

    async def write() -> None:
        await disk.run(written.append, 1)

    async def fail() -> None:
        await disk.run(int, "seven")

    async def story() -> None:
        tasks = [asyncio.create_task(write()), asyncio.create_task(fail())]
        await host.timers.sleep(0.25)
        for task in tasks:
            task.cancel()
        await host.timers.sleep(1.0)

    loop.run_until_complete(story())
    assert written == [1]
    loop.close()


def test_a_clock_may_be_ahead_and_drift() -> None:
    loop = VirtualLoop()
    clock = VirtualClock(loop, ahead_seconds=100.0, drift=0.5)
    wall = clock.wall()
    loop.run_until_complete(asyncio.sleep(10.0))
    assert clock.now() == 115.0
    assert clock.wall() - wall == 15.0
    loop.close()


def test_timers_follow_the_clock_of_their_host() -> None:
    loop = VirtualLoop()
    host = virtual_host(loop, SplitMix64(1), clock=VirtualClock(loop, drift=1.0))
    fired: list[float] = []

    async def story() -> None:
        host.timers.call_later(1.0, lambda: fired.append(loop.time()))
        begin = host.clock.now()
        await host.timers.sleep(3.0)
        assert host.clock.now() - begin == 3.0

    loop.run_until_complete(story())
    assert fired == [0.5]
    assert loop.time() == 1.5
    loop.close()


def test_a_clock_that_goes_back_is_refused() -> None:
    loop = VirtualLoop()
    with pytest.raises(InvariantViolation, match="a clock goes forward"):
        VirtualClock(loop, drift=-1.0)
    loop.close()


class TestKilledProcess:
    """After `kill` nothing of the process happens; the rest of the world goes on."""

    def test_its_timers_and_its_workers_do_nothing_more(self) -> None:
        loop = VirtualLoop()
        process = VirtualProcess(loop, SplitMix64(1), latency=lambda worker: 5.0)
        done: list[str] = []

        async def write() -> None:
            process.host.timers.call_later(1.0, done.append, "early timer")
            process.host.timers.call_later(3.0, done.append, "late timer")
            await process.host.threads("disk").run(done.append, "written")

        async def story() -> None:
            process.start(write(), "writer")
            await asyncio.sleep(2.0)
            process.kill()
            await asyncio.sleep(100.0)

        loop.run_until_complete(story())
        loop.close()
        assert done == ["early timer"]

    def test_what_was_set_from_outside_with_its_host_dies_with_it(self) -> None:
        loop = VirtualLoop()
        process = VirtualProcess(loop, SplitMix64(1))
        done: list[str] = []
        process.host.timers.call_later(1.0, done.append, "timer")
        process.host.threads("disk").run(done.append, "written")
        process.kill()
        loop.run_until_complete(asyncio.sleep(10.0))
        loop.close()
        assert not done

    def test_what_others_hand_to_it_wakes_nobody(self) -> None:
        loop = VirtualLoop()
        process = VirtualProcess(loop, SplitMix64(1))
        inbox: "asyncio.Queue[str]" = asyncio.Queue()
        read: list[str] = []

        async def read_all() -> None:
            while True:
                read.append(await inbox.get())

        async def story() -> None:
            process.start(read_all())
            inbox.put_nowait("one")
            await asyncio.sleep(1.0)
            process.kill()
            inbox.put_nowait("two")
            await asyncio.sleep(1.0)

        loop.run_until_complete(story())
        loop.close()
        assert read == ["one"]

    def test_tasks_that_a_call_from_outside_started_die_with_it(self) -> None:
        loop = VirtualLoop()
        process = VirtualProcess(loop, SplitMix64(1))
        ticks: list[float] = []
        tasks: list["asyncio.Task[None]"] = []

        async def tick() -> None:
            while True:
                ticks.append(loop.time())
                await process.host.timers.sleep(1.0)

        def receive(message: str) -> str:
            tasks.append(asyncio.create_task(tick()))
            return message.upper()

        async def story() -> str:
            answer = process.call(receive, "hello")
            await asyncio.sleep(1.5)
            process.kill()
            await asyncio.sleep(10.0)
            return answer

        assert loop.run_until_complete(story()) == "HELLO"
        assert ticks == [0.0, 1.0]
        loop.close()

    def test_another_process_on_the_same_loop_lives_on(self) -> None:
        loop = VirtualLoop()
        seeds = SplitMix64(1)
        processes = [VirtualProcess(loop, seeds.fork(name)) for name in ("a", "b")]
        beats = [0, 0]

        async def beat(number: int) -> None:
            while True:
                await processes[number].host.timers.sleep(1.0)
                beats[number] += 1

        async def story() -> None:
            for number, process in enumerate(processes):
                process.start(beat(number))
            await asyncio.sleep(3.5)
            processes[0].kill()
            await asyncio.sleep(3.0)

        loop.run_until_complete(story())
        loop.close()
        assert beats == [3, 6]

    def test_whoever_waits_for_it_waits_for_ever(self) -> None:
        loop = VirtualLoop()
        process = VirtualProcess(loop, SplitMix64(1))
        task = process.start(asyncio.sleep(1.0))
        process.kill()
        with pytest.raises(Deadlock):
            loop.run_until_complete(task)
        loop.close()


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_process_is_struck_between_two_turns_of_one_moment(turns: int) -> None:
    done: list[int] = []

    async def story(loop: VirtualLoop) -> None:
        process = VirtualProcess(loop, SplitMix64(1))

        async def busy() -> None:
            for number in range(10):
                done.append(number)
                await asyncio.sleep(0)

        process.strike_after(turns, process.kill)
        process.start(busy())
        await asyncio.sleep(1.0)

    loop = VirtualLoop()
    loop.run_until_complete(story(loop))
    loop.close()
    assert done == list(range(turns))


def test_process_that_was_suspended_meanwhile_is_not_struck() -> None:
    async def story(loop: VirtualLoop) -> int:
        process = VirtualProcess(loop, SplitMix64(1))
        process.strike_after(1, process.kill)
        process.suspend()
        process.resume()
        return await process.start(asyncio.sleep(1.0, 7))

    loop = VirtualLoop()
    assert loop.run_until_complete(story(loop)) == 7
    loop.close()
