"""What must hold of a group whatever happens to it, and what was found not to.

The runs are in `group`: all that happens follows from one integer. A failure names the
seed; ``python -m tests.core.group SEED`` tells its story event by event.
"""

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raftwerk.core.messages import AppendEntries, InstallSnapshot, RequestVoteReply
from raftwerk.core.records import ConfState, Entry, EntryKind, Snapshot
from raftwerk.core.roles import Role
from raftwerk.types import LogIndex, Term

from .group import FAULTS, Violation, World, run
from .member import S1, S2, S3, S4, Member, changes

FEW = range(0, 40)
MANY = range(1_000, 4_000)
CHUNK = 10


def check(seeds: Iterable[int]) -> None:
    """Run groups, and fail with the seed of the first that breaks a property."""
    for seed in seeds:
        try:
            run(seed)
        except Violation as violation:
            pytest.fail(
                f"seed {seed}: {violation}\ntold again by: python -m tests.core.group"
                f" {seed}"
            )


# ---- whatever happens -------------------------------------------------------


@pytest.mark.parametrize("start", FEW[::CHUNK])
def test_properties_hold_through_faults_and_progress_returns(start: int) -> None:
    check(range(start, start + CHUNK))


@pytest.mark.long
@pytest.mark.parametrize("start", MANY[::100])
def test_properties_hold_through_many_more_faults(start: int) -> None:
    check(range(start, start + 100))


# What hypothesis finds it makes small: less time, and only the faults that matter.
@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**64 - 1),
    ticks=st.integers(1, 100),
    kept=st.sets(st.sampled_from(FAULTS)),
)
def test_properties_hold_with_any_choice_of_faults(
    seed: int, ticks: int, kept: set[str]
) -> None:
    run(seed, ticks=ticks, without=set(FAULTS) - kept)


def test_run_follows_from_its_seed() -> None:
    def told(seed: int) -> tuple[int, int, list[object]]:
        world: World = run(seed)
        states = [member.replica.status() for member in world.members.values()]
        return world.now, world.steps, [*states]

    assert told(3) == told(3)
    assert told(3) != told(4)


# ---- what such runs have found ----------------------------------------------


def test_candidate_does_not_lead_before_its_own_vote_is_durable() -> None:
    """§3.8 of the thesis. Three members, slow disks: 1 stands, 2 and 3 vote for it, and
    that is a majority. It leads, and 2 gets its entries. It crashes before its disk has
    written anything, stands in the same term again, and 3 votes for it again, as it
    must where an answer may have been lost. Now it gives the same places of the same
    term to other entries, and 2 takes them for those that it has."""
    candidate = Member(1, asynchronous_storage=True)
    candidate.campaign()
    for voter in (S2, S3):
        vote = RequestVoteReply(sender=voter, receiver=S1, term=Term(1), granted=True)
        candidate.step(vote)
    assert candidate.role is Role.CANDIDATE
    candidate.do_append()
    assert candidate.status.role is Role.LEADER


def test_change_that_a_snapshot_overtook_is_not_applied_on_top_of_it() -> None:
    """§6, §7. The change that adds 4 waits to be applied when a snapshot arrives in
    which 4 is removed again: that is the configuration, and what the driver learns when
    it comes to the change is the one that its state machine is at."""
    change = changes("v4")
    follower = Member(2, asynchronous_storage=True)
    follower.step(
        AppendEntries(
            sender=S1,
            receiver=S2,
            term=Term(1),
            prev_log_index=LogIndex(0),
            prev_log_term=Term(0),
            commit_index=LogIndex(1),
            entries=(
                Entry(Term(1), LogIndex(1), change.encode(), EntryKind.CONF_CHANGE),
            ),
        )
    )
    follower.do_append()
    assert follower.apply_orders
    now = ConfState(voters=(S1, S2, S3))
    newer = Snapshot(LogIndex(9), Term(1), now)
    follower.step(InstallSnapshot(sender=S1, receiver=S2, term=Term(1), snapshot=newer))
    below = follower.replica.apply_conf_change(change)
    assert below.voters == (S1, S2, S3, S4)
    assert follower.status.conf_state == now
