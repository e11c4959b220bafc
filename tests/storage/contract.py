"""What every `LogStore` must do; each implementation inherits these tests."""

import threading
from collections.abc import Callable

import pytest

from raftwerk.core.records import ConfState, HardState, Snapshot
from raftwerk.errors import (
    EntryCompacted,
    EntryUnavailable,
    InvariantViolation,
    StorageError,
)
from raftwerk.storage.protocol import LogStore
from raftwerk.types import LogIndex, Term
from tests.storage.values import (
    BOOTSTRAP,
    NO_LIMIT,
    VOTERS,
    content,
    entries,
    entry,
    hard_state,
    snapshot,
)


class LogStoreContract:
    """Inherit, and say how to make a store, and how to crash and restart one."""

    def make(self, bootstrap: Snapshot = Snapshot()) -> LogStore:
        """Return a new store."""
        raise NotImplementedError

    def crash(self, store: LogStore) -> LogStore:
        """Take from a store all that is not synced, and return what restarts."""
        raise NotImplementedError

    def reopen(self, store: LogStore) -> LogStore:
        """Return the store that a member finds after a clean stop."""
        store.close()
        return self.crash(store)

    # ---- reading ------------------------------------------------------------

    def test_a_blank_store_begins_before_the_first_entry(self) -> None:
        store = self.make()
        assert store.initial_state() == (HardState(), ConfState())
        assert (store.first_index(), store.last_index()) == (1, 0)
        assert store.term(LogIndex(0)) == 0
        assert store.snapshot().is_empty

    def test_a_bootstrapped_store_begins_with_its_snapshot(self) -> None:
        store = self.make(BOOTSTRAP)
        assert store.initial_state() == (hard_state(1, commit=1), VOTERS)
        assert (store.first_index(), store.last_index()) == (2, 1)
        assert store.term(LogIndex(1)) == 1
        assert store.snapshot() == BOOTSTRAP

    def test_what_was_appended_is_read_before_it_is_synced(self) -> None:
        store = self.make()
        store.append(None, entries(1, 4))
        assert list(store.read(LogIndex(2), LogIndex(4), NO_LIMIT)) == entries(2, 4)
        assert store.last_index() == 3

    @pytest.mark.parametrize(
        # Each entry counts 4 bytes of data and 16 of overhead.
        ("bytes_max", "count"),
        [(0, 1), (20, 1), (39, 1), (40, 2), (60, 3), (1000, 3)],
    )
    def test_read_returns_what_fits_and_at_least_one(
        self, bytes_max: int, count: int
    ) -> None:
        store = self.make()
        store.append(None, entries(1, 4))
        found = store.read(LogIndex(1), LogIndex(4), bytes_max)
        assert list(found) == entries(1, 1 + count)

    def test_an_empty_range_has_no_entries(self) -> None:
        store = self.make()
        store.append(None, entries(1, 4))
        assert not store.read(LogIndex(4), LogIndex(4), NO_LIMIT)

    def test_reading_outside_of_the_log_says_on_which_side(self) -> None:
        store = self.make()
        store.append(None, entries(1, 7))
        store.compact(snapshot(4), 1)
        assert store.first_index() == 4
        assert store.term(LogIndex(3)) == 1
        with pytest.raises(EntryCompacted, match="entry 2 is gone; the first is 4"):
            store.term(LogIndex(2))
        with pytest.raises(EntryCompacted, match="entry 3 is gone"):
            store.read(LogIndex(3), LogIndex(5), NO_LIMIT)
        with pytest.raises(EntryUnavailable, match="entry 7 is not there"):
            store.term(LogIndex(7))
        with pytest.raises(EntryUnavailable, match="entry 7 .* the last is 6"):
            store.read(LogIndex(5), LogIndex(8), NO_LIMIT)

    # ---- appending ----------------------------------------------------------

    def test_what_was_synced_survives_and_what_was_not_does_not(self) -> None:
        store = self.make()
        store.append(hard_state(1, vote=2), entries(1, 4))
        store.sync()
        synced = content(store)
        store.append(hard_state(2, commit=3), entries(4, 6, term=2))
        assert content(self.crash(store)) == synced

    def test_a_hard_state_survives_alone(self) -> None:
        store = self.make()
        store.append(hard_state(5, vote=3), ())
        store.sync()
        assert self.crash(store).initial_state()[0] == hard_state(5, vote=3)

    def test_a_clean_stop_syncs(self) -> None:
        store = self.make(BOOTSTRAP)
        store.append(hard_state(2, commit=1), entries(2, 9, term=2))
        before = content(store)
        assert content(self.reopen(store)) == before

    def test_an_append_drops_stored_entries_from_its_first_index_on(self) -> None:
        store = self.make()
        store.append(None, entries(1, 6))
        store.append(hard_state(2), [entry(3, term=2, data=b"other")])
        expected = [*entries(1, 3), entry(3, term=2, data=b"other")]
        assert list(content(store).entries) == expected
        store.sync()
        assert list(content(self.crash(store)).entries) == expected

    def test_appending_nothing_changes_nothing(self) -> None:
        store = self.make()
        store.append(None, ())
        store.sync()
        assert store.last_index() == 0

    REFUSED: list[tuple[str, Callable[[LogStore], None]]] = [
        ("a gap before", lambda s: s.append(None, entries(8, 9, term=3))),
        ("a gap within", lambda s: s.append(None, [entry(6, 2), entry(8, 2)])),
        ("an older term", lambda s: s.append(None, [entry(6, 1)])),
        ("a compacted entry", lambda s: s.append(None, [entry(2, 2)])),
        ("an older hard state", lambda s: s.append(hard_state(1), ())),
        ("a commit beyond", lambda s: s.append(hard_state(2, commit=9), ())),
        ("a lost commit", lambda s: s.append(None, [entry(4, 2)])),
        ("an older snapshot", lambda s: s.compact(snapshot(2), 0)),
        ("a snapshot beyond", lambda s: s.compact(snapshot(6, 2), 0)),
        ("a snapshot of another term", lambda s: s.compact(snapshot(5, 1), 0)),
        ("a stale snapshot", lambda s: s.install(snapshot(3))),
    ]

    @pytest.mark.parametrize(("why", "write"), REFUSED, ids=[why for why, _ in REFUSED])
    def test_what_does_not_fit_is_refused_and_changes_nothing(
        self, why: str, write: Callable[[LogStore], None]
    ) -> None:
        store = self.make()
        store.append(hard_state(2, commit=5), entries(1, 4) + entries(4, 6, term=2))
        store.compact(snapshot(3), 0)
        before = content(store)
        with pytest.raises(InvariantViolation):
            write(store)
        assert content(store) == before, why
        assert content(self.reopen(store)) == before, why

    # ---- snapshots ----------------------------------------------------------

    @pytest.mark.parametrize(("keep", "first_index"), [(0, 5), (2, 3), (9, 1)])
    def test_compaction_drops_the_log_below_but_for_what_is_kept(
        self, keep: int, first_index: int
    ) -> None:
        store = self.make()
        store.append(hard_state(2, commit=5), entries(1, 3) + entries(3, 7, term=2))
        store.compact(snapshot(4, 2), keep)
        assert store.first_index() == first_index
        assert store.term(LogIndex(first_index - 1)) == (
            0 if first_index == 1 else 1 if first_index == 3 else 2
        )
        assert store.snapshot() == snapshot(4, 2)
        assert store.last_index() == 6
        store.sync()
        before = content(store)
        assert content(self.crash(store)) == before

    def test_a_snapshot_of_the_last_entry_leaves_no_entries(self) -> None:
        store = self.make()
        store.append(hard_state(1, commit=3), entries(1, 4))
        store.compact(snapshot(3), 0)
        assert (store.first_index(), store.last_index()) == (4, 3)
        assert store.term(LogIndex(3)) == 1
        before = content(store)
        assert content(self.reopen(store)) == before

    def test_kept_entries_go_with_a_later_compaction(self) -> None:
        store = self.make()
        store.append(hard_state(1, commit=9), entries(1, 10))
        store.compact(snapshot(4), 2)
        store.compact(snapshot(8), 3)
        assert store.first_index() == 6
        before = content(store)
        assert content(self.reopen(store)) == before

    def test_an_installed_snapshot_takes_the_place_of_the_log(self) -> None:
        store = self.make()
        store.append(hard_state(3, commit=1, vote=2), entries(1, 9))
        store.install(snapshot(20, 3))
        assert (store.first_index(), store.last_index()) == (21, 20)
        assert store.term(LogIndex(20)) == 3
        assert store.snapshot() == snapshot(20, 3)
        with pytest.raises(EntryCompacted):
            store.term(LogIndex(8))
        store.append(None, entries(21, 23, term=3))
        before = content(store)
        assert content(self.reopen(store)) == before

    def test_a_snapshot_is_committed_even_if_its_hard_state_is_torn_off(self) -> None:
        store = self.make()
        store.append(hard_state(2, vote=3), ())
        store.install(snapshot(20, 4))
        store.sync()
        store.append(hard_state(6, commit=20), ())
        # Term 4 was reached, and no vote was cast in it.
        assert self.crash(store).initial_state()[0] == hard_state(4, commit=20)

    def test_a_vote_in_the_term_of_an_installed_snapshot_is_kept(self) -> None:
        store = self.make()
        store.append(hard_state(4, vote=3), ())
        store.install(snapshot(20, 4))
        assert store.initial_state()[0] == hard_state(4, commit=20, vote=3)

    # ---- threads and ends ---------------------------------------------------

    def test_entries_arrive_while_another_thread_syncs(self) -> None:
        store = self.make()
        done = threading.Event()
        failures: list[BaseException] = []

        def sync_all_the_time() -> None:
            try:
                while not done.is_set():
                    store.sync()
            except BaseException as error:  # pylint: disable=broad-except  # told
                failures.append(error)

        thread = threading.Thread(target=sync_all_the_time)
        thread.start()
        for index in range(1, 2001):
            store.append(hard_state(index, commit=index), [entry(index, index)])
        done.set()
        thread.join()
        assert not failures
        store.sync()
        found = content(self.crash(store))
        assert found.hard_state == hard_state(2000, commit=2000)
        assert [e.term for e in found.entries] == [Term(t) for t in range(1, 2001)]

    def test_after_the_end_nothing_is_written(self) -> None:
        store = self.make()
        store.close()
        writes: list[Callable[[], None]] = [
            lambda: store.append(hard_state(1), ()),
            lambda: store.install(snapshot(3)),
            store.sync,
        ]
        for write in writes:
            with pytest.raises(StorageError, match="the log is closed"):
                write()
