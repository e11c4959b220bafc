"""What a member tells replicas without a cluster, and how it has them added.

Whoever asks behind the same name hears who we are and who belongs to the cluster. Who
asks to be a member is added as a learner by the leader, whichever member was asked; it
finds its place in the answer to one of its next questions.
"""

import asyncio
from collections.abc import Callable

import msgspec

from raftwerk.discovery import decode_question, decode_roster
from raftwerk.discovery.bootstrap import View, encode_view
from raftwerk.discovery.protocol import Applicant, Roster
from raftwerk.errors import NotLeader, PeerError, RequestError
from raftwerk.service.cluster import ClusterService
from raftwerk.service.cluster_calls import AddMember, ReplaceMember
from raftwerk.service.cluster_errors import ClusterRefusal
from raftwerk.service.roster import RosterKeeper, WhoIsThere
from raftwerk.types import NodeId

__all__ = ["Newcomers"]


class Newcomers:
    """Answers questions of replicas that are in no cluster; an `Answerer`.

    Parameters
    ----------
    node : WhoIsThere
        The member.
    token : str
        The cluster's token; who does not know it is told nothing.
    say : callable
        Returns what this member has to say of its own first start.
    report : callable
        Takes, in words, why somebody was not added.

    Attributes
    ----------
    cluster : ClusterService or None
        Adds members; as long as it is not set, nobody is added.
    """

    def __init__(
        self,
        node: WhoIsThere,
        token: str,
        *,
        say: Callable[[], View],
        report: Callable[[str], object],
    ) -> None:
        self.cluster: ClusterService | None = None
        self._node = node
        self._keeper = RosterKeeper(node, token)
        self._token = token
        self._say = say
        self._report = report
        self._adding: asyncio.Task[None] | None = None

    def __call__(self, question: bytes) -> bytes:
        """Answer a question.

        Parameters
        ----------
        question : bytes
            As it came.

        Returns
        -------
        bytes
            A `View` for who asks as one of many, else a `Roster`.

        Raises
        ------
        PeerError
            If it is no question, is meant for another cluster, or comes too soon.
        """
        asked = decode_question(question)
        if not asked.asker or asked.token != self._token:
            return self._keeper(question)  # which refuses a wrong token
        try:
            status = self._node.status()
        except NotLeader:
            raise PeerError("this member does not run yet, or not any more") from None
        try:
            roster: Roster | None = decode_roster(self._keeper(question))
        except PeerError:
            roster = None  # it has joined, and has not heard yet who belongs to it
        if asked.applicant is not None and roster is not None:
            self._add(asked.applicant, roster)
        said = self._say()
        if said.node_id != status.node_id:
            said = msgspec.structs.replace(
                said, node_id=status.node_id, former=said.node_id, promise=None
            )
        return encode_view(
            msgspec.structs.replace(said, cluster_id=status.cluster_id, roster=roster)
        )

    def _add(self, applicant: Applicant, roster: Roster) -> None:
        """Have somebody added, one at a time: who is not will ask again."""
        if self.cluster is None or (self._adding and not self._adding.done()):
            return
        known = {member.node_id for member in roster.members}
        former = applicant.former if applicant.former in known else NodeId(0)
        self._adding = asyncio.ensure_future(
            self._have_added(self.cluster, applicant.peer_urls, former)
        )

    async def _have_added(
        self, cluster: ClusterService, peer_urls: tuple[str, ...], former: NodeId
    ) -> None:
        """Have the leader add a learner, in the place of one that never starts."""
        try:
            if former:
                await cluster.request(ReplaceMember(former, peer_urls))
            else:
                await cluster.request(
                    AddMember(peer_urls, is_learner=True, wants_vote=True)
                )
        except (ClusterRefusal, RequestError) as error:
            self._report(str(error))
