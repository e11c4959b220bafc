"""The whole store in one file, and a new cluster made of it.

The file is what etcd's ``maintenance/snapshot`` streams: the store's own snapshot
(`raftwerk.kv.snapshot`), and the SHA-256 of it as the last 32 bytes.

What is restored is a *new* cluster: none of its members may meet one of the old, which
may be alive and would take it for its own. So its id is made of the content as well as
of the members; two members that were restored from different files don't meet either.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

import msgspec

from raftwerk.config import InitialMember, cluster_id_of, member_id_of
from raftwerk.core.records import ConfState, Snapshot
from raftwerk.errors import ConfigError, StorageError
from raftwerk.host.protocol import Draw
from raftwerk.kv import Store
from raftwerk.runtime import Member
from raftwerk.runtime.manifest import ChunkHashes, Manifest
from raftwerk.storage.directory import UNFINISHED, lock_directory
from raftwerk.storage.disk_protocol import Disk, storage_error
from raftwerk.storage.protocol import DirectoryIdentity
from raftwerk.storage.snapshots import SnapshotFiles
from raftwerk.storage.wal import Wal
from raftwerk.types import LogIndex, Term

__all__ = [
    "BackupReport",
    "BackupWriter",
    "NewCluster",
    "found_cluster",
    "read_backup",
    "report_on",
]

_PIECE_BYTES: Final = 1 << 20
_DIGEST_BYTES: Final = 32
_DIRECTORY_IDS: Final = 2**63
_BEGINNING: Final = (LogIndex(1), Term(1))
_HOLDER: Final = "raftwerk snapshot restore"


class BackupWriter:
    """A file that has its name only once all of it is there, checked and durable.

    Parameters
    ----------
    disk : Disk
        Where it goes.
    path : str
        Its path; what is there is replaced at the end.
    """

    def __init__(self, disk: Disk, path: str) -> None:
        self._disk = disk
        self._path = path
        self._size = 0
        self._tail = b""
        self._hashed = hashlib.sha256()
        try:
            self._file = disk.create(path + UNFINISHED)
        except OSError as error:
            raise storage_error("make", path + UNFINISHED, error) from error

    def write(self, data: bytes) -> None:
        """Write the next bytes.

        Parameters
        ----------
        data : bytes
            Of the stream, the checksum at its end included.

        Raises
        ------
        StorageError
            If the disk fails or is full.
        """
        held = self._tail + data
        self._hashed.update(held[:-_DIGEST_BYTES])
        self._tail = held[-_DIGEST_BYTES:]
        try:
            self._file.write_at(self._size, data)
        except OSError as error:
            raise storage_error("write", self._path + UNFINISHED, error) from error
        self._size += len(data)

    def finish(self) -> int:
        """Check it, make it durable, and give it its name.

        Returns
        -------
        int
            Its size in bytes.

        Raises
        ------
        StorageError
            If what came is not whole, or the disk fails.
        """
        if self._tail != self._hashed.digest():
            raise StorageError(
                f"what came is not whole: after {self._size} bytes the checksum at its"
                " end is missing or wrong; try again"
            )
        try:
            self._file.sync()
            self._file.close()
            self._disk.rename(self._path + UNFINISHED, self._path)
            self._disk.sync_directory(self._path.rpartition("/")[0] or ".")
        except OSError as error:
            raise storage_error("make", self._path, error) from error
        return self._size

    def abort(self) -> None:
        """Leave nothing of it."""
        self._file.close()
        with suppress(OSError):  # it means nothing without its name
            self._disk.remove(self._path + UNFINISHED)


def read_backup(disk: Disk, path: str, *, skip_check: bool = False) -> Iterator[bytes]:
    """Return the store that is in a file.

    Parameters
    ----------
    disk : Disk
        Where it is.
    path : str
        Its path.
    skip_check : bool
        Whether the file has no checksum at its end: a copy of a store's bytes alone.

    Yields
    ------
    bytes
        For `Store.restore`; the file was read through and checked before the first.

    Raises
    ------
    StorageError
        If it can't be read, or is damaged.
    """
    try:
        file = disk.open_to_read(path)
    except OSError as error:
        raise storage_error("read", path, error) from error
    try:
        size = file.size()
        end = size if skip_check else size - _DIGEST_BYTES
        if not skip_check:
            hashed = hashlib.sha256()
            for start in range(0, max(end, 0), _PIECE_BYTES):
                hashed.update(file.read_at(start, min(_PIECE_BYTES, end - start)))
            if end < 0 or file.read_at(end, _DIGEST_BYTES) != hashed.digest():
                raise StorageError(
                    f"{path} is damaged, or no snapshot: the checksum at its end is"
                    " wrong; use another one (or --skip-hash-check, if it was never"
                    " given a checksum)"
                )
        for start in range(0, end, _PIECE_BYTES):
            yield file.read_at(start, min(_PIECE_BYTES, end - start))
    except OSError as error:
        raise storage_error("read", path, error) from error
    finally:
        file.close()


class BackupReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a store holds.

    Parameters
    ----------
    hash : int
        As the store's own hash says it at its revision.
    revision : int
        The newest.
    compact_revision : int
        The oldest that can be read; below 0: all of them.
    total_key : int
        How many keys there are.
    total_size : int
        Bytes of the file.
    """

    hash: int
    revision: int
    compact_revision: int
    total_key: int
    total_size: int


def report_on(store: Store, size_bytes: int) -> BackupReport:
    """Return what a store holds.

    Parameters
    ----------
    store : Store
        Restored.
    size_bytes : int
        Of the file that it came from.

    Returns
    -------
    BackupReport
        For people and programs.
    """
    steps = store.digest_in_steps()
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return BackupReport(
                hash=end.value,
                revision=store.revision,
                compact_revision=store.compact_revision,
                total_key=len(store),
                total_size=size_bytes,
            )


class NewCluster(msgspec.Struct, frozen=True, kw_only=True):
    """Who belongs to a cluster that is made of a backup.

    Parameters
    ----------
    name : str
        Which of the members this is.
    members : tuple of InitialMember
        All of them; each is restored by itself, from the same file.
    token : str
        The cluster's.
    """

    name: str
    members: tuple[InitialMember, ...]
    token: str


def found_cluster(
    disk: Disk, directory: str, store: Store, cluster: NewCluster, draw: Draw
) -> DirectoryIdentity:
    """Make the data directory of one member of a new cluster.

    Parameters
    ----------
    disk : Disk
        Where it goes.
    directory : str
        Not there yet, or empty of logs.
    store : Store
        What the cluster begins with.
    cluster : NewCluster
        Who belongs to it.
    draw : Draw
        For the id of the directory.

    Returns
    -------
    DirectoryIdentity
        Whose directory it is; all is durable.

    Raises
    ------
    ConfigError
        If the name is none of the members', or there is data.
    StorageError
        If the disk fails or is full.
    """
    own = [member for member in cluster.members if member.name == cluster.name]
    if len(own) != 1:
        names = ", ".join(member.name for member in cluster.members)
        raise ConfigError(
            f"name is {cluster.name}; it must be one of the members in"
            f" initial-cluster ({names})"
        )
    if Wal.exists(disk, directory):
        raise ConfigError(
            f"data directory {directory} has data already; name one that has none"
        )
    manifest = Manifest(members=_members_of(cluster), revision=store.revision)
    # The lock is taken before anything is written, for a node may be starting there.
    lock = lock_directory(disk, directory, _HOLDER)
    try:
        hashes = ChunkHashes()
        chunks = _noted(store.snapshot(), hashes)
        SnapshotFiles(disk, directory).write(*_BEGINNING, chunks)
    finally:
        lock.close()
    manifest = hashes.complete(manifest)
    voters = tuple(each.node_id for each in manifest.members)
    identity = DirectoryIdentity(
        cluster_id=cluster_id_of(voters, f"{cluster.token}\0{manifest.total.hex()}"),
        node_id=member_id_of(own[0].peer_urls, cluster.token),
        directory_id=1 + draw.below(_DIRECTORY_IDS),
    )
    snapshot = Snapshot(*_BEGINNING, ConfState(voters=voters), manifest.encode())
    Wal.create(disk, directory, identity, snapshot, holder=_HOLDER).close()
    return identity


def _members_of(cluster: NewCluster) -> tuple[Member, ...]:
    """Return the first members, by their ids."""
    members = (
        Member(
            node_id=member_id_of(member.peer_urls, cluster.token),
            name=member.name,
            peer_urls=tuple(map(str, member.peer_urls)),
        )
        for member in cluster.members
    )
    return tuple(sorted(members, key=lambda member: member.node_id))


def _noted(chunks: Iterable[bytes], hashes: ChunkHashes) -> Iterator[bytes]:
    """Pass chunks on, and note their hashes on their way."""
    for chunk in chunks:
        hashes.add(chunk)
        yield chunk
