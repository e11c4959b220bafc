"""Taking snapshots of the own state while entries go on being applied.

Source: Raft paper §7, thesis §5.1. The view is fixed between two batches; its chunks
are written beside the loop. When they are durable the log is compacted, and
when that is durable too, older snapshots go.

A large state is not written again before the log has grown by as much (§5.1.3): so
snapshots cost a command what its own bytes cost, however large the state, and a member
that starts reads at most about twice the state.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Final

from raftwerk.config import NodeConfig
from raftwerk.core.records import ConfState, Entry, Snapshot
from raftwerk.errors import DiskFull
from raftwerk.host.protocol import Clock, Timers
from raftwerk.runtime.apply import Applier
from raftwerk.runtime.archiver import ARCHIVE_KEEP_ENTRIES
from raftwerk.runtime.machine_queue import (
    MachineCall,
    MachineQueue,
    MachineSteps,
    is_quick,
)
from raftwerk.runtime.manifest import ChunkHashes, Manifest
from raftwerk.runtime.snapshot_writing import SnapshotWriting
from raftwerk.runtime.state_machine import SnapshotsInSteps
from raftwerk.runtime.syncer import Syncer
from raftwerk.runtime.worker import Worker
from raftwerk.storage.snapshot_protocol import Stores
from raftwerk.types import NO_INDEX, LogIndex, Term

__all__ = ["SnapshotTaker"]

_OWN_CHUNK_BYTES: Final = 64 * 1024

_ENTRY_BYTES: Final = 32
"""What an entry counts beside its data: many small ones take their room, too."""

_SMALL_BYTES: Final = 1 << 20
"""States up to this are written as often as the configuration says."""


class SnapshotTaker:
    """Decides when, and does it.

    Parameters
    ----------
    config : NodeConfig
        When to take one, and how much log stays.
    applier : Applier
        The machine, how far it is, and who the members are.
    stores : Stores
        The log is compacted, the chunks go to the snapshots.
    worker : Worker
        Encodes and writes chunks.
    syncer : Syncer
        Says when the log's record is durable.
    machine_queue : MachineQueue
        Has the machine fix its view.
    clock : Clock
        To know how long chunks are drawn.
    timers : Timers
        To let the loop alone between two of them.
    conf_state : callable
        Returns the configuration as of the applied index.
    oldest_needed : callable
        Returns the oldest snapshot that somebody is fetching, or None.
    """

    # pylint: disable-next=too-many-arguments  # it stands between all of these
    def __init__(
        self,
        config: NodeConfig,
        applier: Applier,
        stores: Stores,
        worker: Worker,
        syncer: Syncer,
        *,
        machine_queue: MachineQueue,
        clock: Clock,
        timers: Timers,
        conf_state: Callable[[], ConfState],
        oldest_needed: Callable[[], LogIndex | None],
    ) -> None:
        self._every = config.snapshot_entries
        self._keep = config.snapshot_keep_entries
        self._applier = applier
        self._log = stores.log
        self._snapshots = stores.snapshots
        self._archived = stores.archived
        self._worker = worker
        self._syncer = syncer
        self._machine_queue = machine_queue
        self._conf_state = conf_state
        self._oldest_needed = oldest_needed
        self._clock = clock
        self._timers = timers
        self._writing: SnapshotWriting | None = None
        self._is_running = False
        self._is_nameless = Manifest.decode(stores.log.snapshot().data).is_nameless
        self._is_stopped = False
        self._not_before = NO_INDEX
        self._state_bytes = 0
        """What the last snapshot that was taken here has; 0 before the first."""
        self._grown_bytes = 0
        """What was applied since its view was fixed."""
        self._covered_bytes = 0
        """What of it the one covers that is being taken."""

    def look(self, entries: Sequence[Entry]) -> None:
        """Take a snapshot if enough was applied since the last one.

        Parameters
        ----------
        entries : sequence of Entry
            What was applied since the last look.
        """
        self._grown_bytes += sum([_ENTRY_BYTES + len(entry.data) for entry in entries])
        applied_index = self._applier.applied_index
        if self._is_nameless and self.take():
            self._is_nameless = False  # its chunks can't be sent: an older version's
        if (
            applied_index - self._log.snapshot().index >= self._every
            and applied_index >= self._not_before
            and (
                self._state_bytes <= _SMALL_BYTES
                or self._grown_bytes >= self._state_bytes
            )
        ):
            self._take()
        if self._writing and self._grown_bytes >= 2 * self._covered_bytes:
            # So the log has at most twice what it had, and what comes from now on.
            self._writing.hurry()

    def take(self) -> bool:
        """Take a snapshot now, without a rest: who asks for one waits for it.

        Returns
        -------
        bool
            False if one is being taken already, or there is nothing new, or the state
            is not what it should be.
        """
        if self._writing is not None:
            self._writing.hurry()
        return self._take(is_hurried=True)

    def _take(self, *, is_hurried: bool = False) -> bool:
        """Have one taken; return whether that was begun."""
        is_new = self._applier.applied_index > self._log.snapshot().index
        if self._is_running or self._is_stopped or not is_new:
            return False
        if self._applier.is_quarantined:
            return False  # Nobody is to begin with a state that is not sound.
        self._is_running = True
        self._machine_queue.run(self._begin(is_hurried))
        return True

    def _begin(self, is_hurried: bool) -> MachineSteps[None]:
        """Have the view fixed, between two batches, and the rest done beside them."""
        applier = self._applier
        index, term = applier.applied_index, applier.applied_term
        conf_state, members = self._conf_state(), applier.members
        own = _cut(applier.answers.save())
        manifest = Manifest(
            members=members.in_order(),
            removed=members.removed_in_order(),
            version=members.version,
            chain=None if applier.chain is None else applier.chain.state,
            drift=applier.drift.record,
            revision=_revision_of(applier.machine),
            own_chunks=len(own),
        )
        self._covered_bytes = self._grown_bytes

        def _done(hashes: ChunkHashes) -> None:
            """Know how large it is, and go on."""
            self._state_bytes = hashes.total_bytes
            self._grown_bytes -= self._covered_bytes
            self._finish(index, term, conf_state, manifest, hashes)

        in_steps = None
        machine = applier.machine
        if is_quick(machine) and isinstance(machine, SnapshotsInSteps):
            in_steps = machine.snapshot_in_steps
        chunks = yield MachineCall(in_steps or machine.snapshot)
        writing = self._writing = SnapshotWriting(
            lambda: self._snapshots.begin(index, term),
            chain(own, chunks),
            self._worker,
            then=_done,
            otherwise=self._failed,
        )
        if is_hurried:
            writing.hurry()
        if in_steps is not None:
            writing.in_turns(self._clock, self._timers)
        else:
            writing.beside_the_loop()

    def _finish(
        self,
        index: LogIndex,
        term: Term,
        conf_state: ConfState,
        manifest: Manifest,
        hashes: ChunkHashes,
    ) -> None:
        """Compact the log, for the snapshot is durable."""
        self._is_running, self._writing = False, None
        if self._is_stopped or self._syncer.is_closed:
            return
        if index <= self._log.snapshot().index:
            return  # A newer one was installed meanwhile.
        data = hashes.complete(manifest).encode()
        self._log.compact(
            Snapshot(index, term, conf_state, data), self._entries_to_keep(index)
        )
        self._syncer.after_sync(lambda: self._prune(index))

    def _entries_to_keep(self, index: LogIndex) -> int:
        """Return how many entries up to a snapshot stay: what is not archived, too."""
        archived = None if self._archived is None else self._archived()
        if archived is None:
            return self._keep
        return max(self._keep, min(index - archived, ARCHIVE_KEEP_ENTRIES))

    def _failed(self, error: BaseException) -> None:
        """Go on without a snapshot if the disk is full: it is tried again."""
        self._is_running, self._writing = False, None
        if not isinstance(error, DiskFull):
            raise error
        self._not_before = LogIndex(
            self._applier.applied_index + max(self._every // 10, 1)
        )

    def _prune(self, index: LogIndex) -> None:
        """Let older snapshots go, for nothing durable names them any more."""
        needed = self._oldest_needed()
        lowest = index if needed is None else min(index, needed)
        self._worker.run(lambda: self._snapshots.prune(lowest), lambda _: None)

    def stop(self) -> None:
        """Take no more, and leave the one that is being taken: nobody needs it."""
        self._is_stopped = True
        if self._writing is not None:
            self._writing.stop()


def _revision_of(machine: object) -> int:
    """Return how far a machine counts itself to be; 0 if it does not count."""
    revision = getattr(machine, "revision", 0)
    return revision if isinstance(revision, int) else 0


def _cut(data: bytes) -> list[bytes]:
    """Return bytes in chunks."""
    return [
        data[start : start + _OWN_CHUNK_BYTES]
        for start in range(0, len(data), _OWN_CHUNK_BYTES)
    ]
