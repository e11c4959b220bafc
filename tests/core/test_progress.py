"""The in-flight window and a follower's progress: tables, stories, a naive model."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raftwerk.core.config import NO_LIMIT
from raftwerk.core.progress import Inflights, Progress
from raftwerk.core.progress_view import ProgressState
from raftwerk.errors import InvariantViolation
from raftwerk.types import LogIndex


def progress(
    match: int = 3,
    next_: int = 5,
    state: ProgressState = ProgressState.PROBE,
    messages_max: int = 256,
) -> Progress:
    """Return the progress of a follower that has answered before."""
    made = Progress(LogIndex(next_), Inflights(messages_max, NO_LIMIT))
    made.match_index = LogIndex(match)
    made.state = state
    return made


# ---- the window -------------------------------------------------------------


def test_window_is_full_at_its_count_of_messages() -> None:
    window = Inflights(2, NO_LIMIT)
    window.add(LogIndex(1), 10)
    assert not window.is_full
    window.add(LogIndex(2), 10)
    assert window.is_full


def test_one_message_may_exceed_the_bytes_and_then_the_window_is_full() -> None:
    window = Inflights(10, 100)
    window.add(LogIndex(1), 99)
    assert not window.is_full
    window.add(LogIndex(2), 500)
    assert window.is_full
    window.free_up_to(LogIndex(1))
    assert window.is_full
    window.free_up_to(LogIndex(2))
    assert (window.count, window.size_bytes, window.is_full) == (0, 0, False)


def test_window_frees_all_messages_that_end_at_or_before_an_index() -> None:
    window = Inflights(10, NO_LIMIT)
    for last_index in (3, 5, 9):
        window.add(LogIndex(last_index), 1)
    window.free_up_to(LogIndex(2))
    assert window.count == 3
    window.free_up_to(LogIndex(6))
    assert window.count == 1
    window.free_up_to(LogIndex(100))
    assert window.count == 0


def test_full_window_takes_nothing_more() -> None:
    window = Inflights(1, NO_LIMIT)
    window.add(LogIndex(1), 1)
    with pytest.raises(InvariantViolation):
        window.add(LogIndex(2), 1)
    assert window.count == 1


@given(
    st.integers(1, 4),
    st.integers(1, 40),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=40),
)
def test_window_is_the_list_of_what_was_not_freed(
    messages_max: int, bytes_max: int, steps: list[tuple[bool, int]]
) -> None:
    window = Inflights(messages_max, bytes_max)
    model: list[tuple[int, int]] = []
    last_index = 0
    for adds, number in steps:
        if adds:
            is_full = (
                len(model) == messages_max
                or sum(size for _, size in model) >= bytes_max
            )
            assert window.is_full == is_full
            if is_full:
                continue
            last_index += 1
            window.add(LogIndex(last_index), number)
            model.append((last_index, number))
        else:
            window.free_up_to(LogIndex(number))
            model = [(last, size) for last, size in model if last > number]
        assert window.count == len(model)
        assert window.size_bytes == sum(size for _, size in model)


# ---- answers ----------------------------------------------------------------

UPDATES = [
    # acknowledged  news   match next  why
    (2, False, 3, 5, "a late answer never moves the match index back"),
    (3, False, 3, 5, "a repeated answer is no news"),
    (4, True, 4, 5, "the next index was right already"),
    (5, True, 5, 6, "the next index stays above the match index"),
    (9, True, 9, 10, "however far that is"),
]


@pytest.mark.parametrize(("index", "news", "match", "next_", "why"), UPDATES)
def test_acknowledgement_moves_match_and_next_forward_only(
    index: int, news: bool, match: int, next_: int, why: str
) -> None:
    ours = progress()
    ours.is_paused_by_probe = True
    assert ours.maybe_update(LogIndex(index)) == news, why
    assert (ours.match_index, ours.next_index) == (match, next_), why
    assert ours.is_paused != news, why


PROBE, REPLICATE = ProgressState.PROBE, ProgressState.REPLICATE
REFUSALS = [
    # state  match next refused hint  news   next  why
    (REPLICATE, 5, 10, 5, 5, False, 10, "what it has it can't refuse: a late one"),
    (REPLICATE, 5, 10, 4, 4, False, 10, "the same, further back"),
    (REPLICATE, 5, 10, 9, 9, True, 6, "go on from what is known to match"),
    (PROBE, 0, 10, 5, 5, False, 10, "not the append that we sent last"),
    (PROBE, 0, 10, 9, 9, True, 9, "the hint allows one back only"),
    (PROBE, 0, 10, 9, 2, True, 3, "go on where the hint says"),
    (PROBE, 0, 2, 1, 1, True, 1, "one back"),
    (PROBE, 0, 1, 0, 0, True, 1, "never below the first entry"),
    (PROBE, 2, 10, 9, 0, True, 3, "never below what is known to match"),
]


@pytest.mark.parametrize(
    ("state", "match", "next_", "refused", "hint", "news", "next_after", "why"),
    REFUSALS,
)
# pylint: disable-next=too-many-positional-arguments # one for each column
def test_refusal_sets_next_back_unless_it_is_late(
    state: ProgressState,
    match: int,
    next_: int,
    refused: int,
    hint: int,
    news: bool,
    next_after: int,
    why: str,
) -> None:
    ours = progress(match, next_, state)
    assert ours.maybe_decrease(LogIndex(refused), LogIndex(hint)) == news, why
    assert (ours.match_index, ours.next_index) == (match, next_after), why


def test_refused_probe_ends_the_pause() -> None:
    ours = progress(0, 10)
    ours.sent_entries(1, 1)
    assert ours.is_paused
    assert ours.maybe_decrease(LogIndex(9), LogIndex(4))
    assert not ours.is_paused


# ---- states -----------------------------------------------------------------


def test_probe_from_replicate_starts_behind_what_matches() -> None:
    ours = progress(3, 5)
    ours.become_replicate()
    ours.sent_entries(4, 40)
    ours.sent_commit(LogIndex(7))
    ours.become_probe()
    assert (ours.next_index, ours.inflights.count) == (4, 0)
    assert ours.sent_commit_index == 3, "messages behind that may be lost"


@pytest.mark.parametrize(("pending", "next_"), [(10, 11), (1, 4)])
def test_probe_after_a_snapshot_hopes_that_it_arrived(pending: int, next_: int) -> None:
    ours = progress(3, 5)
    ours.become_snapshot(LogIndex(pending))
    ours.become_probe()
    assert (ours.next_index, ours.pending_snapshot_index) == (next_, 0)


def test_failed_snapshot_is_probed_from_what_matches() -> None:
    ours = progress(3, 5)
    ours.become_snapshot(LogIndex(10))
    ours.pending_snapshot_index = LogIndex(0)
    ours.become_probe()
    assert ours.next_index == 4


def test_snapshot_pauses_and_carries_its_commit_index() -> None:
    ours = progress(3, 5)
    ours.become_snapshot(LogIndex(10))
    assert ours.is_paused
    assert (ours.next_index, ours.sent_commit_index) == (11, 10)
    with pytest.raises(InvariantViolation):
        ours.sent_entries(1, 1)


def test_member_starts_anew_in_a_new_term() -> None:
    ours = progress(3, 5)
    ours.is_learner = True
    ours.become_snapshot(LogIndex(10))
    ours.reset(LogIndex(0), LogIndex(8))
    fresh = Progress(LogIndex(8), ours.inflights, is_learner=True)
    fresh.is_recently_active = False
    assert ours.view() == fresh.view()
    assert ours.sent_commit_index == 0


# ---- sending ----------------------------------------------------------------


def test_probe_waits_for_an_answer_after_each_append_with_entries() -> None:
    ours = progress()
    ours.sent_entries(0, 0)
    assert not ours.is_paused, "an empty append does not wait"
    ours.sent_entries(2, 20)
    assert ours.is_paused
    assert ours.next_index == 5, "a probe is not optimistic"
    assert ours.inflights.count == 0


def test_replicate_sends_ahead_until_the_window_is_full() -> None:
    ours = progress(3, 9, messages_max=2)
    ours.become_replicate()
    ours.sent_entries(3, 30)
    assert (ours.next_index, ours.is_paused) == (7, False)
    ours.sent_entries(1, 10)
    assert (ours.next_index, ours.is_paused) == (8, True)
    ours.acknowledge_inflights(LogIndex(6))
    assert ours.maybe_update(LogIndex(6))
    assert (ours.inflights.count, ours.is_paused) == (1, False)


def test_empty_append_over_a_full_window_pauses_again() -> None:
    ours = progress(3, 4, messages_max=1)
    ours.become_replicate()
    ours.sent_entries(1, 1)
    ours.is_paused_by_probe = False  # a heartbeat was answered
    ours.sent_entries(0, 0)
    assert ours.is_paused


COMMITS = [
    # told  next  commit  useful  why
    (3, 6, 4, True, "newer, and about entries that it was sent"),
    (4, 6, 4, False, "known already"),
    (5, 6, 9, False, "it knows that all it was sent is committed"),
    (4, 6, 9, True, "it can still learn of one"),
]


@pytest.mark.parametrize(("told", "next_", "commit", "useful", "why"), COMMITS)
def test_commit_index_is_told_only_where_it_is_of_use(
    told: int, next_: int, commit: int, useful: bool, why: str
) -> None:
    ours = progress(3, next_)
    ours.sent_commit(LogIndex(told))
    assert ours.can_bump_commit(LogIndex(commit)) == useful, why


# ---- any order of all of it -------------------------------------------------

numbers = st.integers(0, 30).map(LogIndex)
steps_of_a_leader = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(0, 3), numbers),
        st.tuples(st.just("update"), numbers, numbers),
        st.tuples(st.just("decrease"), numbers, numbers),
        st.tuples(st.just("probe"), numbers, numbers),
        st.tuples(st.just("replicate"), numbers, numbers),
        st.tuples(st.just("snapshot"), numbers, numbers),
    ),
    max_size=40,
)


@given(steps_of_a_leader, st.integers(1, 3))
def test_next_stays_above_match_and_match_never_goes_back(
    steps: list[tuple[str, int, int]], messages_max: int
) -> None:
    ours = progress(0, 1, messages_max=messages_max)
    for name, first, second in steps:
        match_before = ours.match_index
        if name == "send" and not ours.is_paused:
            ours.sent_entries(first, second)
            ours.sent_commit(LogIndex(min(second, ours.next_index - 1)))
        elif name == "update":
            if ours.maybe_update(LogIndex(first)):
                ours.acknowledge_inflights(LogIndex(first))
        elif name == "decrease":
            decreased = ours.maybe_decrease(LogIndex(first), LogIndex(second))
            if decreased and ours.state is ProgressState.REPLICATE:
                ours.become_probe()
        elif name == "probe":
            ours.become_probe()
        elif name == "replicate":
            ours.become_replicate()
        elif name == "snapshot":
            ours.become_snapshot(LogIndex(first))

        view = ours.view()
        assert view.match_index >= match_before
        assert view.next_index > 0
        if view.state is not ProgressState.SNAPSHOT:
            assert view.next_index > view.match_index
            assert view.pending_snapshot_index == 0
        if view.state is not ProgressState.REPLICATE:
            assert view.inflight_count == 0
        assert view.inflight_count <= messages_max
