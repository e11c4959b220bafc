"""The machine we run on, held against the contract; its waits are some milliseconds."""

import asyncio
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

        assert self.run(story) == ["wal-sync_0"] * 3

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


def test_two_generators_of_the_system_differ() -> None:
    assert draw_from_os().next_64_bits() != draw_from_os().next_64_bits()
