"""Snapshots in memory keep the contract."""

import pytest

from raftwerk.storage.memory_snapshots import MemorySnapshots
from tests.storage.snapshot_contract import SnapshotStoreContract


class TestMemorySnapshots(SnapshotStoreContract):
    @pytest.fixture(autouse=True)
    def _store(self) -> None:
        self.store = MemorySnapshots()
