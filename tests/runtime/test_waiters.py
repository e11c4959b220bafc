"""How each proposal ends: with its result, not proposed, or unknown."""

import asyncio

import pytest

from raftwerk.errors import (
    NotLeader,
    NotProposed,
    OutcomeUnknown,
    QueueFull,
)
from raftwerk.host.virtual import run
from raftwerk.runtime.waiter import Waiter
from raftwerk.runtime.waiters import Waiters
from raftwerk.types import Term

from .group import story

ONE, TWO, THREE = Term(1), Term(2), Term(3)


def some(queue_max: int = 100, bytes_max: int = 10**9) -> Waiters:
    return Waiters(asyncio.get_running_loop(), queue_max, bytes_max)


def add(waiters: Waiters, data: bytes = b"data", deadline: float = 10.0) -> Waiter:
    """Add one, and return it with its future."""
    number = waiters.next_number()
    waiters.add(number, data, deadline)
    return waiters._waiting[number]  # pylint: disable=protected-access  # to look at


def propose(waiters: Waiters, term: Term) -> None:
    """Have the core take all that is held."""
    waiters.proposed(waiters.take_held(10**9, 1000), term)


@story
async def test_held_proposals_are_taken_in_order_and_only_once() -> None:
    waiters = some()
    first, second = add(waiters), add(waiters)
    assert waiters.take_held(1000, 1000) == [first, second]
    assert not waiters.take_held(1000, 1000)
    assert not waiters.has_held


@story
async def test_a_batch_has_as_many_bytes_as_fit_but_at_least_one_proposal() -> None:
    waiters = some()
    large, small, other = add(waiters, b"x" * 50), add(waiters), add(waiters)
    assert waiters.take_held(10, 1000) == [large]
    assert waiters.take_held(8, 1) == [small]
    assert waiters.take_held(8, 1000) == [other]


@story
async def test_what_the_core_did_not_take_comes_first_the_next_time() -> None:
    waiters = some()
    first, second = add(waiters), add(waiters)
    waiters.put_back(waiters.take_held(1, 1000))
    assert waiters.take_held(1000, 1000) == [first, second]


@story
async def test_what_a_leader_handed_back_is_held_again_in_its_order() -> None:
    waiters = some()
    first, second, third = add(waiters), add(waiters), add(waiters)
    propose(waiters, TWO)
    waiters.handed_back([first.number, second.number, 77], TWO)
    assert waiters.take_held(1000, 1000) == [first, second]
    assert not third.is_held


@story
async def test_what_was_handed_on_again_since_is_not_handed_back_by_the_first() -> None:
    waiters = some()
    waiter = add(waiters)
    propose(waiters, TWO)
    waiters.handed_back([waiter.number], ONE)
    assert not waiters.has_held
    waiters.handed_back([waiter.number], TWO)
    waiters.handed_back([waiter.number], TWO)
    assert waiters.take_held(1000, 1000) == [waiter]
    assert not waiters.has_held


@story
async def test_a_result_goes_to_whoever_proposed_it_and_only_once() -> None:
    waiters = some()
    waiter = add(waiters)
    propose(waiters, ONE)
    waiters.resolve(waiter.number, "result")
    waiters.resolve(waiter.number, "another")
    waiters.resolve(77, "nobody's")
    assert await waiter.future == "result"
    assert len(waiters) == 0


@story
async def test_an_exception_among_the_results_is_raised() -> None:
    waiters = some()
    waiter = add(waiters)
    waiters.resolve(waiter.number, KeyError("refused by the machine"))
    with pytest.raises(KeyError, match="refused"):
        await waiter.future


@story
async def test_what_was_lost_in_the_own_log_is_proposed_again_by_itself() -> None:
    waiters = some()
    first, second = add(waiters), add(waiters)
    propose(waiters, ONE)
    waiters.settle_older(TWO)
    assert not first.future.done()
    assert waiters.take_held(1000, 1000) == [first, second]


@story
async def test_what_was_lost_goes_before_what_came_later() -> None:
    waiters = some()
    lost = add(waiters)
    propose(waiters, ONE)
    later = add(waiters)
    waiters.settle_older(TWO)
    assert waiters.take_held(1000, 1000) == [lost, later]


@story
async def test_a_change_of_members_that_was_lost_is_not_proposed_again() -> None:
    waiters = some()
    future = waiters.add_proposed(waiters.next_number(), ONE, 10.0)
    waiters.settle_older(TWO)
    with pytest.raises(NotProposed, match="will not come to effect"):
        await future


@pytest.mark.parametrize("term", [ONE, TWO])
def test_an_entry_of_the_same_or_an_older_term_settles_nothing(term: Term) -> None:
    async def body() -> None:
        waiters = some()
        waiter = add(waiters)
        propose(waiters, TWO)
        waiters.settle_older(term)
        assert not waiter.future.done()
        waiters.end_all("the test ended")
        assert waiter.future.exception()

    run(body())


@story
async def test_what_is_held_is_settled_by_no_term() -> None:
    waiters = some()
    waiter = add(waiters)
    waiters.settle_older(THREE)
    assert waiters.take_held(1000, 1000) == [waiter]


@story
async def test_what_is_lost_again_is_proposed_again() -> None:
    waiters = some()
    waiter = add(waiters)
    for term, next_term in ((ONE, TWO), (TWO, THREE)):
        propose(waiters, term)
        waiters.settle_older(next_term)
        assert waiters.has_held
        assert not waiter.future.done()


@story
async def test_a_snapshot_hides_what_became_of_all_that_was_proposed() -> None:
    waiters = some()
    proposed = add(waiters)
    propose(waiters, ONE)
    held = add(waiters)
    waiters.forget_order()
    with pytest.raises(OutcomeUnknown, match="snapshot"):
        await proposed.future
    assert waiters.take_held(1000, 1000) == [held]


@story
async def test_time_is_up_for_what_is_held_as_not_proposed() -> None:
    waiters = some()
    waiter = add(waiters, deadline=5.0)
    waiters.expire(4.9)
    assert not waiter.future.done()
    waiters.expire(5.0)
    with pytest.raises(NotLeader, match="it was not made"):
        await waiter.future
    assert not waiters.has_held


@story
async def test_time_is_up_for_what_was_proposed_as_unknown() -> None:
    waiters = some()
    waiter = add(waiters, deadline=5.0)
    propose(waiters, ONE)
    waiters.expire(5.0)
    with pytest.raises(OutcomeUnknown, match="may be still"):
        await waiter.future


@story
async def test_what_was_lost_and_is_held_again_was_not_proposed() -> None:
    waiters = some()
    waiter = add(waiters)
    propose(waiters, ONE)
    waiters.settle_older(TWO)
    waiters.expire(100.0)
    with pytest.raises(NotProposed):
        await waiter.future


@story
async def test_only_those_whose_time_is_up_are_ended() -> None:
    waiters = some()
    early, late = add(waiters, deadline=5.0), add(waiters, deadline=6.0)
    waiters.expire(5.5)
    assert early.future.exception()
    assert waiters.take_held(1000, 1000) == [late]


@story
async def test_a_full_queue_refuses_and_says_how_many_wait() -> None:
    waiters = some(queue_max=2)
    held = add(waiters)
    add(waiters)
    with pytest.raises(QueueFull, match="2 proposals wait"):
        waiters.next_number()
    waiters.resolve(held.number, None)
    assert waiters.next_number()


@story
async def test_what_nobody_waits_for_any_more_is_never_proposed() -> None:
    waiters = some()
    given_up, wanted = add(waiters), add(waiters)
    given_up.future.cancel()
    assert waiters.take_held(1000, 1000) == [wanted]
    assert len(waiters) == 1


@story
async def test_what_was_given_up_and_lost_is_not_proposed_again() -> None:
    waiters = some()
    waiter = add(waiters)
    propose(waiters, ONE)
    waiter.future.cancel()
    waiters.settle_older(TWO)
    assert not waiters.take_held(1000, 1000)
    assert len(waiters) == 0


@story
async def test_a_result_for_what_was_given_up_harms_nobody() -> None:
    waiters = some()
    waiter = add(waiters)
    propose(waiters, ONE)
    waiter.future.cancel()
    waiters.resolve(waiter.number, "result")
    assert len(waiters) == 0


@story
async def test_at_the_end_what_is_held_was_not_proposed_and_the_rest_is_unknown() -> (
    None
):
    waiters = some()
    proposed = add(waiters)
    propose(waiters, ONE)
    held = add(waiters)
    waiters.end_all("member 1 was stopped")
    with pytest.raises(OutcomeUnknown, match="member 1 was stopped"):
        await proposed.future
    with pytest.raises(NotLeader, match="member 1 was stopped"):
        await held.future
    assert (len(waiters), waiters.has_held) == (0, False)


@story
async def test_what_the_core_was_just_being_given_is_unknown_at_the_end() -> None:
    # The core may have appended it before it found that something is wrong.
    waiters = some()
    waiter = add(waiters)
    waiters.take_held(1000, 1000)
    waiters.end_all("member 1 failed")
    with pytest.raises(OutcomeUnknown):
        await waiter.future


@story
async def test_before_a_stop_only_what_is_held_ends() -> None:
    waiters = some()
    proposed = add(waiters)
    propose(waiters, ONE)
    held = add(waiters)
    waiters.end_held(NotLeader("member 1 is stopping"))
    assert isinstance(held.future.exception(), NotProposed)
    assert not proposed.future.done()
    waiters.resolve(proposed.number, "result")
    assert await proposed.future == "result"


@story
async def test_proposals_of_too_many_bytes_are_refused_until_some_have_ended() -> None:
    waiters = some(bytes_max=1000)
    first, second = add(waiters, b"x" * 600), add(waiters, b"x" * 600)
    with pytest.raises(QueueFull, match="1200 bytes wait already, of 1000"):
        add(waiters)
    propose(waiters, ONE)
    with pytest.raises(QueueFull):
        add(waiters)
    waiters.resolve(first.number, "result")
    third = add(waiters, b"x" * 500)
    waiters.expire(11.0)
    for waiter in (second, third):
        assert isinstance(waiter.future.exception(), (NotLeader, OutcomeUnknown))
    large = add(waiters, b"x" * 5000)  # one alone may be as large as it likes
    waiters.end_all("the test is over")
    assert large.future.exception()
    add(waiters)
