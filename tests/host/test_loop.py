"""The virtual loop: order, jumps of time, and what must not pass in silence."""

import asyncio
import contextvars
import gc
import math
import os
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from raftwerk.errors import Deadlock, InvariantViolation
from raftwerk.host.loop import OWNER, VirtualLoop, run


def test_time_begins_at_zero_and_jumps_to_the_next_timer() -> None:
    async def story() -> list[float]:
        loop = asyncio.get_running_loop()
        times = [loop.time()]
        for delay in (0.5, 86_400.0, 0.25):
            await asyncio.sleep(delay)
            times.append(loop.time())
        return times

    assert run(story()) == [0.0, 0.5, 86_400.5, 86_400.75]


def test_time_stands_still_while_anything_is_ready() -> None:
    async def story() -> float:
        asyncio.get_running_loop().call_later(0.001, lambda: None)
        for _ in range(100):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run(story()) == 0.0


def test_calls_of_one_turn_are_made_in_their_order() -> None:
    async def story() -> list[int]:
        made: list[int] = []
        for number in range(10):
            asyncio.get_running_loop().call_soon(made.append, number)
        await asyncio.sleep(0)
        return made

    assert run(story()) == list(range(10))


def test_timers_of_one_moment_fire_in_the_order_in_which_they_were_set() -> None:
    async def story() -> list[int]:
        fired: list[int] = []
        loop = asyncio.get_running_loop()
        # Enough of them that a heap without a second key would mix them up.
        for number in range(50):
            loop.call_at(1.0, fired.append, number)
        await asyncio.sleep(2.0)
        return fired

    assert run(story()) == list(range(50))


def test_a_call_that_a_call_asks_for_waits_for_the_next_turn() -> None:
    async def story() -> list[str]:
        made: list[str] = []
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.call_soon(made.append, "asked for later"))
        loop.call_soon(made.append, "asked for now")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return made

    assert run(story()) == ["asked for now", "asked for later"]


def test_a_timer_in_the_past_fires_and_moves_no_time_back() -> None:
    async def story() -> tuple[list[float], float]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(5.0)
        fired: list[float] = []
        loop.call_at(1.0, lambda: fired.append(loop.time()))
        await asyncio.sleep(0.0)
        await asyncio.sleep(1.0)
        return fired, loop.time()

    assert run(story()) == ([5.0], 6.0)


def test_the_shortest_delay_moves_time_on() -> None:
    async def story() -> float:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(86_400.0)
        # Added to a day, this vanishes: without a least delay we would never be done.
        while loop.time() < 86_400.0 + 1e-8:
            await asyncio.sleep(1e-17)
        return loop.time()

    assert run(story()) == pytest.approx(86_400.0)


def test_many_cancelled_timers_are_forgotten() -> None:
    loop = VirtualLoop()

    async def story() -> list[int]:
        fired: list[int] = []
        for number in range(1000):
            loop.call_later(10.0, fired.append, -1).cancel()
            if number % 100 == 0:
                loop.call_later(1.0 + number, fired.append, number)
        await asyncio.sleep(2000.0)
        return fired

    assert loop.run_until_complete(story()) == list(range(0, 1000, 100))
    assert not loop._timers  # pylint: disable=protected-access  # what is kept, counts
    loop.close()


def test_a_deadlock_is_an_error_that_names_who_waits() -> None:
    async def wait_for_nobody() -> None:
        await asyncio.get_running_loop().create_future()

    async def story() -> None:
        await asyncio.sleep(1.5)
        async with asyncio.TaskGroup() as group:
            group.create_task(wait_for_nobody(), name="the patient one")

    with pytest.raises(Deadlock, match="at 1.5 s") as caught:
        run(story())
    assert "the patient one in" in str(caught.value)
    assert "wait_for_nobody, line" in str(caught.value)


def test_a_timer_at_the_end_of_all_time_does_not_hide_a_deadlock() -> None:
    with pytest.raises(Deadlock):
        run(asyncio.sleep(math.inf))


def test_a_loop_that_runs_for_ever_ends_with_a_deadlock_too() -> None:
    loop = VirtualLoop()
    with pytest.raises(Deadlock):
        loop.run_forever()
    loop.close()


def test_time_that_never_moves_on_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("raftwerk.host.loop.CALLS_MAX", 1000)

    async def spin() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(InvariantViolation, match="time does not move on"):
        run(spin())


def test_an_exception_in_a_callback_is_raised_where_the_loop_is_run() -> None:
    async def story() -> None:
        asyncio.get_running_loop().call_later(1.0, int, "seven")
        await asyncio.sleep(2.0)

    with pytest.raises(ValueError, match="seven") as caught:
        run(story())
    assert any("virtual loop" in note for note in caught.value.__notes__)


def test_an_exception_of_a_task_that_nobody_awaits_is_raised() -> None:
    async def fail() -> None:
        raise LookupError("nobody awaits me")

    async def story() -> None:
        task = asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(1.0)
        del task
        gc.collect()
        await asyncio.sleep(1.0)

    with pytest.raises(LookupError, match="nobody awaits me"):
        run(story())


def test_an_exception_that_is_found_after_the_last_turn_is_raised_at_close() -> None:
    async def fail() -> None:
        raise LookupError("too late")

    loop = VirtualLoop()
    task = loop.create_task(fail())
    loop.run_until_complete(asyncio.wait([task]))
    del task
    gc.collect()
    with pytest.raises(LookupError, match="too late"):
        loop.close()
    assert loop.is_closed()


def test_a_handler_that_is_set_gets_the_exceptions() -> None:
    loop = VirtualLoop()
    taken: list[object] = []
    loop.set_exception_handler(lambda _, context: taken.append(context["exception"]))
    loop.call_soon(int, "seven")
    loop.run_until_complete(asyncio.sleep(1.0))
    loop.close()
    assert [type(item) for item in taken] == [ValueError]


def test_threads_are_refused() -> None:
    with pytest.raises(InvariantViolation, match="a virtual loop has none"):
        run(asyncio.to_thread(print))


def test_tasks_that_still_run_at_the_end_are_cancelled_in_their_order() -> None:
    ended: list[str] = []

    async def wait(name: str) -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            ended.append(name)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(wait(name)) for name in "abcdefgh"]
        await asyncio.wait(tasks, timeout=1.0)

    run(story())
    assert ended == list("abcdefgh")


def test_asynchronous_generators_are_closed_at_the_end() -> None:
    closed: list[bool] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    generator = numbers()

    async def story() -> int:
        return await anext(generator)

    assert run(story()) == 1
    assert closed == [True]


def test_a_loop_runs_several_times_and_keeps_its_time() -> None:
    loop = VirtualLoop()
    loop.run_until_complete(asyncio.sleep(1.0))
    assert loop.time() == 1.0
    loop.run_until_complete(asyncio.sleep(1.0))
    assert (loop.time(), loop.is_running()) == (2.0, False)
    loop.close()
    loop.close()
    assert loop.is_closed()


def test_a_closed_loop_takes_no_call() -> None:
    loop = VirtualLoop()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_soon(print)
    with pytest.raises(RuntimeError, match="closed"):
        loop.call_later(1.0, print)


def test_a_loop_that_is_forgotten_is_no_leak() -> None:
    # Warnings are errors here, so a warning would fail this.
    VirtualLoop().run_until_complete(asyncio.sleep(1.0))
    gc.collect()


def test_a_stopped_loop_can_be_run_again() -> None:
    loop = VirtualLoop()
    loop.call_later(1.0, loop.stop)
    loop.call_later(2.0, loop.stop)
    loop.run_forever()
    assert loop.time() == 1.0
    loop.run_forever()
    assert loop.time() == 2.0
    loop.close()


def test_the_runner_of_asyncio_can_use_the_loop() -> None:
    async def story() -> float:
        asyncio.get_running_loop().create_task(asyncio.sleep(1000.0))
        await asyncio.sleep(60.0)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        assert runner.run(story()) == 60.0


def test_timeouts_of_asyncio_work() -> None:
    async def story() -> float:
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5.0):
                await loop.create_future()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(loop.create_future(), 5.0)
        return loop.time()

    assert run(story()) == 10.0


def test_nothing_of_an_abandoned_owner_runs_again_not_even_its_last_words() -> None:
    loop = VirtualLoop()
    said: list[str] = []

    async def talk(name: str) -> None:
        try:
            for _ in range(10):
                await asyncio.sleep(1.0)
                said.append(name)
        finally:
            said.append(f"last words of {name}")

    context = contextvars.copy_context()
    context.run(OWNER.set, "one")
    loop.create_task(talk("one"), context=context.copy())
    loop.call_later(3.0, said.append, "timer of one", context=context.copy())
    two = loop.create_task(talk("two"))
    loop.call_later(2.5, loop.abandon, "one")
    loop.run_until_complete(two)
    gc.collect()
    assert said == ["one", "two"] * 2 + ["two"] * 8 + ["last words of two"]
    loop.close()


def test_an_abandoned_task_that_waits_in_its_last_words_is_closed_in_silence() -> None:
    loop = VirtualLoop()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            await asyncio.sleep(100.0)
            await asyncio.sleep(100.0)

    async def failing() -> None:
        try:
            await asyncio.sleep(100.0)
        finally:
            raise LookupError("nobody hears this")

    context = contextvars.copy_context()
    context.run(OWNER.set, "one")
    loop.create_task(stubborn(), context=context.copy())
    loop.create_task(failing(), context=context.copy())
    loop.run_until_complete(asyncio.sleep(1.0))
    loop.abandon("one")
    loop.run_until_complete(asyncio.sleep(1000.0))
    loop.close()
    gc.collect()


# A task group cancels its tasks in the order of a set; so their last words come in the
# order of the tasks' hashes, and all that follows from these.
PROGRAM = """
import asyncio
from raftwerk.host.draw import SplitMix64
from raftwerk.host.loop import run

said = []

async def wait(number, draw):
    try:
        await asyncio.sleep(1 + draw.below(1000))
        if number == 0:
            raise LookupError
    finally:
        said.append((number, asyncio.get_running_loop().time()))

async def story():
    draw = SplitMix64(7)
    # Memory is used differently in each process, so that addresses differ.
    ballast = [bytearray(hash(str(n)) % 900) for n in range(2000)]
    del ballast[:: 2 + hash("ballast") % 3]
    async with asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(wait(number, draw.fork(f"task {number}")))

try:
    run(story())
except* LookupError:
    pass
print(said)
"""


@pytest.mark.e2e
def test_two_runs_are_equal_whatever_the_hashes_of_the_process() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1
    assert outputs.pop().count("(") == 40
