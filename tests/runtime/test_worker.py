"""A job beside the loop has four ends, and each is thought of."""

import asyncio
import functools

import pytest

from raftwerk.errors import StorageError
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.worker import Worker

from .group import story


def made(errors: list[BaseException]) -> Worker:
    """Return a worker whose jobs take a second each."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    host = virtual_host(loop, SplitMix64(1), latency=lambda name: 1.0)
    return Worker(host.threads("worker"), errors.append)


def failing() -> None:
    raise StorageError("the disk failed")


@story
async def test_results_are_taken_on_the_loop_in_the_order_of_the_jobs() -> None:
    worker, taken = made([]), list[int]()
    worker.run(lambda: 1, taken.append)
    worker.run(lambda: 2, taken.append)
    await asyncio.sleep(1.5)
    assert taken == [1]
    await asyncio.sleep(1.0)
    assert taken == [1, 2]


@story
async def test_what_a_job_raises_goes_to_whoever_it_concerns() -> None:
    errors: list[BaseException] = []
    own: list[BaseException] = []
    worker = made(errors)
    worker.run(failing, lambda _: None)
    worker.run(failing, lambda _: None, own.append)
    await asyncio.sleep(3.0)
    assert [str(error) for error in errors] == ["the disk failed"]
    assert [str(error) for error in own] == ["the disk failed"]


@story
async def test_what_goes_wrong_with_a_result_is_an_error_too() -> None:
    errors: list[BaseException] = []
    worker = made(errors)
    worker.run(lambda: 0, lambda zero: 1 // zero)
    await asyncio.sleep(2.0)
    assert isinstance(errors[0], ZeroDivisionError)


@pytest.mark.parametrize("is_failing", [False, True])
def test_after_the_close_nobody_is_told_and_nothing_is_begun(is_failing: bool) -> None:
    @story
    async def body() -> None:
        errors: list[BaseException] = []
        done: list[str] = []
        worker = made(errors)

        def job() -> None:
            done.append("done")
            if is_failing:
                failing()

        worker.run(job, lambda _: done.append("told"))
        await worker.close()
        assert done == ["done"], "close waits for what runs"
        worker.run(job, lambda _: None)
        await asyncio.sleep(5.0)
        assert (done, errors) == (["done"], [])
        assert worker.is_closed
        await worker.close()

    body()


@story
async def test_close_waits_for_all_that_was_given() -> None:
    worker, done = made([]), list[int]()
    for number in range(3):
        worker.run(functools.partial(done.append, number), lambda _: None)
    await worker.close()
    assert done == [0, 1, 2]
