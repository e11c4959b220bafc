"""Continuous archiving: what is applied on this member, sealed and put into a folder.

Once a second it is noted how far the member has applied, and at what time. At an
interval the entries in between become a sealed segment of the archive. The log is not
compacted beyond what is archived, up to a bound: a folder that can't be written for
long costs a gap in the archive, which is told, and not the member.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from raftwerk.core.records import Entry
from raftwerk.errors import NotLeader, StorageError
from raftwerk.host.protocol import Host
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.status import NodeStatus
from raftwerk.storage.archive import Archive, ArchivedState, Piece
from raftwerk.storage.protocol import LogStore
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.types import LogIndex

__all__ = ["ARCHIVE_KEEP_ENTRIES", "Archiver"]

ARCHIVE_KEEP_ENTRIES: Final = 100_000
"""So many entries below a snapshot stay in the log at most because they are not
archived yet."""

LOOK_SECONDS: Final = 1.0
"""From one look at the time to the next: as exactly may a restore name one."""

SEGMENT_BYTES: Final = 16 << 20
"""Where a segment ends at the latest, in bytes of entries."""

STATE_BYTES: Final = 64 << 20
"""After so many bytes of segments a newer state comes to the archive."""


class ArchivedNode(Protocol):
    """A member; `raftwerk.runtime.Node` is one."""

    def status(self) -> NodeStatus:
        """Do as `Node.status` says."""


class Archiver:
    """Keeps the archive of one member going.

    Parameters
    ----------
    archive : Archive
        Where it goes.
    stores : Stores
        The member's own.
    host : Host
        Time, and a thread that writes.
    interval_seconds : float
        From one segment to the next at most; so much is lost with the whole cluster.
    writer : str
        Who this is among those who share the folder.
    report : callable
        Takes a level of `logging`, what happened, and details.
    """

    def __init__(
        self,
        archive: Archive,
        stores: Stores,
        host: Host,
        *,
        interval_seconds: float,
        writer: str,
        report: Callable[..., object],
    ) -> None:
        self._archive = archive
        self._log: LogStore = stores.log
        self._snapshots = stores.snapshots
        self._clock, self._timers = host.clock, host.timers
        self._threads = host.threads("archive")
        self._interval_seconds = interval_seconds
        self._writer = writer
        self._report = report
        self._archived: LogIndex | None = None
        self._state_index = LogIndex(0)
        self._bytes_since_state = 0
        self._marks: deque[tuple[int, LogIndex]] = deque()
        # Soon at first: nothing is kept for the archive before it is looked at.
        self._sealed_at_seconds = self._clock.now() - interval_seconds
        self._is_failing = False

    def archived(self) -> LogIndex | None:
        """Return up to where all is archived.

        Returns
        -------
        LogIndex or None
            None as long as that is not known.
        """
        return self._archived

    async def run(self, node: ArchivedNode) -> None:
        """Archive until the member ends; a folder that fails is tried again.

        Parameters
        ----------
        node : ArchivedNode
            The member.
        """
        while True:
            try:
                self.note(node.status().applied_index)
            except NotLeader:
                return  # the node has ended
            now = self._clock.now()
            if now - self._sealed_at_seconds >= self._interval_seconds:
                self._sealed_at_seconds = now
                await self.seal()
            await self._timers.sleep(LOOK_SECONDS)

    def note(self, applied_index: LogIndex) -> None:
        """Note how far the member is at this time.

        Parameters
        ----------
        applied_index : LogIndex
            What it has applied.
        """
        if not self._marks or applied_index > self._marks[-1][1]:
            self._marks.append((int(self._clock.wall() * 1000), applied_index))

    async def seal(self) -> None:
        """Archive all that was noted; what fails is told, and tried again later."""
        try:
            if self._archived is None:
                self._archived = await self._threads.run(self._covered)
            await self._close_gap()
            while self._marks and self._marks[-1][1] > self._archived:
                pieces = self._pieces(self._archived)
                size = _size_of(pieces)
                await self._threads.run(self._archive.add_segment, pieces, self._writer)
                self._archived = pieces[-1].entries[-1].index
                self._bytes_since_state += size
            if self._bytes_since_state >= STATE_BYTES:
                await self._add_state()
        except StorageError as error:
            self._report(
                logging.WARNING, "the archive can't be written", reason=str(error)
            )
            self._is_failing = True
        else:
            if self._is_failing:
                self._is_failing = False
                self._report(logging.INFO, "the archive is written again")

    async def close(self) -> None:
        """Archive the rest, and let go of the thread."""
        await self.seal()
        self._threads.close()

    # ---- what is done -----------------------------------------------------------

    def _covered(self) -> LogIndex:
        """Return how far the archive goes from its newest state; 0 without one."""
        states = self._archive.states()
        if not states:
            return LogIndex(0)
        self._state_index = states[-1].applied_index
        index = self._state_index
        for segment in self._archive.segments():
            if segment.first_index <= index + 1:
                index = max(index, segment.last_index)
        return index

    async def _close_gap(self) -> None:
        """Begin with a state where the log does not go back to what is archived."""
        archived = self._archived
        assert archived is not None  # nosec B101: for the type checker
        if archived and archived + 1 >= self._log.first_index():
            return
        if archived:
            self._report(
                logging.WARNING,
                "the archive has a gap",
                first_index=archived + 1,
                last_index=self._log.snapshot().index,
            )
        await self._add_state()
        self._archived = LogIndex(max(archived, self._state_index))

    async def _add_state(self) -> None:
        """Add our own last snapshot, if it is newer than the archive's."""
        snapshot = self._log.snapshot()
        self._bytes_since_state = 0
        if snapshot.index <= self._state_index:
            return
        has_chunks = bool(Manifest.decode(snapshot.data).chunks)
        state = ArchivedState(int(self._clock.wall() * 1000), snapshot)

        def add() -> None:
            """Copy it."""
            read = self._snapshots.read_chunks
            chunks = read(snapshot.index, snapshot.term) if has_chunks else ()
            self._archive.add_state(state, chunks, self._writer)

        await self._threads.run(add)
        self._state_index = snapshot.index

    def _pieces(self, archived: LogIndex) -> list[Piece]:
        """Return the next entries, with the times that were noted."""
        stop = LogIndex(self._marks[-1][1] + 1)
        entries = self._log.read(LogIndex(archived + 1), stop, SEGMENT_BYTES)
        pieces: list[Piece] = []
        start = 0
        while start < len(entries):
            at_millis, upto = self._marks[0]
            end = min(len(entries), start + max(0, upto - entries[start].index + 1))
            if end > start:
                pieces.append(Piece(at_millis, tuple(entries[start:end])))
            if upto <= entries[-1].index:
                self._marks.popleft()
            start = end
        return pieces


def _size_of(pieces: list[Piece]) -> int:
    """Return about how many bytes the entries of pieces have."""
    return sum(map(_size, (entry for each in pieces for entry in each.entries)))


def _size(entry: Entry) -> int:
    """Return about how many bytes an entry has."""
    return len(entry.data) + 16
