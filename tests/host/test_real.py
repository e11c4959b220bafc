"""The machine we run on, held against the contract; its waits are some milliseconds."""

import asyncio
import gc
import threading

from raftwerk.host.protocol import Host
from raftwerk.host.real import draw_from_os, real_host
from tests.host.contract import HostContract, Result, Story


class TestRealHost(HostContract):
    """The real host keeps the contract."""

    def run(self, story: "Story[Result]") -> Result:
        """Run a story with real time."""
        return asyncio.run(story(real_host()))

    def test_a_worker_is_one_thread_with_a_name(self) -> None:
        async def story(host: Host) -> list[str]:
            worker = host.threads("wal-sync")
            names = [
                await worker.run(lambda: threading.current_thread().name)
                for _ in range(3)
            ]
            worker.close()
            return names

        assert self.run(story) == ["wal-sync"] * 3

    def test_the_loop_runs_on_while_a_worker_is_busy(self) -> None:
        async def story(host: Host) -> bool:
            worker = host.threads("worker")
            let_go = threading.Event()
            # The worker waits for the loop: on the loop's own thread it would for ever.
            host.timers.call_later(0.0, let_go.set)
            was_set = await worker.run(let_go.wait, 10.0)
            worker.close()
            return was_set

        assert self.run(story)


def threads_named(name: str) -> list[threading.Thread]:
    """Return the threads of a name that live."""
    return [thread for thread in threading.enumerate() if thread.name == name]


def test_a_worker_that_is_forgotten_leaves_no_thread_behind() -> None:
    async def story() -> None:
        worker = real_host().threads("forgotten")
        await worker.run(int)
        assert threads_named("forgotten")

    asyncio.run(story())
    gc.collect()
    for thread in threads_named("forgotten"):
        thread.join(10.0)
    assert not threads_named("forgotten")


def test_a_worker_that_outlives_its_loop_tells_nobody_and_ends() -> None:
    let_go = threading.Event()
    ended: list[bool] = []

    async def story() -> None:
        worker = real_host().threads("outliving")
        worker.run(let_go.wait, 10.0)
        worker.run(ended.append, True)
        worker.close()

    asyncio.run(story())
    (thread,) = threads_named("outliving")
    let_go.set()
    thread.join(10.0)
    assert not thread.is_alive()
    assert ended == [True], "what was given is done"


def test_a_job_is_done_although_its_caller_was_cancelled_meanwhile() -> None:
    async def story() -> list[int]:
        worker = real_host().threads("cancelled")
        done: list[int] = []
        let_go = threading.Event()
        first = asyncio.ensure_future(worker.run(let_go.wait, 10.0))
        second = asyncio.ensure_future(worker.run(done.append, 2))
        second.cancel()
        let_go.set()
        await first
        await worker.run(done.append, 3)
        worker.close()
        return done

    assert asyncio.run(story()) == [2, 3]


def test_two_generators_of_the_system_differ() -> None:
    assert draw_from_os().next_64_bits() != draw_from_os().next_64_bits()
