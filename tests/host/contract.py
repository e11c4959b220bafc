"""What every host must do; both hosts inherit these tests."""

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

from raftwerk.errors import InvariantViolation
from raftwerk.host.protocol import Host

Result = TypeVar("Result")

Story = Callable[[Host], Coroutine[Any, Any, Result]]


class HostContract:
    """The tests; a subclass says how a story is run on its host."""

    def run(self, story: "Story[Result]") -> Result:
        """Run a story on a new host, and return what it returned."""
        raise NotImplementedError

    def test_the_clock_never_goes_back_and_moves_on_while_we_sleep(self) -> None:
        async def story(host: Host) -> tuple[float, float]:
            begin = host.clock.now()
            await host.timers.sleep(0.01)
            return begin, host.clock.now()

        begin, end = self.run(story)
        # A real timer may fire one tick of its clock early.
        assert end - begin >= 0.009

    def test_the_wall_clock_shows_a_time_of_our_century(self) -> None:
        async def story(host: Host) -> float:
            return host.clock.wall()

        assert 1_500_000_000 < self.run(story) < 4_100_000_000

    def test_timers_fire_in_the_order_of_their_times(self) -> None:
        async def story(host: Host) -> list[str]:
            fired: list[str] = []
            host.timers.call_later(0.02, fired.append, "late")
            host.timers.call_later(0.01, fired.append, "early")
            host.timers.call_later(0.0, fired.append, "at once")
            await host.timers.sleep(0.03)
            return fired

        assert self.run(story) == ["at once", "early", "late"]

    def test_a_timer_without_delay_fires_after_we_return_to_the_loop(self) -> None:
        async def story(host: Host) -> tuple[list[int], list[int]]:
            fired: list[int] = []
            host.timers.call_later(-1.0, fired.append, 1)
            before = list(fired)
            await host.timers.sleep(0.01)
            return before, fired

        assert self.run(story) == ([], [1])

    def test_a_cancelled_timer_does_not_fire(self) -> None:
        async def story(host: Host) -> list[int]:
            fired: list[int] = []
            timer = host.timers.call_later(0.005, fired.append, 1)
            timer.cancel()
            timer.cancel()
            await host.timers.sleep(0.01)
            return fired

        assert self.run(story) == []

    def test_cancelling_a_timer_that_fired_changes_nothing(self) -> None:
        async def story(host: Host) -> list[int]:
            fired: list[int] = []
            timer = host.timers.call_later(0.0, fired.append, 1)
            await host.timers.sleep(0.01)
            timer.cancel()
            return fired

        assert self.run(story) == [1]

    def test_a_sleep_without_duration_gives_others_a_turn(self) -> None:
        async def story(host: Host) -> list[int]:
            fired: list[int] = []
            host.timers.call_later(0.0, fired.append, 1)
            while not fired:
                await host.timers.sleep(0.0)
            return fired

        assert self.run(story) == [1]

    def test_a_worker_returns_what_the_function_returned(self) -> None:
        async def story(host: Host) -> int:
            worker = host.threads("worker")
            try:
                return await worker.run(max, 3, 5)
            finally:
                worker.close()

        assert self.run(story) == 5

    def test_a_worker_raises_what_the_function_raised(self) -> None:
        async def story(host: Host) -> None:
            worker = host.threads("worker")
            try:
                await worker.run(int, "seven")
            finally:
                worker.close()

        with pytest.raises(ValueError, match="seven"):
            self.run(story)

    def test_a_worker_goes_on_after_an_error(self) -> None:
        async def story(host: Host) -> int:
            worker = host.threads("worker")
            with pytest.raises(ValueError):
                await worker.run(int, "seven")
            try:
                return await worker.run(int, "7")
            finally:
                worker.close()

        assert self.run(story) == 7

    def test_a_worker_does_its_calls_in_order_whoever_awaits_first(self) -> None:
        async def story(host: Host) -> list[int]:
            done: list[int] = []
            worker = host.threads("worker")
            outcomes = [worker.run(done.append, number) for number in range(5)]
            for outcome in reversed(outcomes):
                await outcome
            worker.close()
            return done

        assert self.run(story) == [0, 1, 2, 3, 4]

    def test_a_call_is_made_even_if_nobody_awaits_it(self) -> None:
        async def story(host: Host) -> list[int]:
            done: list[int] = []
            worker = host.threads("worker")
            worker.run(done.append, 1)
            await worker.run(done.append, 2)
            worker.close()
            return done

        assert self.run(story) == [1, 2]

    def test_a_closed_worker_does_what_it_was_given_and_takes_nothing_new(self) -> None:
        async def story(host: Host) -> int:
            worker = host.threads("sync")
            given = worker.run(max, 3, 5)
            worker.close()
            worker.close()
            with pytest.raises(InvariantViolation, match="sync is closed"):
                worker.run(max, 3, 5)
            return await given

        assert self.run(story) == 5

    def test_a_draw_is_below_its_bound(self) -> None:
        async def story(host: Host) -> set[int]:
            return {host.draw.below(3) for _ in range(200)}

        assert self.run(story) == {0, 1, 2}

    def test_there_is_no_draw_from_nothing(self) -> None:
        async def story(host: Host) -> int:
            return host.draw.below(0)

        with pytest.raises(InvariantViolation, match="something to choose from"):
            self.run(story)
