"""Who belongs to the group and who leads it: asked of any member, judged by the leader.

Any member takes any of these calls. What only a leader can judge is handed to it over
the connections that members have anyway, and `membership` answers there; a call whose
answer was lost ends as unknown, for the change may have been made.
"""

from typing import Final

import msgspec

from raftwerk.errors import RequestError
from raftwerk.host.protocol import Draw, Timers
from raftwerk.service.cluster_calls import (
    TOPIC,
    ClusterRequest,
    ClusterView,
    LookAtCluster,
    decode_reply,
    decode_request,
    encode,
    refusal_of,
)
from raftwerk.service.cluster_errors import ClusterRefusal, MemberUrlsInvalid
from raftwerk.service.cluster_node import ClusterNode
from raftwerk.service.cluster_view import view_of
from raftwerk.service.membership import Membership
from raftwerk.types import LogIndex

__all__ = ["ClusterService", "SnapshotTaken"]

LOOK_AT_LEADER_SECONDS: Final = 1.0
"""How long the leader may take to say how far all are, until we say what we know."""

SNAPSHOT_SECONDS: Final = 5.0
"""How long to wait for a snapshot until it is left to end by itself."""

_LOOK_SECONDS: Final = 0.02


class SnapshotTaken(msgspec.Struct, frozen=True):
    """What became of the wish for a snapshot.

    Parameters
    ----------
    index : LogIndex
        Up to here the state is kept in a snapshot now; 0: in none.
    is_under_way : bool
        Whether a newer one is still being written.
    """

    index: LogIndex
    is_under_way: bool


class ClusterService:
    """The calls about members and leadership, on one member.

    Parameters
    ----------
    node : ClusterNode
        The member.
    timers : Timers
        For waits.
    draw : Draw
        For ids of new members.
    """

    def __init__(self, node: ClusterNode, timers: Timers, draw: Draw) -> None:
        self._node = node
        self._timers = timers
        self._membership = Membership(node, timers, draw)
        node.serve_calls(TOPIC, self._answer)

    async def run(self) -> None:
        """Do a leader's duties while we may lead; it does not end by itself.

        Learners that were added in somebody's place take it when they have caught up.
        """
        await self._membership.promote_those_caught_up()

    async def request(self, request: ClusterRequest) -> ClusterView:
        """Have the leader do something about the group.

        Parameters
        ----------
        request : ClusterRequest
            What.

        Returns
        -------
        ClusterView
            The group after it, with whom it was about as `ClusterView.subject`.

        Raises
        ------
        ClusterRefusal
            If the leader refused.
        NotProposed
            If nothing happened and nothing will.
        OutcomeUnknown
            If it may or may not be done.
        """
        try:
            asked = encode(request)
        except UnicodeEncodeError:  # JSON can write half a character, as \ud800
            raise MemberUrlsInvalid(
                "a peer URL has a character that can't be encoded; it must be of the"
                " form http://HOST:PORT"
            ) from None
        return decode_reply(await self._node.ask_leader(TOPIC, asked))

    async def members(self, *, is_linearizable: bool = True) -> ClusterView:
        """Return who belongs to the group.

        Parameters
        ----------
        is_linearizable : bool
            Whether all changes that were done before count; if not, this member is
            asked alone.

        Returns
        -------
        ClusterView
            As this member has it.

        Raises
        ------
        NotProposed
            If no leader could be asked in time.
        """
        if is_linearizable:
            await self._node.read_barrier()
        return view_of(self._node)

    async def overview(self) -> ClusterView:
        """Return the group with how far each member is.

        Returns
        -------
        ClusterView
            As the leader has it; if that can't be asked, as this member has it.
        """
        if self._node.status().leader is not None:
            try:
                return decode_reply(
                    await self._node.ask_leader(
                        TOPIC, encode(LookAtCluster()), LOOK_AT_LEADER_SECONDS
                    )
                )
            except RequestError:
                pass  # it leads no more, or we are cut off: then what we know ourselves
        return view_of(self._node)

    async def take_snapshot(self) -> SnapshotTaken:
        """Have this member take a snapshot now, and wait until it is durable.

        Returns
        -------
        SnapshotTaken
            How far the newest one goes.
        """
        target = self._node.status().applied_index
        has_begun = self._node.take_snapshot()
        for _ in range(round(SNAPSHOT_SECONDS / _LOOK_SECONDS)):
            index = self._node.status().snapshot_index
            if not has_begun or index >= target:
                return SnapshotTaken(index, False)
            await self._timers.sleep(_LOOK_SECONDS)
        return SnapshotTaken(self._node.status().snapshot_index, True)

    async def _answer(self, content: bytes) -> bytes:
        """Answer a member that asks us as the leader."""
        try:
            return encode(await self._membership.answer(decode_request(content)))
        except ClusterRefusal as refusal:
            return encode(refusal_of(refusal))
