"""The group as one member sees it at this moment."""

from raftwerk.service.cluster_calls import ClusterView, MemberView
from raftwerk.service.cluster_node import ClusterNode
from raftwerk.types import NodeId

__all__ = ["view_of"]


def view_of(node: ClusterNode, subject: NodeId = NodeId(0)) -> ClusterView:
    """Return what a member knows of its group.

    Parameters
    ----------
    node : ClusterNode
        The member; if it leads, it knows how far the others are.
    subject : NodeId
        Whom the view is about.

    Returns
    -------
    ClusterView
        As of the last applied entry.
    """
    status, progress, peers = node.status(), node.progress(), node.peers()
    conf_state = status.conf_state
    learners = {*conf_state.learners, *conf_state.learners_next}
    members = []
    for member in node.members:
        its, peer = progress.get(member.node_id), peers.get(member.node_id)
        is_self = member.node_id == status.node_id
        members.append(
            MemberView(
                node_id=member.node_id,
                name=member.name,
                peer_urls=member.peer_urls,
                client_urls=member.client_urls,
                is_learner=member.node_id in learners,
                has_started=member.has_started,
                replaces=member.replaces if member.node_id in learners else NodeId(0),
                match_index=None if its is None else its.match_index,
                is_connected=is_self or (peer is not None and peer.is_connected),
            )
        )
    return ClusterView(
        members=tuple(members),
        leader=status.leader,
        term=status.term,
        last_log_index=status.last_log_index,
        commit_index=status.commit_index,
        is_joint=bool(conf_state.voters_outgoing),
        subject=subject,
    )
