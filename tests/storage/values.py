"""What the tests of storage write, and how they read all that is there."""

from typing import NamedTuple

from raftwerk.core.records import ConfState, Entry, HardState, Snapshot
from raftwerk.storage.held_log import HeldLog
from raftwerk.storage.protocol import DirectoryIdentity, LogStore
from raftwerk.types import LogIndex, NodeId, Term

IDENTITY = DirectoryIdentity(cluster_id=7, node_id=NodeId(1), directory_id=0xD1)
VOTERS = ConfState(voters=(NodeId(1), NodeId(2), NodeId(3)))
BOOTSTRAP = Snapshot(LogIndex(1), Term(1), VOTERS, b"members")

NO_LIMIT = 1 << 60


class Content(NamedTuple):
    """All that a log says."""

    hard_state: HardState
    snapshot: Snapshot
    first_index: LogIndex
    previous_term: Term
    entries: tuple[Entry, ...]


def content(store: LogStore | HeldLog) -> Content:
    """Read all of a log, by the calls of its protocol."""
    first = store.first_index()
    stop = LogIndex(store.last_index() + 1)
    return Content(
        store.initial_state()[0],
        store.snapshot(),
        first,
        store.term(LogIndex(first - 1)),
        tuple(store.read(first, stop, NO_LIMIT)),
    )


def entry(index: int, term: int = 1, data: bytes = b"data") -> Entry:
    return Entry(Term(term), LogIndex(index), data)


def entries(start: int, stop: int, term: int = 1, data: bytes = b"data") -> list[Entry]:
    return [entry(index, term, data) for index in range(start, stop)]


def hard_state(term: int, commit: int = 0, vote: int | None = None) -> HardState:
    voted = None if vote is None else NodeId(vote)
    return HardState(Term(term), voted, LogIndex(commit))


def snapshot(index: int, term: int = 1, data: bytes = b"manifest") -> Snapshot:
    return Snapshot(LogIndex(index), Term(term), VOTERS, data)
