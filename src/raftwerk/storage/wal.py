"""The log of one member on a disk.

`append` encodes on the loop's thread and returns; `sync`, on any one thread, writes all
that waits with one write and one `fdatasync`: whatever arrives while a sync runs goes
with the next (group commit). Entries are held in memory as well, where they are read.

Between the threads stands one deque: the loop's thread only appends to it, the syncing
one only takes from its other end; both are atomic in CPython, with or without a global
lock, and the deque is never replaced. Each half keeps to its own fields otherwise
(`docs/decisions/0013-two-threads-one-deque.md`).
"""

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Final

from raftwerk.core.records import Entry, HardState, Snapshot
from raftwerk.errors import DiskFull, StorageError
from raftwerk.storage.directory import (
    list_segments,
    lock_directory,
    remove_unfinished,
    wal_folder,
)
from raftwerk.storage.disk_protocol import Disk, Lock, storage_error
from raftwerk.storage.held_log import HeldLog, bootstrap_base
from raftwerk.storage.payloads import StartPayload, encode_payload
from raftwerk.storage.protocol import DirectoryIdentity, Room, Written
from raftwerk.storage.record import RecordKind
from raftwerk.storage.recovery import Torn, recover
from raftwerk.storage.segment import Segment
from raftwerk.storage.spare import SPARE_NAME
from raftwerk.storage.wal_writer import Operation, WalWriter

__all__ = ["SEGMENT_BYTES", "Wal"]

SEGMENT_BYTES: Final = 16 << 20
"""How large a segment is, if nothing else is asked for."""

DROPPED_PER_SYNC: Final = 1
"""Segments that are removed behind a sync, which somebody waits for: one takes some 20
ms, and a snapshot of a large store makes twenty superfluous at once. All that are left
go in a quiet time, or at the next start."""


class Wal(HeldLog):
    """A `LogStore` in a data directory; made by `create` or `open`.

    Parameters
    ----------
    log : HeldLog
        What it begins with, all of it durable.
    writer : WalWriter
        What writes.
    lock : Lock
        The claim to the directory.
    identity : DirectoryIdentity
        Whose log it is.
    torn : Torn or None
        What a crash left behind its end, when it was opened.
    """

    def __init__(
        self,
        log: HeldLog,
        writer: WalWriter,
        lock: Lock,
        identity: DirectoryIdentity,
        torn: Torn | None = None,
    ) -> None:
        super().__init__(log.base())
        self.become(log)
        self.identity = identity
        self.torn = torn
        self._lock = lock
        self._writer = writer
        self._pending: deque[Operation] = deque()
        self._failure: str | None = None
        self._room = Room()
        """Replaced as a whole by the syncing thread, read by the loop's."""

    # ---- making and opening -------------------------------------------------

    @staticmethod
    def exists(disk: Disk, directory: str) -> bool:
        """Tell whether there is a log to open.

        Parameters
        ----------
        disk : Disk
            Where it would be.
        directory : str
            The data directory; it need not be there.

        Returns
        -------
        bool
            False too if a crash came before `create` was done.

        Raises
        ------
        ConfigError
            If the path can't be a data directory.
        """
        return bool(list_segments(disk, directory))

    @classmethod
    def create(
        cls,
        disk: Disk,
        directory: str,
        identity: DirectoryIdentity,
        snapshot: Snapshot = Snapshot(),
        *,
        holder: str = "raftwerk",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> "Wal":
        """Make a log, and the data directory if need be.

        Parameters
        ----------
        disk : Disk
            Where to make it.
        directory : str
            The data directory.
        identity : DirectoryIdentity
            Whose log it is.
        snapshot : Snapshot
            What the members of a new group agree upon without a vote: index 1, term 1,
            the first configuration, and what the driver adds. Empty for a member that
            joins a group and is sent everything.
        holder : str
            Who uses the directory, for people.
        segment_bytes : int
            How large each file of the log is, in bytes.

        Returns
        -------
        Wal
            Durable, and open.

        Raises
        ------
        ConfigError
            If the directory can't be used.
        DirectoryLocked
            If another process uses it.
        StorageError
            If there is a log in it, or the disk fails.
        """
        with ExitStack() as undo:
            lock = lock_directory(disk, directory, holder)
            undo.callback(lock.close)
            if list_segments(disk, directory):
                raise StorageError(f"data directory {directory} has a log already")
            base = bootstrap_base(snapshot)
            folder = wal_folder(directory)
            try:
                disk.make_directory(folder)
                remove_unfinished(disk, folder)
            except OSError as error:
                raise storage_error("make", folder, error) from error
            start = StartPayload(1, identity, base)
            segment = Segment.create(disk, folder, start, segment_bytes, 0)
            writer = WalWriter(disk, directory, segment, (), base, segment_bytes)
            undo.pop_all()
            return cls(HeldLog(base), writer, lock, identity)

    @classmethod
    def open(
        cls,
        disk: Disk,
        directory: str,
        *,
        holder: str = "raftwerk",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> "Wal":
        """Open a log after a stop or a crash.

        What a crash tore is cut off, and `torn` says how much that was; when this
        returns, all that can be read is durable.

        Parameters
        ----------
        disk : Disk
            Where it is.
        directory : str
            The data directory.
        holder : str
            Who uses the directory, for people.
        segment_bytes : int
            How large each new file of the log is, in bytes.

        Returns
        -------
        Wal
            As it was synced last.

        Raises
        ------
        ConfigError
            If the directory can't be used.
        DirectoryLocked
            If another process uses it.
        StorageError
            If there is no log in it, or the disk fails.
        UnknownFormat
            If it was written in a format that we can't read.
        WalCorrupted
            If what was durable once is not there any more.
        """
        with ExitStack() as undo:
            lock = lock_directory(disk, directory, holder)
            undo.callback(lock.close)
            found = recover(disk, directory)
            folder = wal_folder(directory)
            try:
                remove_unfinished(disk, folder, but=SPARE_NAME)
                disk.sync_directory(folder)
            except OSError as error:
                raise storage_error("use", folder, error) from error
            last = found.last
            unmarked = last.data[last.found.marked_end : last.found.end]
            segment = Segment.reopen(
                disk, last.path, last.opening, last.found, unmarked
            )
            undo.callback(segment.close)
            base = found.log.base()
            writer = WalWriter(
                disk, directory, segment, found.sealed, base, segment_bytes
            )
            writer.mark()
            writer.drop_segments()
            undo.pop_all()
            return cls(found.log, writer, lock, found.identity, found.torn)

    # ---- the loop's thread --------------------------------------------------

    def append(self, hard_state: HardState | None, entries: Sequence[Entry]) -> None:
        """Do as `LogStore.append` says."""
        self._check_usable()
        if hard_state is None and not entries:
            return
        if not isinstance(entries, (list, tuple)):
            entries = tuple(entries)
        payload = encode_payload((hard_state, entries))
        super().append(hard_state, entries)
        self._enqueue(RecordKind.APPEND, payload)

    def install(self, snapshot: Snapshot) -> None:
        """Do as `LogStore.install` says."""
        self._check_usable()
        payload = encode_payload((snapshot,))
        super().install(snapshot)
        self._enqueue(RecordKind.INSTALL, payload)

    def compact(self, snapshot: Snapshot, keep: int) -> None:
        """Do as `LogStore.compact` says."""
        self._check_usable()
        super().compact(snapshot, keep)
        payload = encode_payload((snapshot, self.first_index(), self._previous_term))
        self._enqueue(RecordKind.COMPACT, payload)

    def room(self) -> Room:
        """Do as `LogStore.room` says."""
        return self._room

    def close(self) -> None:
        """Do as `LogStore.close` says."""
        if self._failure is None:
            try:
                self.sync()
                with suppress(DiskFull):  # a mark only says what is durable anyway
                    self.mark()
            finally:
                self._failure = self._failure or "the log is closed"
                self._release()
        else:
            self._release()

    # ---- the thread that syncs ----------------------------------------------

    def sync(self) -> None:
        """Do as `LogStore.sync` says."""
        self._check_usable()
        writer = self._writer
        self._hand_over()
        try:
            writer.write()
            writer.drop_segments(DROPPED_PER_SYNC)
            self._room = writer.room()
        except DiskFull as error:
            self._room = Room(str(error))
            raise
        except StorageError as error:
            self._failure = str(error)
            raise

    def begin_sync(self) -> Written | None:
        """Do as `SyncsInPlace.begin_sync` says."""
        self._check_usable()
        self._hand_over()
        try:
            return self._writer.write_in_place()
        except DiskFull as error:
            self._room = Room(str(error))
            raise
        except StorageError as error:
            self._failure = str(error)
            raise

    def end_sync(self, error: BaseException | None) -> None:
        """Do as `SyncsInPlace.end_sync` says."""
        if error is None:
            self._writer.written_in_place()
            self._room = self._writer.room()
        else:
            self._failure = str(error)

    def mark(self) -> None:
        """Do as `LogStore.mark` says; every batch does so for those before it."""
        self._check_usable()
        try:
            self._writer.mark()
            self._writer.drop_segments()
        except DiskFull:
            raise
        except StorageError as error:
            self._failure = str(error)
            raise

    def make_room(self) -> None:
        """Do as `LogStore.make_room` says."""
        self._check_usable()
        try:
            self._writer.make_room()
            self._room = self._writer.room()
        except StorageError as error:
            self._failure = str(error)
            raise

    # -------------------------------------------------------------------------

    def _hand_over(self) -> None:
        """Give the writer what was appended."""
        # As much as there is now: more may come while this runs, without end.
        for _ in range(len(self._pending)):
            self._writer.take(self._pending.popleft())

    def _enqueue(self, kind: RecordKind, payload: bytes) -> None:
        """Have a record written with the next sync."""
        self._pending.append(Operation(kind, payload, self.base()))

    def _release(self) -> None:
        """Let go of the files and of the directory."""
        self._writer.close()
        self._lock.close()

    def _check_usable(self) -> None:
        """Refuse to go on after a failure: what the disk has is unknown then."""
        if self._failure is not None:
            raise StorageError(f"{self._failure}; nothing is written any more")
