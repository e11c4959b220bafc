"""Seconds become ticks, none lost, none twice; a late turn blames nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.config import NO_LIMIT
from raftwerk.host.draw import SplitMix64
from raftwerk.host.virtual import VirtualClock, VirtualLoop, virtual_host
from raftwerk.runtime.ticker import Ticker, ticks_that_count

TICK = 0.001

CASES = [
    # passed expected leader  counted  why
    (30, 100, False, 30, "before the deadline time is time"),
    (100, 100, False, 100, "so it is at the deadline"),
    (101, 100, False, 99, "one tick late: one more for whoever waits in the socket"),
    (120, 100, False, 80, "twenty late: twenty more"),
    (1000, 100, False, 50, "however late: no more than a heartbeat needs"),
    (1000, 20, False, 1, "but time never stands still"),
    (60, 50, True, 60, "a leader that is a little late has heartbeats to send"),
    (100, 50, True, 100, "and counts that time against its followers"),
    (1000, 50, True, 50, "but not that it was stalled itself: they may have answered"),
]


@pytest.mark.parametrize(("passed", "expected", "is_leader", "counted", "why"), CASES)
def test_a_late_turn_counts_less_than_it_lasted(
    passed: int, expected: int, is_leader: bool, counted: int, why: str
) -> None:
    assert ticks_that_count(passed, expected, 50, is_leader=is_leader) == counted, why


@given(
    st.integers(1, 10_000),
    st.integers(1, 400),
    st.integers(1, 100),
    st.booleans(),
)
def test_some_time_always_counts_and_never_more_than_passed(
    passed: int, expected: int, heartbeat: int, is_leader: bool
) -> None:
    counted = ticks_that_count(passed, expected, heartbeat, is_leader=is_leader)
    assert 1 <= counted <= passed


class Rig:
    """A ticker on a virtual loop, and how often it woke us."""

    def __init__(self, **clock: float) -> None:
        self.loop = VirtualLoop()
        clocks = VirtualClock(self.loop, **clock)
        host = virtual_host(self.loop, SplitMix64(1), clock=clocks)
        self.clock = host.clock
        self.rings: list[float] = []
        self.ticker = Ticker(host, TICK, lambda: self.rings.append(host.clock.now()))

    def run(self, seconds: float) -> None:
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()


def test_it_wakes_at_the_deadline_and_only_once() -> None:
    rig = Rig()
    rig.ticker.arm(50)
    rig.run(1.0)
    assert rig.rings == [pytest.approx(0.05)]
    rig.loop.close()


def test_an_earlier_deadline_takes_the_place_of_a_later_one() -> None:
    rig = Rig()
    rig.ticker.arm(50)
    rig.ticker.arm(20)
    rig.run(1.0)
    assert rig.rings == [pytest.approx(0.02)]
    rig.loop.close()


def test_a_timer_that_comes_too_early_is_kept_for_it_costs_less_than_to_move_it() -> (
    None
):
    rig = Rig()
    rig.ticker.arm(20)
    rig.ticker.arm(50)
    rig.run(1.0)
    assert rig.rings == [pytest.approx(0.02)]
    rig.loop.close()


def test_without_a_deadline_nobody_is_woken() -> None:
    rig = Rig()
    rig.ticker.arm(NO_LIMIT)
    rig.run(1.0)
    assert not rig.rings
    rig.loop.close()


def test_nobody_is_woken_after_the_end() -> None:
    rig = Rig()
    rig.ticker.arm(20)
    rig.ticker.stop()
    rig.ticker.arm(10)
    rig.run(1.0)
    assert not rig.rings
    rig.loop.close()


def test_parts_of_ticks_are_not_lost() -> None:
    rig = Rig()
    counted = 0
    for _ in range(1000):
        rig.run(TICK * 0.7)
        counted += rig.ticker.passed()
    assert counted == pytest.approx(700, abs=1)
    rig.loop.close()


@given(
    st.floats(0, 1e7, allow_nan=False),
    st.floats(-0.3, 0.3, allow_nan=False),
    st.lists(st.integers(1, 300), min_size=1, max_size=30),
)
def test_a_deadline_is_reached_with_the_first_ring_whatever_the_clock_shows(
    ahead: float, drift: float, deadlines: list[int]
) -> None:
    # A ring that finds a rounding error missing of its tick would be set again for no
    # time at all, and on a virtual loop for ever.
    rig = Rig(ahead_seconds=ahead, drift=drift)
    for ticks in deadlines:
        rig.rings.clear()
        rig.ticker.arm(ticks)
        rig.run((ticks + 1) * TICK / (1 + drift))
        assert len(rig.rings) == 1
        assert ticks <= rig.ticker.passed() <= ticks + 1
    rig.loop.close()
