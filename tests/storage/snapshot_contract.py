"""What every `SnapshotStore` must do; each implementation inherits these tests."""

import pytest

from raftwerk.errors import StorageError
from raftwerk.storage.snapshot_protocol import SnapshotStore
from raftwerk.types import LogIndex, Term


def put(store: SnapshotStore, index: int, term: int, *chunks: bytes) -> None:
    sink = store.begin(LogIndex(index), Term(term))
    for chunk in chunks:
        sink.write(chunk)
    sink.finish()


def get(store: SnapshotStore, index: int, term: int) -> list[bytes]:
    return list(store.read_chunks(LogIndex(index), Term(term)))


class SnapshotStoreContract:
    """Inherit, and set `store`."""

    store: SnapshotStore

    def test_chunks_are_given_back_as_they_were_written(self) -> None:
        put(self.store, 7, 2, b"first", b"", b"x" * 10_000)
        assert get(self.store, 7, 2) == [b"first", b"", b"x" * 10_000]

    def test_a_snapshot_may_be_empty(self) -> None:
        put(self.store, 7, 2)
        assert not get(self.store, 7, 2)

    def test_nothing_is_there_before_it_is_finished(self) -> None:
        sink = self.store.begin(LogIndex(7), Term(2))
        sink.write(b"chunk")
        with pytest.raises(StorageError):
            get(self.store, 7, 2)
        sink.abort()
        with pytest.raises(StorageError):
            get(self.store, 7, 2)

    def test_one_of_the_same_name_is_replaced(self) -> None:
        put(self.store, 7, 2, b"old")
        put(self.store, 7, 2, b"new")
        assert get(self.store, 7, 2) == [b"new"]

    def test_a_snapshot_of_another_term_is_another(self) -> None:
        put(self.store, 7, 2, b"two")
        with pytest.raises(StorageError):
            get(self.store, 7, 3)

    def test_what_the_log_names_stays_and_what_is_above_it(self) -> None:
        for index in (10, 20, 30, 40):
            put(self.store, index, 1, str(index).encode())
        self.store.prune(LogIndex(30))
        for index in (30, 40):
            assert get(self.store, index, 1) == [str(index).encode()]
        for index in (10, 20):
            with pytest.raises(StorageError):
                get(self.store, index, 1)

    def test_fetched_chunks_are_kept_until_they_are_dropped(self) -> None:
        kept = self.store.kept
        assert kept.names() == frozenset()
        assert kept.get(b"a") is None
        kept.keep(b"a", b"first")
        kept.keep(b"b", b"")
        kept.keep(b"a", b"first")
        assert kept.names() == {b"a", b"b"}
        assert (kept.get(b"a"), kept.get(b"b")) == (b"first", b"")
        kept.drop()
        assert kept.names() == frozenset()
        assert kept.get(b"a") is None
        kept.keep(b"a", b"again")
        assert kept.get(b"a") == b"again"
