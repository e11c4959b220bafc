"""The wait before the next attempt: doubled, bounded, jittered."""

from hypothesis import given
from hypothesis import strategies as st

from raftwerk.host.draw import SplitMix64
from raftwerk.transport.backoff import Backoff


@given(st.integers())
def test_each_wait_is_in_the_upper_half_of_a_doubling_bound(seed: int) -> None:
    backoff = Backoff(0.1, 1.0, SplitMix64(seed))
    for bound in (0.1, 0.2, 0.4, 0.8, 1.0, 1.0):
        assert bound / 2 <= backoff.next_seconds() <= bound


def test_two_members_wait_for_different_times() -> None:
    one, two = (Backoff(1.0, 1.0, SplitMix64(seed)) for seed in (1, 2))
    assert one.next_seconds() != two.next_seconds()


def test_after_a_reset_it_begins_anew() -> None:
    backoff = Backoff(0.1, 100.0, SplitMix64(1))
    for _ in range(2000):
        backoff.next_seconds()
    backoff.reset()
    assert backoff.next_seconds() <= 0.1


def test_a_wait_by_another_bound_does_not_count() -> None:
    backoff = Backoff(0.1, 100.0, SplitMix64(1))
    assert 2.5 <= backoff.jittered(5.0) <= 5.0
    assert backoff.next_seconds() <= 0.1
