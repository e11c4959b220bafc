"""The store as the beginning of another cluster.

Whoever watched or cached keys of the cluster before remembers a revision. If the new
one takes up at an older revision it will use the same numbers for other changes, and
nobody would notice. So revisions can be left out, and the past be declared compacted:
then a watch from a remembered revision is refused, and its owner reads anew.
"""

from raftwerk.errors import MisuseError
from raftwerk.kv.index import KeyIndex
from raftwerk.kv.state import State

__all__ = ["renewed"]


def renewed(state: State, bump: int, mark_compacted: bool) -> State:
    """Return the first state of another cluster.

    Parameters
    ----------
    state : State
        The store as it was; not to be used any more.
    bump : int
        Revisions that are left out.
    mark_compacted : bool
        Whether the past goes.

    Returns
    -------
    State
        With all keys and leases, and without alarms.

    Raises
    ------
    MisuseError
        If revisions are to be left out and the past is not to be.
    """
    if bump and not mark_compacted:
        raise MisuseError(
            f"{bump} revisions can be left out only if the past is marked as compacted"
        )
    if not bump:
        state.alarms = set()
        if mark_compacted and state.compact_revision < state.revision:
            state.compact_revision = state.revision
            state.is_scavenged = False
        return state
    revision = state.revision + bump
    new = State(revision, revision, KeyIndex(state.index.current()))
    new.leases.term = state.leases.term
    for lease in state.leases.all():
        new.leases.put(lease)
    new.leases.take_news()  # it is none: this is how things stand
    return new
