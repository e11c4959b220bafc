"""Calls of the state machine: in order, whole, in a thread unless it is quick."""

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

from raftwerk.errors import NotLeader
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualLoop, virtual_host
from raftwerk.runtime.machine_queue import MachineCall, MachineQueue, is_quick

from .group import story


class Rig:
    """A queue whose thread takes a second for each call, and what happened when."""

    def __init__(self, quick: bool) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self.loop = loop
        host = virtual_host(loop, SplitMix64(1), latency=lambda worker: 1.0)
        self.errors: list[BaseException] = []
        self.told: list[tuple[float, str]] = []
        self.queue = MachineQueue(
            host.threads("machine"), quick=quick, on_error=self.errors.append
        )

    def tell(self, words: str) -> str:
        self.told.append((self.loop.time(), words))
        return words

    def steps(
        self, name: str, calls: int = 1, is_long: bool = False
    ) -> Generator[MachineCall | None, Any, None]:
        """Call so often, and tell the result of each."""
        for number in range(calls):
            call = MachineCall(lambda: self.tell(f"{name} called"), is_long)
            assert (yield call) == f"{name} called"
            self.tell(f"{name} {number}")


@story
async def test_a_quick_machine_is_called_at_once() -> None:
    rig = Rig(quick=True)
    rig.queue.run(rig.steps("a"))
    rig.queue.run(rig.steps("b"))
    assert [words for _, words in rig.told] == ["a called", "a 0", "b called", "b 0"]


@story
async def test_steps_are_carried_out_whole_before_the_next() -> None:
    rig = Rig(quick=False)
    rig.queue.run(rig.steps("a", calls=2))
    rig.queue.run(rig.steps("b"))
    assert not rig.told
    await rig.queue.call(lambda: rig.tell("c"))
    assert rig.told == [
        (1.0, "a called"),
        (1.0, "a 0"),
        (2.0, "a called"),
        (2.0, "a 1"),
        (3.0, "b called"),
        (3.0, "b 0"),
        (4.0, "c"),
    ]


@story
async def test_a_long_call_of_a_quick_machine_is_made_beside_the_loop() -> None:
    rig = Rig(quick=True)
    rig.queue.run(rig.steps("long", is_long=True))
    rig.queue.run(rig.steps("after"))
    assert not rig.told, "what comes after it waits"
    assert await rig.queue.call(lambda: 7) == 7
    assert [words for _, words in rig.told][-1] == "after 0"


@story
async def test_others_have_their_turn_in_a_pause_and_later_steps_do_not() -> None:
    rig = Rig(quick=True)

    def long() -> Generator[MachineCall | None, Any, None]:
        for number in range(2):
            rig.tell(f"slice {number}")
            yield None
        raise KeyError("broken")

    rig.queue.run(long())
    rig.queue.run(rig.steps("after"))
    asyncio.get_running_loop().call_soon(rig.tell, "others")
    await asyncio.sleep(1)
    assert [words for _, words in rig.told] == ["slice 0", "slice 1", "others"]
    assert [type(error) for error in rig.errors] == [KeyError]


@story
async def test_what_a_query_raises_is_its_own_matter() -> None:
    rig = Rig(quick=False)
    with pytest.raises(ZeroDivisionError):
        await rig.queue.call(lambda: 1 // 0)
    assert await rig.queue.call(lambda: "still there") == "still there"
    assert not rig.errors


@story
async def test_what_a_call_in_the_thread_raises_is_the_end() -> None:
    rig = Rig(quick=False)

    def fail() -> None:
        raise KeyError("broken")

    def failing() -> Generator[MachineCall | None, Any, None]:
        yield MachineCall(fail)

    rig.queue.run(failing())
    rig.queue.run(rig.steps("never"))
    await asyncio.sleep(5)
    assert [type(error) for error in rig.errors] == [KeyError]
    assert not rig.told


@story
async def test_at_the_end_nothing_more_is_called_and_who_asked_is_told() -> None:
    rig = Rig(quick=False)
    rig.queue.run(rig.steps("begun", calls=2))
    asked, given_up = rig.queue.call(lambda: 1), rig.queue.call(lambda: 2)
    given_up.cancel()
    await asyncio.sleep(0.5)
    rig.queue.stop()
    late = rig.queue.call(lambda: 3)
    await rig.queue.close()
    assert rig.loop.time() == 1.0, "the call that was made is waited for"
    assert [words for _, words in rig.told] == ["begun called"]
    for outcome in (asked, late):
        with pytest.raises(NotLeader, match="stopped"):
            await outcome


class Quick:
    """Says that it is."""

    is_quick = True


class Honest:
    """Says that it is not."""

    is_quick = False


def test_only_who_says_so_is_quick() -> None:
    assert is_quick(Quick())
    assert not is_quick(Honest())
    assert not is_quick(object())
