"""The leader's commit index: what a quorum stores, and only from the own term on.

Source: Raft paper §5.3, and §5.4.2 with Fig. 8 for the own term.
"""

from raftwerk.core.quorum import INFINITE_INDEX
from raftwerk.core.read_index import release_postponed
from raftwerk.core.state import State

__all__ = ["advance_commit"]


def advance_commit(state: State) -> bool:
    """Commit what a quorum stores.

    Parameters
    ----------
    state : State
        A leader.

    Returns
    -------
    bool
        Whether the commit index moved.
    """
    log = state.log
    index = state.tracker.committed_index()
    if index <= log.commit_index or index == INFINITE_INDEX:
        return False
    # An entry of an older term may still be overwritten, even with a quorum storing
    # it; it is committed only along with one of ours behind it (Fig. 8).
    if not log.matches(index, state.term):
        return False
    log.commit_to(index)
    state.lease.committed(index)
    release_postponed(state)
    return True
