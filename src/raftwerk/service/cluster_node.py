"""What the cluster's service wants of a node beside what all services want."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from raftwerk.core.progress_view import ProgressView
from raftwerk.core.records import ConfChange, ConfState
from raftwerk.runtime.members import Member
from raftwerk.service.node import CallNode, NodeLike
from raftwerk.transport.protocol import PeerView
from raftwerk.types import NodeId

__all__ = ["ClusterNode"]


class ClusterNode(NodeLike, CallNode, Protocol):
    """A member that knows the others; `raftwerk.runtime.Node` has all of it."""

    @property
    def members(self) -> Sequence[Member]:
        """All members, ascending by id."""

    @property
    def removed(self) -> frozenset[NodeId]:
        """All who were members once."""

    def progress(self) -> Mapping[NodeId, ProgressView]:
        """Do as `Node.progress` says."""

    def peers(self) -> Mapping[NodeId, PeerView]:
        """Do as `Node.peers` says."""

    async def change_members(
        self, change: ConfChange, members: Sequence[Member] = ()
    ) -> ConfState:
        """Do as `Node.change_members` says."""

    def transfer_leadership(self, transferee: NodeId) -> None:
        """Do as `Node.transfer_leadership` says."""

    def take_snapshot(self) -> bool:
        """Do as `Node.take_snapshot` says."""
