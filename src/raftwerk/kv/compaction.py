"""Forgetting: at once for whoever asks, in small steps for the memory.

A compaction decides at once what may be read no more, and so all members agree upon it.
What lies behind is dropped later, a few changes at a time: that can't be seen, so each
member may do it at its own pace. Each key that changed since the last compaction is
visited, and no other: a key that did not has nothing to forget.
"""

from raftwerk.kv.commands import Compact
from raftwerk.kv.errors import CompactedRevision, FutureRevision
from raftwerk.kv.results import CompactResult
from raftwerk.kv.state import State

__all__ = ["compact", "scavenge"]


def compact(state: State, command: Compact) -> CompactResult:
    """Make a revision the oldest that can be read.

    Parameters
    ----------
    state : State
        The store.
    command : Compact
        Which revision.

    Returns
    -------
    CompactResult
        The store's revision is as before.

    Raises
    ------
    CompactedRevision
        If it is the oldest already, or older.
    FutureRevision
        If the store has not come to it yet.
    """
    if command.revision <= state.compact_revision:
        raise CompactedRevision(
            f"revision {command.revision} is compacted already; the oldest that can be"
            f" read is {state.compact_revision}"
        )
    if command.revision > state.revision:
        raise FutureRevision(
            f"revision {command.revision} is still to come; the newest is"
            f" {state.revision}"
        )
    state.compact_revision = command.revision
    state.is_scavenged = False
    return CompactResult(state.revision)


def scavenge(state: State, changes_max: int) -> bool:
    """Let go of a part of what can't be read any more.

    Parameters
    ----------
    state : State
        The store; nothing that can be seen changes.
    changes_max : int
        How many changes to look at, about a microsecond each.

    Returns
    -------
    bool
        Whether all is done.
    """
    oldest = state.compact_revision
    keys = state.history.walk(oldest, changes_max)
    for key in keys:
        state.index.forget(key, oldest)
    # The changes of the oldest revision itself remain: a watch from there wants them.
    is_forgotten = state.history.forget(oldest, blocks_max=1)
    state.is_scavenged = len(keys) < changes_max and is_forgotten
    return state.is_scavenged
