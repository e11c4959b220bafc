"""Reads wait for a round that began after they came, and for what it found."""

import asyncio

import pytest

from raftwerk.errors import NotLeader, QueueFull
from raftwerk.runtime.barriers import Barriers
from raftwerk.types import LogIndex

from .group import story

SEVEN, NINE = LogIndex(7), LogIndex(9)


def some(queue_max: int = 100, context: int = 0) -> Barriers:
    return Barriers(asyncio.get_running_loop(), queue_max, context)


@story
async def test_one_round_serves_all_reads_that_came_before_it() -> None:
    barriers = some()
    reads = [barriers.add(10.0) for _ in range(5)]
    context = barriers.begin_round(0.0)
    assert not barriers.needs_round
    barriers.confirm(context, SEVEN)
    barriers.applied(SEVEN)
    assert [read.result() for read in reads] == [7] * 5
    assert len(barriers) == 0


@story
async def test_a_read_that_comes_during_a_round_waits_for_the_next() -> None:
    barriers = some()
    early = barriers.add(10.0)
    first = barriers.begin_round(0.0)
    late = barriers.add(10.0)
    barriers.confirm(first, SEVEN)
    barriers.applied(SEVEN)
    assert early.done()
    assert not late.done()
    assert barriers.needs_round
    barriers.confirm(barriers.begin_round(0.0), SEVEN)
    barriers.applied(SEVEN)
    assert late.done()


@story
async def test_a_confirmed_read_waits_until_its_index_is_applied() -> None:
    barriers = some()
    read = barriers.add(10.0)
    barriers.confirm(barriers.begin_round(0.0), NINE)
    barriers.applied(SEVEN)
    assert not read.done()
    barriers.applied(NINE)
    assert await read == 9


@story
async def test_the_answer_to_a_round_that_was_begun_anew_is_too_old() -> None:
    barriers = some()
    read = barriers.add(10.0)
    old = barriers.begin_round(0.0)
    barriers.ask_again()
    assert barriers.needs_round
    new = barriers.begin_round(0.0)
    barriers.confirm(old, SEVEN)
    barriers.applied(NINE)
    assert not read.done()
    barriers.confirm(new, NINE)
    barriers.applied(NINE)
    assert read.done()


@story
async def test_an_answer_that_comes_twice_confirms_once() -> None:
    barriers = some()
    barriers.add(10.0)
    context = barriers.begin_round(0.0)
    barriers.confirm(context, SEVEN)
    late = barriers.add(10.0)
    barriers.confirm(context, SEVEN)
    barriers.applied(NINE)
    assert not late.done()


@story
async def test_rounds_of_two_lives_have_different_names() -> None:
    # An answer to the first life may arrive in the second; its index is too old.
    first, second = some(context=1000), some(context=5000)
    first.add(10.0)
    read = second.add(10.0)
    old = first.begin_round(0.0)
    new = second.begin_round(0.0)
    second.confirm(old, SEVEN)
    second.applied(NINE)
    assert not read.done()
    assert new != old


@story
async def test_reads_that_ask_again_go_before_those_that_came_meanwhile() -> None:
    barriers = some()
    first = barriers.add(1.0)
    barriers.begin_round(0.0)
    second = barriers.add(2.0)
    barriers.ask_again()
    barriers.confirm(barriers.begin_round(0.0), SEVEN)
    barriers.applied(SEVEN)
    assert first.done()
    assert second.done()


@story
async def test_a_round_without_an_answer_is_begun_anew_after_a_while() -> None:
    barriers = some()
    barriers.add(10.0)
    barriers.begin_round(1.0)
    barriers.ask_again_if_late(1.1, 0.15)
    assert not barriers.needs_round
    barriers.ask_again_if_late(1.16, 0.15)
    assert barriers.needs_round


@story
async def test_time_is_up_wherever_a_read_waits_and_it_may_be_tried_again() -> None:
    barriers = some()
    confirmed = barriers.add(1.0)
    barriers.confirm(barriers.begin_round(0.0), NINE)
    asked = barriers.add(1.0)
    barriers.begin_round(0.0)
    waiting = barriers.add(1.0)
    patient = barriers.add(2.0)
    barriers.expire(1.0)
    for read in (confirmed, asked, waiting):
        assert isinstance(read.exception(), NotLeader)
    assert not patient.done()
    assert len(barriers) == 1


@story
async def test_a_full_queue_refuses_and_has_room_again_when_reads_end() -> None:
    barriers = some(queue_max=1)
    read = barriers.add(10.0)
    with pytest.raises(QueueFull, match="1 reads wait"):
        barriers.add(10.0)
    read.cancel()
    barriers.expire(0.0)
    assert barriers.add(10.0)


@story
async def test_a_read_that_was_given_up_harms_nobody() -> None:
    barriers = some()
    given_up, wanted = barriers.add(10.0), barriers.add(10.0)
    given_up.cancel()
    barriers.confirm(barriers.begin_round(0.0), SEVEN)
    barriers.applied(SEVEN)
    assert wanted.done()
    assert len(barriers) == 0


@story
async def test_at_the_end_all_reads_end_and_none_happened() -> None:
    barriers = some()
    confirmed = barriers.add(10.0)
    barriers.confirm(barriers.begin_round(0.0), NINE)
    asked = barriers.add(10.0)
    barriers.begin_round(0.0)
    waiting = barriers.add(10.0)
    barriers.end_all("member 1 was stopped")
    for read in (confirmed, asked, waiting):
        with pytest.raises(NotLeader, match="member 1 was stopped"):
            await read
    barriers.applied(NINE)
    assert len(barriers) == 0
