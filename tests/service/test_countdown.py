"""What is due when, by a clock that the test turns."""

import random

from raftwerk.kv import Lease
from raftwerk.service.countdown import Countdown, Due


def test_a_lease_is_remembered_at_half_its_time_and_again_at_half_of_that() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 60), now=0.0)
    assert countdown.take_due(29.9) == Due([], [])
    assert countdown.take_due(30.0) == Due([], [(7, 30)])
    assert countdown.take_due(45.0) == Due([], [(7, 15)])
    assert countdown.take_due(60.0) == Due([7], [])


def test_a_long_lease_is_remembered_every_five_minutes() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 86_400), now=0.0)
    assert countdown.next_due() == 300.0
    assert countdown.take_due(300.0) == Due([], [(7, 86_100)])
    assert countdown.next_due() == 600.0


def test_what_is_left_is_never_said_to_be_less_than_it_is() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 60), now=0.0)
    assert countdown.take_due(30.9).checkpoints == [(7, 30)]


def test_what_sums_of_times_are_off_by_makes_no_second() -> None:
    for hundredths in range(0, 10_000, 7):
        countdown = Countdown()
        countdown.begin(Lease(7, 60), now=hundredths / 100)
        due_at = countdown.next_due()
        assert due_at is not None
        assert countdown.take_due(due_at).checkpoints == [(7, 30)], due_at


def test_a_new_leader_counts_from_what_is_known_and_remembers_soon() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 60, remaining_seconds=40), 0.0, patience_seconds=5.0)
    assert countdown.left(7, 1.0) == 39.0
    assert countdown.take_due(5.0).checkpoints == [(7, 35)]


def test_a_lease_that_is_kept_alive_in_time_is_never_due() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 60), now=0.0)
    for now in range(0, 6_000, 20):
        countdown.renew(7, float(now), now + 60.0)
        assert countdown.take_due(float(now)) == Due([], [])
    assert countdown.take_due(5_980.0 + 60.0).expired == [7]


def test_a_deadline_is_never_brought_forward() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 60), now=0.0)
    countdown.renew(7, 50.0, 110.0)
    countdown.renew(7, 51.0, 105.0)
    assert countdown.left(7, 51.0) == 59.0


def test_what_has_expired_is_due_once_and_again_when_it_is_put_back() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 2), now=0.0)
    assert countdown.take_due(2.0).expired == [7]
    assert countdown.take_due(9.0).expired == []
    countdown.put_back(7, 10.0)
    countdown.put_back(7, 11.0)
    assert countdown.take_due(9.9).expired == []
    assert countdown.take_due(10.0).expired == [7]
    assert countdown.next_due() is None
    countdown.end(7)
    countdown.put_back(7, 10.0)
    assert countdown.next_due() is None


def test_a_lease_that_was_granted_again_is_another_one() -> None:
    countdown = Countdown()
    countdown.begin(Lease(7, 4), now=0.0)
    countdown.end(7)
    assert 7 not in countdown
    countdown.begin(Lease(7, 60), now=1.0)
    assert countdown.take_due(4.0) == Due([], [])
    assert countdown.left(7, 4.0) == 57.0


def test_leases_are_listed_by_what_ends_first() -> None:
    countdown = Countdown()
    for lease, seconds in ((1, 30), (2, 10), (3, 20)):
        countdown.begin(Lease(lease, seconds), now=0.0)
    assert countdown.in_order() == [2, 3, 1]


def test_only_so_many_are_looked_at_in_one_go() -> None:
    countdown = Countdown()
    for lease in range(1, 11):
        countdown.begin(Lease(lease, 2), now=0.0)
    assert len(countdown.take_due(5.0, leases_max=4).expired) == 4
    assert len(countdown.take_due(5.0).expired) == 6


def test_whatever_is_renewed_when_all_expire_no_sooner_than_they_may() -> None:
    seed = 20261123
    draw = random.Random(seed)
    countdown, deadlines = Countdown(), dict[int, float]()
    now = 0.0
    for step in range(2_000):
        now += draw.random()
        lease = draw.randint(1, 50)
        if lease in countdown:
            deadlines[lease] = max(deadlines[lease], now + 10)
            countdown.renew(lease, now, now + 10)
        else:
            countdown.begin(Lease(lease, 10), now)
            deadlines[lease] = now + 10
        expired = countdown.take_due(now).expired
        due = {each for each, deadline in deadlines.items() if deadline <= now}
        assert set(expired) == due, f"seed {seed}, step {step}"
        for each in expired:
            countdown.end(each)
            del deadlines[each]
