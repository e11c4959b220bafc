"""A snapshot's state, as it is read back: at a start, and when one was received."""

from collections.abc import Iterable
from itertools import islice

from raftwerk.core.records import Snapshot
from raftwerk.runtime.answered import Answers
from raftwerk.runtime.manifest import Manifest
from raftwerk.runtime.state_machine import StateMachine
from raftwerk.storage.disk_protocol import Disk
from raftwerk.storage.protocol import LogStore
from raftwerk.storage.snapshot_protocol import SnapshotStore
from raftwerk.storage.snapshots import SnapshotFiles

__all__ = ["fill", "state_chunks", "whole_snapshots"]


def whole_snapshots(disk: Disk, directory: str, log: LogStore) -> SnapshotFiles:
    """Return the snapshots of a data directory; the one that is needed is whole.

    Parameters
    ----------
    disk : Disk
        Where the directory is.
    directory : str
        The data directory.
    log : LogStore
        Its log, open, which names a snapshot.

    Returns
    -------
    SnapshotFiles
        Without what a crash left unfinished.

    Raises
    ------
    StorageError
        If they can't be read.
    WalCorrupted
        If the snapshot that the log names is damaged, or not there.
    """
    snapshots = SnapshotFiles(disk, directory)
    named = log.snapshot()
    snapshots.prepare(named.index)
    if Manifest.decode(named.data).chunks:
        snapshots.check(named.index, named.term)
    return snapshots


def state_chunks(store: SnapshotStore, snapshot: Snapshot) -> Iterable[bytes] | None:
    """Return the state that belongs to a snapshot.

    Parameters
    ----------
    store : SnapshotStore
        Where it is.
    snapshot : Snapshot
        With its manifest.

    Returns
    -------
    iterable of bytes or None
        Its chunks without the runtime's own; None if the state machine is as it is when
        it is new.
    """
    manifest = Manifest.decode(snapshot.data)
    chunks = manifest.chunks
    if chunks is None:
        return None
    # A state of no chunks was never fetched, so there may be nothing to read.
    if not chunks:
        return ()
    found = store.read_chunks(snapshot.index, snapshot.term)
    return islice(found, manifest.own_chunks, None)


def fill(store: SnapshotStore, snapshot: Snapshot, machine: StateMachine) -> Answers:
    """Have a machine become what a snapshot holds.

    Parameters
    ----------
    store : SnapshotStore
        Where the state is.
    snapshot : Snapshot
        With its manifest.
    machine : StateMachine
        It is left alone if the snapshot is of a new one.

    Returns
    -------
    Answers
        What had been answered by then.
    """
    own = Manifest.decode(snapshot.data).own_chunks
    answers = Answers()
    if own:
        found = store.read_chunks(snapshot.index, snapshot.term)
        answers = Answers.load(islice(found, own))
    chunks = state_chunks(store, snapshot)
    if chunks is not None:
        machine.restore(chunks)
    return answers
