"""The log in memory keeps the contract, and crashes on command."""

import pytest

from raftwerk.core.records import Snapshot
from raftwerk.errors import StorageError
from raftwerk.storage.memory import MemoryLog
from raftwerk.storage.protocol import LogStore
from tests.storage.contract import LogStoreContract
from tests.storage.values import content, entries, hard_state


class TestMemoryLog(LogStoreContract):
    def make(self, bootstrap: Snapshot = Snapshot()) -> LogStore:
        return MemoryLog(bootstrap)

    def crash(self, store: LogStore) -> LogStore:
        assert isinstance(store, MemoryLog)
        return store.crash()


def test_some_calls_may_survive_a_crash_unsynced() -> None:
    log = MemoryLog()
    log.append(None, entries(1, 3))
    log.append(None, entries(3, 5))
    log.append(hard_state(2), ())
    assert log.unsynced == 3
    restarted = log.crash(kept=2)
    assert restarted.last_index() == 4
    assert restarted.initial_state()[0] == hard_state(0)
    assert restarted.unsynced == 0


def test_a_crashed_log_is_of_no_use_to_whoever_still_holds_it() -> None:
    log = MemoryLog()
    log.append(None, entries(1, 3))
    restarted = log.crash()
    with pytest.raises(StorageError, match="a member that crashed"):
        log.sync()
    restarted.append(None, entries(1, 2))
    assert content(log).entries == tuple(entries(1, 3))
    assert content(restarted).entries == tuple(entries(1, 2))


def test_a_log_survives_one_crash_after_another() -> None:
    log = MemoryLog()
    for index in range(1, 6):
        log.append(None, entries(index, index + 1))
        log.sync()
        log.append(hard_state(index), ())
        log = log.crash()
    assert content(log).entries == tuple(entries(1, 6))
    assert log.initial_state()[0] == hard_state(0)


def test_a_failed_disk_takes_nothing_any_more() -> None:
    log = MemoryLog()
    log.append(None, entries(1, 3))
    log.fail()
    with pytest.raises(StorageError, match="the disk failed"):
        log.sync()
    with pytest.raises(StorageError, match="the disk failed"):
        log.append(None, entries(3, 4))
    assert log.crash().last_index() == 0
