"""The rule for a leader with a sick disk: whom it asks, when, and how often."""

from collections.abc import Sequence
from typing import Any

import pytest

from raftwerk.runtime.disk_watch import (
    PAUSE_TIMEOUTS,
    Candidate,
    DiskState,
    DiskWatch,
    StepDownNow,
)
from raftwerk.types import LogIndex, NodeId

T = 0.3
"""The election timeout in seconds."""
SOUND = DiskState()
HANGS = DiskState(outstanding_seconds=1.1 * T)
FULL = DiskState(has_room=False)


def other(node_id: int, match: int = 9, **changes: Any) -> Candidate:
    """Return a voter that is well, but for what is told."""
    told: dict[str, Any] = {"is_active": True, "sync_seconds": 0.01, "has_room": True}
    return Candidate(NodeId(node_id), LogIndex(match), **(told | changes))


OTHERS = [other(2, 7), other(3, 9)]

CASES: list[tuple[DiskState, Sequence[Candidate], int | None, str]] = [
    (SOUND, OTHERS, None, "with a sound disk it leads on"),
    (DiskState(0.9 * T), OTHERS, None, "a sync may take one election timeout"),
    (HANGS, OTHERS, 3, "the highest match index leads next"),
    (FULL, OTHERS, 3, "a full disk is as bad as one that hangs"),
    (HANGS, [other(2, 9), other(3, 9)], 2, "equals: the lowest id, always the same"),
    (HANGS, [other(2, 7), other(3, 9, is_active=False)], 2, "who is away can't lead"),
    (HANGS, [other(2, 7), other(3, 9, sync_seconds=0.6 * T)], 2, "nor a slow disk"),
    (HANGS, [other(2, 7), other(3, 9, sync_seconds=None)], 2, "nor an unknown one"),
    (HANGS, [other(2, 7), other(3, 9, has_room=False)], 2, "nor a full one"),
    (HANGS, [other(2, sync_seconds=2 * T), other(3, sync_seconds=T)], None, "all slow"),
    (FULL, [other(2, has_room=False), other(3, has_room=False)], None, "all full"),
    (HANGS, [], None, "alone, it stays"),
]


@pytest.mark.parametrize("disk, others, expected, why", CASES)
def test_a_leader_asks_the_best_of_those_whose_disk_is_sound(
    disk: DiskState, others: Sequence[Candidate], expected: int | None, why: str
) -> None:
    assert DiskWatch(T).look(100.0, disk, others, None) == expected, why


def test_there_is_no_second_hand_over_for_ten_election_timeouts() -> None:
    watch = DiskWatch(T)
    assert watch.look(100.0, HANGS, OTHERS, None) == 3
    watch.follow()  # It worked; later this member leads again, and its disk hangs.
    end = 100.0 + PAUSE_TIMEOUTS * T
    assert watch.look(end - 0.01, HANGS, OTHERS, None) is None
    assert watch.look(end, HANGS, OTHERS, None) == 3


def test_whoever_was_made_leader_by_a_hand_over_hands_over_no_sooner() -> None:
    watch = DiskWatch(T)
    watch.made_leader(100.0)
    assert watch.look(100.0 + 9.9 * T, HANGS, OTHERS, None) is None
    assert watch.look(100.0 + 10.1 * T, HANGS, OTHERS, None) == 3


def test_while_leadership_is_handed_over_nothing_more_is_decided() -> None:
    watch = DiskWatch(T)
    assert watch.look(100.0, HANGS, OTHERS, NodeId(2)) is None, "somebody wished so"
    assert watch.look(100.1, HANGS, OTHERS, None) == 3
    assert watch.look(100.2, HANGS, OTHERS, NodeId(3)) is None


def test_a_hand_over_that_fails_is_followed_by_a_step_down() -> None:
    watch = DiskWatch(T)
    assert watch.look(100.0, HANGS, OTHERS, None) == 3
    watch.look(100.1, HANGS, OTHERS, NodeId(3))
    assert watch.look(100.4, HANGS, OTHERS, None) is StepDownNow.STEP_DOWN
    assert watch.look(100.5, HANGS, OTHERS, None) is None, "once"


def test_a_hand_over_that_fails_is_forgotten_if_the_disk_is_well_again() -> None:
    watch = DiskWatch(T)
    assert watch.look(100.0, HANGS, OTHERS, None) == 3
    assert watch.look(100.4, SOUND, OTHERS, None) is None
    assert watch.look(100.5, HANGS, OTHERS, None) is None, "it was not this time's"


def test_whose_sync_hangs_does_not_stand_and_whose_disk_is_full_may() -> None:
    watch = DiskWatch(T)
    assert not watch.may_stand(HANGS)
    assert watch.may_stand(FULL), "there is room for a vote"
    assert watch.may_stand(DiskState(T))
