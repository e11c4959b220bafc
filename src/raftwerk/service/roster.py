"""What a member tells a newcomer that has no id yet: who belongs to the group."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from raftwerk.discovery import KnownMember, Roster, decode_question, encode
from raftwerk.errors import NotLeader, PeerError
from raftwerk.runtime.members import Member
from raftwerk.runtime.status import NodeStatus
from raftwerk.types import NodeId

__all__ = ["RosterKeeper", "WhoIsThere"]


class WhoIsThere(Protocol):
    """A node, as far as a newcomer is concerned."""

    @property
    def members(self) -> Sequence[Member]:
        """All members, ascending by id."""

    @property
    def removed(self) -> frozenset[NodeId]:
        """All who were members once."""

    def status(self) -> NodeStatus:
        """Do as `Node.status` says."""

    def said_directories(self) -> Mapping[NodeId, int]:
        """Do as `Node.said_directories` says."""


class RosterKeeper:
    """Answers newcomers; an `Answerer` for the transport.

    Parameters
    ----------
    node : WhoIsThere
        The member.
    token : str
        The cluster's token; who does not know it is told nothing.
    """

    def __init__(self, node: WhoIsThere, token: str) -> None:
        self._node = node
        self._token = token

    def __call__(self, question: bytes) -> bytes:
        """Say who belongs to the group, as this member knows it.

        Parameters
        ----------
        question : bytes
            As it came.

        Returns
        -------
        bytes
            A `Roster`.

        Raises
        ------
        PeerError
            If it is no question, is meant for another cluster, or comes too soon.
        """
        if decode_question(question).token != self._token:
            raise PeerError(
                "this member's initial-cluster-token is another one than the newcomer's"
            )
        try:
            status, members = self._node.status(), self._node.members
            removed, said = self._node.removed, self._node.said_directories()
        except NotLeader:
            raise PeerError("this member does not run yet, or not any more") from None
        if not members:
            raise PeerError("this member has not heard yet who belongs to the cluster")
        return encode(
            Roster(
                cluster_id=status.cluster_id,
                members=tuple(
                    _known(member, status.conf_state.learners, said)
                    for member in members
                ),
                removed=tuple(sorted(removed)),
                epoch=status.epoch,
            )
        )


def _known(
    member: Member, learners: Collection[NodeId], said: Collection[NodeId]
) -> KnownMember:
    """Return what a newcomer is told of a member."""
    return KnownMember(
        node_id=member.node_id,
        name=member.name,
        peer_urls=member.peer_urls,
        has_started=member.has_started or member.node_id in said,
        is_learner=member.node_id in learners,
    )
