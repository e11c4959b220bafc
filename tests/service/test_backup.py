"""A store in one file, and new clusters made of it."""

import hashlib

import pytest

from raftwerk.config import InitialMember, Url
from raftwerk.errors import ConfigError, MisuseError, StorageError
from raftwerk.host.draw import SplitMix64
from raftwerk.kv import (
    AlarmKind,
    Command,
    CompactedRevision,
    GrantLease,
    Put,
    Range,
    SetAlarm,
    Store,
    encode,
)
from raftwerk.runtime.snapshot_reading import state_chunks
from raftwerk.service.backup import (
    BackupWriter,
    NewCluster,
    found_cluster,
    read_backup,
    report_on,
)
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal

EVERYTHING = Range(b"\0", b"\0")

MEMBERS = tuple(
    InitialMember(f"n{number}", (Url("127.0.0.1", 2380 + number),)) for number in (1, 2)
)


def filled() -> Store:
    store = Store()
    commands: list[Command] = [
        GrantLease(7, 60),
        Put(b"a", b"1", lease=7),
        Put(b"b", b"1"),
        Put(b"a", b"2", lease=7),
        SetAlarm(True, 9, AlarmKind.NOSPACE),
    ]
    store.apply(1, [encode(command) for command in commands])
    return store


def saved(disk: MemoryDisk, store: Store) -> int:
    data = b"".join(store.snapshot())
    data += hashlib.sha256(data).digest()
    writer = BackupWriter(disk, "/backups/file")
    for start in range(0, len(data), 7):
        writer.write(data[start : start + 7])
    return writer.finish()


def made(disk: MemoryDisk, store: Store, name: str, token: str = "") -> Wal:
    """Return the log of a member of a new cluster."""
    cluster = NewCluster(name=name, members=MEMBERS, token=token)
    found_cluster(disk, f"/{name}", store, cluster, SplitMix64(1))
    return Wal.open(disk, f"/{name}")


def restored(disk: MemoryDisk) -> Store:
    store = Store()
    store.restore(read_backup(disk, "/backups/file"))
    return store


@pytest.fixture(name="disk")
def fixture_disk() -> MemoryDisk:
    disk = MemoryDisk()
    disk.make_directory("/backups")
    return disk


def test_a_file_gives_back_what_was_saved(disk: MemoryDisk) -> None:
    store = filled()
    size = saved(disk, store)
    assert list(restored(disk).snapshot()) == list(store.snapshot())
    report = report_on(restored(disk), size)
    assert (report.revision, report.total_key, report.total_size) == (4, 2, size)
    assert report.hash == report_on(store, size).hash
    assert disk.list_directory("/backups") == ["file"]


def test_what_is_not_whole_gets_no_name(disk: MemoryDisk) -> None:
    data = b"".join(filled().snapshot())
    for sent in (data, b"", data + bytes(32)):
        writer = BackupWriter(disk, "/backups/file")
        writer.write(sent)
        with pytest.raises(StorageError, match="is not whole"):
            writer.finish()
        writer.abort()
    assert disk.list_directory("/backups") == []


def test_every_bit_of_a_file_counts(disk: MemoryDisk) -> None:
    size = saved(disk, filled())
    for bit in range(0, 8 * size, 37):
        disk.flip_bit("/backups/file", bit)
        with pytest.raises(StorageError, match="is damaged"):
            restored(disk)
        disk.flip_bit("/backups/file", bit)
    restored(disk)


def test_members_made_of_one_file_belong_together(disk: MemoryDisk) -> None:
    logs = [made(disk, filled(), name) for name in ("n1", "n2")]
    assert logs[0].snapshot() == logs[1].snapshot()
    ids: list[DirectoryIdentity] = [log.identity for log in logs]
    assert ids[0].cluster_id == ids[1].cluster_id
    assert ids[0].node_id != ids[1].node_id
    assert logs[0].snapshot().conf_state.voters == tuple(
        sorted(each.node_id for each in ids)
    )
    snapshots = SnapshotFiles(disk, "/n1")
    store = Store()
    store.restore(state_chunks(snapshots, logs[0].snapshot()) or ())
    assert list(store.snapshot()) == list(filled().snapshot())


def test_members_made_of_different_things_are_strangers() -> None:
    first = made(MemoryDisk(), filled(), "n1").identity.cluster_id
    other = filled()
    other.begin_anew(5, mark_compacted=True)
    assert made(MemoryDisk(), other, "n1").identity.cluster_id != first
    assert made(MemoryDisk(), filled(), "n1", "t").identity.cluster_id != first


def test_data_that_is_there_is_not_touched(disk: MemoryDisk) -> None:
    made(disk, filled(), "n1").close()
    with pytest.raises(ConfigError, match="has data already"):
        made(disk, filled(), "n1")
    with pytest.raises(ConfigError, match="name is n3; it must be one of"):
        made(disk, filled(), "n3")


def test_alarms_end_and_leases_stay() -> None:
    store = filled()
    store.begin_anew()
    assert (store.revision, store.alarms()) == (4, [])
    assert store.lease_keys(7) == [b"a"]
    assert store.range(Range(b"a", revision=2)).kvs[0].value == b"1"
    store.check()


@pytest.mark.parametrize("bump", [0, 1000])
def test_a_past_that_is_let_go_of_is_refused(bump: int) -> None:
    store = filled()
    before = store.range(EVERYTHING).kvs
    store.begin_anew(bump, mark_compacted=True)
    again = Store()
    again.restore(store.snapshot())
    for each in (store, again):
        each.check()
        assert (each.revision, each.compact_revision) == (4 + bump, 4 + bump)
        assert each.range(EVERYTHING).kvs == before
        assert each.lease_keys(7) == [b"a"]
        with pytest.raises(CompactedRevision):
            each.range(Range(b"a", revision=3))
        each.apply(2, [encode(Put(b"c", b"1"))])
        assert each.revision == 5 + bump


def test_revisions_are_not_left_out_of_a_past_that_stays() -> None:
    with pytest.raises(MisuseError, match="only if the past is marked"):
        filled().begin_anew(5)
