"""What a node says of itself."""

import msgspec

from raftwerk.core.records import ConfState
from raftwerk.core.roles import Role
from raftwerk.runtime.drift import DriftReport
from raftwerk.runtime.loop_lag import LoopView
from raftwerk.runtime.versions import FIRST_VERSION
from raftwerk.types import NO_TERM, LogIndex, NodeId, Term

__all__ = ["NodeStatus", "role_word"]


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A node's own view at one moment."""

    node_id: NodeId
    cluster_id: int
    name: str
    role: Role
    is_learner: bool
    term: Term
    leader: NodeId | None
    first_index: LogIndex
    last_log_index: LogIndex
    commit_index: LogIndex
    applied_index: LogIndex
    conf_state: ConfState
    snapshot_index: LogIndex = LogIndex(0)
    """Up to here the state is kept in a snapshot, and the log can be let go."""
    cluster_version: int = FIRST_VERSION
    """What all members can read in the log."""
    is_quarantined: bool = False
    """Whether our state differs from that of the others, so that nobody is told it."""
    compared_index: LogIndex = LogIndex(0)
    """The newest at which a majority of replicas was found to be the same."""
    quarantined: tuple[NodeId, ...] = ()
    """Whose state differs from that of a majority."""
    disagreement: DriftReport | None = None
    """What replicas said of themselves when there was no majority."""
    epoch: int = 0
    """How often the cluster has lost its quorum and gone on with what was left."""
    last_log_term: Term = NO_TERM
    """Of the last entry; who has the greater term, then index, has more (§5.4.1)."""
    pending_count: int = 0
    """Proposals that somebody waits for here."""
    failed_count: int = 0
    """Those that ended without a result, as never made or as unknown."""
    loop: LoopView = LoopView()
    """How late the event loop is, on which all of this runs."""


def role_word(role: Role, is_learner: bool) -> str:
    """Return the API's word for what a member is.

    Parameters
    ----------
    role : Role
        What it is in its term.
    is_learner : bool
        Whether it counts in no quorum.

    Returns
    -------
    str
        Its role; of a follower that does not vote, that it is a learner.

    Examples
    --------
    >>> role_word(Role.FOLLOWER, is_learner=True)
    'LEARNER'
    >>> role_word(Role.PRE_CANDIDATE, is_learner=False)
    'PRE_CANDIDATE'
    """
    return "LEARNER" if is_learner and role is Role.FOLLOWER else role.value
