"""Who answered, and at which revision: what stands above each answer."""

import msgspec

from raftwerk.types import NodeId, Term

__all__ = ["Header"]


class Header(msgspec.Struct, frozen=True, gc=False):
    """The header of an answer, as etcd has it.

    Parameters
    ----------
    cluster_id : int
        The cluster.
    member_id : NodeId
        The member that answers.
    revision : int
        The store's revision when the answer was made.
    raft_term : Term
        The member's term.
    """

    cluster_id: int
    member_id: NodeId
    revision: int
    raft_term: Term
