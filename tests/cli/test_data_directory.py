"""A first start, later starts, and directories that are somebody else's."""

import errno
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from raftwerk.cli.data_directory import open_log, open_snapshots
from raftwerk.cli.inspect import inspect
from raftwerk.config import InitialMember, ServeConfig, Url, cluster_id_of, member_id_of
from raftwerk.core.records import HardState, Snapshot
from raftwerk.discovery import Place
from raftwerk.errors import ConfigError, DirectoryLocked, StorageError, WalCorrupted
from raftwerk.host.draw import SplitMix64
from raftwerk.runtime.manifest import Manifest
from raftwerk.storage.directory import list_segments
from raftwerk.storage.disk import RealDisk
from raftwerk.storage.memory_disk import MemoryDisk
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.types import LogIndex, NodeId, Term

TOKEN = "blue"

CLUSTER = tuple(
    InitialMember(f"n{number}", (Url(f"node-{number}", 2380),)) for number in (1, 2, 3)
)


def config(member: InitialMember = CLUSTER[0]) -> ServeConfig:
    return ServeConfig(
        name=member.name,
        data_dir="/data",
        initial_advertise_peer_urls=member.peer_urls,
        initial_cluster=CLUSTER,
        initial_cluster_token=TOKEN,
    )


def test_every_node_of_a_new_cluster_begins_with_the_same_snapshot() -> None:
    logs = [open_log(config(each), MemoryDisk(), SplitMix64(1)) for each in CLUSTER]
    first = logs[0].snapshot()
    assert all(log.snapshot() == first for log in logs)
    assert (first.index, first.term) == (1, 1)
    ids = [member_id_of(each.peer_urls, TOKEN) for each in CLUSTER]
    assert first.conf_state.voters == tuple(sorted(ids))
    assert {
        member.name: member.peer_urls for member in Manifest.decode(first.data).members
    } == {each.name: tuple(map(str, each.peer_urls)) for each in CLUSTER}
    assert [log.identity.node_id for log in logs] == ids
    assert {log.identity.cluster_id for log in logs} == {cluster_id_of(ids, TOKEN)}


def test_a_directory_gets_an_id_that_is_not_that_of_another() -> None:
    draw = SplitMix64(1)
    logs = [open_log(config(), MemoryDisk(), draw) for _ in range(2)]
    ids = {log.identity.directory_id for log in logs}
    assert len(ids) == 2
    assert 0 not in ids


def test_a_later_start_goes_by_what_the_directory_knows() -> None:
    disk = MemoryDisk()
    log = open_log(config(), disk, SplitMix64(1))
    identity, snapshot = log.identity, log.snapshot()
    log.close()
    later = msgspec.structs.replace(
        config(), initial_cluster_token="green", initial_cluster_state="existing"
    )
    again = open_log(later, disk, SplitMix64(2))
    assert again.identity == identity
    assert again.snapshot() == snapshot


def test_what_a_crash_left_unfinished_stops_no_start() -> None:
    disk = MemoryDisk()
    identity = open_log(config(), disk, SplitMix64(1)).identity
    disk.crash()
    assert open_log(config(), disk, SplitMix64(2)).identity == identity


def test_a_cut_never_says_that_nothing_of_it_was_acknowledged(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """What rotted before the next mark can't be told from what a crash tore."""
    told = msgspec.structs.replace(config(), data_dir=str(tmp_path / "data"))
    log = open_log(told, RealDisk(), SplitMix64(1))
    (segment,) = list_segments(RealDisk(), told.data_dir)
    log.append(HardState(Term(2), None, LogIndex(0)), [])
    log.sync()  # what follows from it may be acknowledged by now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Wal, "mark", lambda _: None)  # killed: no last mark
        log.close()
    path = Path(segment.path)
    data = bytearray(path.read_bytes())
    data[len(bytes(data).rstrip(b"\0")) - 1] ^= 0xFF
    path.write_bytes(data)
    inspect(told.data_dir, "text")
    told_of = capsysbinary.readouterr().out.decode()
    assert "none of them is known to have been acknowledged" in told_of
    with structlog.testing.capture_logs() as logged:
        open_log(told, RealDisk(), SplitMix64(2)).close()
    said = "none of it is known to have been acknowledged"
    assert [line["event"].endswith(said) for line in logged] == [True]


def test_the_directory_of_another_node_is_refused_and_left_alone() -> None:
    disk = MemoryDisk()
    open_log(config(), disk, SplitMix64(1)).close()
    for _ in range(2):  # it was let go of after the first time
        with pytest.raises(ConfigError, match="data-dir is /data, which has .* of n1;"):
            open_log(config(CLUSTER[1]), disk, SplitMix64(2))
    open_log(config(), disk, SplitMix64(3)).close()


def test_a_directory_that_is_in_use_is_refused() -> None:
    disk = MemoryDisk()
    open_log(config(), disk, SplitMix64(1))
    with pytest.raises(DirectoryLocked, match="/data is in use by .*raftwerk n1"):
        open_log(config(), disk, SplitMix64(2))


class StubbornDisk(MemoryDisk):
    """Refuses to open what is below one path."""

    refused = "nothing"
    number = errno.EACCES

    def _check(self, path: str) -> None:
        if path.startswith(self.refused):
            raise OSError(self.number, os.strerror(self.number))

    def open(self, path: str) -> Any:
        self._check(path)
        return super().open(path)

    def open_to_read(self, path: str) -> Any:
        self._check(path)
        return super().open_to_read(path)

    def list_directory(self, path: str) -> list[str]:
        self._check(path)
        return super().list_directory(path)


@pytest.mark.parametrize("refused", ["/data/wal/", "/data/snap/", "/data/wal"])
@pytest.mark.parametrize("number", [errno.EACCES, errno.EISDIR])
def test_a_file_that_may_not_be_opened_is_refused_and_no_failure_of_the_disk(
    refused: str, number: int
) -> None:
    disk = StubbornDisk()
    snapshotted(disk).close()
    disk.refused, disk.number = refused, number
    with pytest.raises(ConfigError, match="belong to the user that runs"):
        open_snapshots(config(), disk, open_log(config(), disk, SplitMix64(1)))


def test_a_disk_that_fails_is_no_matter_of_settings() -> None:
    disk = StubbornDisk()
    snapshotted(disk).close()
    disk.refused, disk.number = "/data/wal/", errno.EIO
    with pytest.raises(StorageError, match="cannot read /data/wal/"):
        open_log(config(), disk, SplitMix64(1))


def test_who_joins_a_running_cluster_begins_with_nothing_but_its_place() -> None:
    disk = MemoryDisk()
    place = Place(0xC1, NodeId(77))
    log = open_log(config(), disk, SplitMix64(1), place)
    assert (log.identity.cluster_id, log.identity.node_id) == (0xC1, 77)
    assert log.snapshot().is_empty
    log.close()
    # What it has by then says who it is, whatever else it is told.
    again = open_log(config(), disk, SplitMix64(2), Place(0xC2, NodeId(78)))
    assert again.identity == log.identity


def snapshotted(disk: MemoryDisk) -> Wal:
    """Return a log that names a snapshot with data, beside an older one."""
    log = open_log(config(), disk, SplitMix64(1))
    first = log.snapshot()
    manifest = msgspec.structs.replace(Manifest.decode(first.data), chunks=(b"one",))
    files = SnapshotFiles(disk, "/data")
    term = Term(1)
    for index in (LogIndex(5), LogIndex(9)):
        files.write(index, term, [b"state"])
        log.install(Snapshot(index, term, first.conf_state, manifest.encode()))
        log.sync()
    return log


def test_a_new_directory_needs_no_snapshot() -> None:
    disk = MemoryDisk()
    files = open_snapshots(config(), disk, open_log(config(), disk, SplitMix64(1)))
    assert not files.names()


def test_what_no_log_names_is_removed_at_the_start() -> None:
    disk = MemoryDisk()
    log = snapshotted(disk)
    SnapshotFiles(disk, "/data").write(LogIndex(12), Term(1), [b"never named"])
    files = open_snapshots(config(), disk, log)
    assert [name.applied_index for name in files.names()] == [5, 9]


def test_a_snapshot_that_is_damaged_or_gone_is_refused_with_the_way_back() -> None:
    disk = MemoryDisk()
    log = snapshotted(disk)
    name = SnapshotFiles(disk, "/data").names()[-1]
    file = disk.open(name.path)
    file.write_at(file.size() // 2, b"?")
    with pytest.raises(
        WalCorrupted, match=f"{name.path} is damaged .*`raftwerk member replace`"
    ):
        open_snapshots(config(), disk, log)
    disk.remove(name.path)
    with pytest.raises(WalCorrupted, match=f"{name.path} is not there"):
        open_snapshots(config(), disk, log)
