"""A sync is timed from outside, and a process that stood still blames no disk."""

from raftwerk.runtime.sync_times import SyncTimes


def times() -> SyncTimes:
    return SyncTimes(gap_max_seconds=0.1, window_seconds=1.0)


def test_a_sync_that_does_not_return_grows_older_with_each_look() -> None:
    watched = times()
    watched.begin(10.0)
    for look in range(1, 101):
        watched.look(10.0 + look * 0.05)
    assert round(watched.outstanding_seconds, 6) == 5.0
    assert watched.slowest_seconds == watched.outstanding_seconds


def test_time_without_looks_is_hardly_counted() -> None:
    watched = times()
    watched.begin(10.0)
    watched.look(10.05)
    watched.look(3_600.0)  # SIGSTOP, an hour later SIGCONT
    assert round(watched.outstanding_seconds, 6) == 0.15
    watched.end(3_600.01)
    assert round(watched.slowest_seconds, 6) == 0.16


def test_without_a_sync_under_way_nothing_is_outstanding() -> None:
    watched = times()
    watched.look(1.0)
    watched.look(2.0)
    assert watched.outstanding_seconds == watched.slowest_seconds == 0.0


def test_the_slowest_sync_is_remembered_for_a_window_and_not_for_two() -> None:
    watched = times()
    watched.look(10.0)
    watched.begin(10.0)
    watched.end(10.09)
    for tenth in range(1, 11):
        watched.look(10.0 + tenth / 10)
        assert round(watched.slowest_seconds, 6) == 0.09
    for tenth in range(11, 31):
        watched.look(10.0 + tenth / 10)
    assert watched.slowest_seconds == 0.0
