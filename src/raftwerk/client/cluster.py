"""The calls about members and leadership."""

from typing import Any, Final, TypeVar

import msgspec

from raftwerk.client.endpoints import Endpoints
from raftwerk.client.http import Request
from raftwerk.client.values import Member, MemberList, MemberStatus
from raftwerk.config import Url
from raftwerk.errors import OutcomeUnknown, RequestError

__all__ = ["API_PREFIX", "ClusterCalls"]

API_PREFIX: Final = "/api"

JSON: Final = {"Content-Type": "application/json"}

Result = TypeVar("Result")


class _Envelope(msgspec.Struct):
    """The form of answers of the documented API."""

    data: msgspec.Raw


class _Changed(msgspec.Struct):
    """The answer to a change of members."""

    members: tuple[Member, ...]
    member: Member | None = None


class _Id(msgspec.Struct):
    """A member, as far as etcd's gateway is asked for it."""

    ID: int


class _Listed(msgspec.Struct):
    """The answer to a listing."""

    members: tuple[_Id, ...] = ()


class _Transferred(msgspec.Struct):
    """The answer to a transfer."""

    leader: int


class ClusterCalls:
    """Looks at the cluster and changes it, through any member.

    Parameters
    ----------
    endpoints : Endpoints
        Where members answer.
    api_prefix : str
        Where their documented API begins.

    Attributes
    ----------
    api_prefix : str
        As given.
    """

    def __init__(self, endpoints: Endpoints, api_prefix: str = API_PREFIX) -> None:
        self._endpoints = endpoints
        self.api_prefix = api_prefix

    async def cluster(self) -> MemberList:
        """Return who belongs to the cluster and who leads it, as any member knows.

        Returns
        -------
        MemberList
            With how far each member is, if the leader could be asked.

        Raises
        ------
        NotProposed
            If no member answers.
        """
        request = Request(method="GET", path=f"{self.api_prefix}/v1/cluster")
        answer = await self._endpoints.ask(request, is_read=True)
        return _data(answer.body, MemberList)

    async def status(
        self, endpoint: str | Url, timeout_seconds: float | None = None
    ) -> MemberStatus:
        """Return what one member says of itself.

        Parameters
        ----------
        endpoint : str or Url
            Its client URL.
        timeout_seconds : float, optional
            How long it may take; without it, as long as any call.

        Returns
        -------
        MemberStatus
            Its own view.

        Raises
        ------
        NotProposed
            If it does not answer.
        """
        url = Url.parse("endpoint", str(endpoint))
        request = Request(method="GET", path=f"{self.api_prefix}/v1/raft/")
        answer = await self._endpoints.ask_one(url, request, timeout_seconds)
        return _data(answer.body, MemberStatus)

    async def find_leader(self) -> Member | None:
        """Find out who leads, and ask that member first from now on.

        Any member takes any request; this saves the way from it to the leader.

        Returns
        -------
        Member or None
            None if nobody is known to lead.

        Raises
        ------
        NotProposed
            If no member answers.
        """
        cluster = await self.cluster()
        for member in cluster.members:
            if member.is_leader:
                for text in member.client_urls[:1]:
                    self._endpoints.prefer(Url.parse("client URL", text))
                return member
        return None

    async def add_member(
        self, *peer_urls: str, is_learner: bool = False
    ) -> tuple[Member, tuple[Member, ...]]:
        """Let a new member take part.

        Parameters
        ----------
        *peer_urls : str
            Where the other members will reach it.
        is_learner : bool
            Whether it follows without a vote.

        Returns
        -------
        Member
            The new one.
        tuple of Member
            All of them.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        body = {"peer_urls": peer_urls, "is_learner": is_learner}
        changed = await self._change("POST", "/members", body)
        return _known(changed), changed.members

    async def remove_member(self, member_id: int) -> tuple[Member, ...]:
        """Let a member take part no more.

        Parameters
        ----------
        member_id : int
            Which.

        Returns
        -------
        tuple of Member
            Those that remain.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        try:
            return (await self._change("DELETE", f"/members/{member_id}")).members
        except OutcomeUnknown:
            # An id is never used again, so who is not there was removed. It happens
            # where the removed one itself was asked: it is cut off from the answer.
            if not await self._is_gone(member_id):
                raise
            return (await self.cluster()).members

    async def _is_gone(self, member_id: int) -> bool:
        """Tell whether a quorum knows that somebody is no member."""
        request = Request(path="/v3/cluster/member/list", body=b'{"linearizable":true}')
        try:
            answer = await self._endpoints.ask(request, is_read=True)
        except RequestError:
            return False  # nobody knows
        listed = msgspec.json.decode(answer.body, type=_Listed, strict=False)
        return all(each.ID != member_id for each in listed.members)

    async def update_member(self, member_id: int, *peer_urls: str) -> Member:
        """Tell the others where a member is reached from now on.

        Parameters
        ----------
        member_id : int
            Which.
        *peer_urls : str
            Where.

        Returns
        -------
        Member
            As it is now.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        body = {"peer_urls": peer_urls}
        return _known(await self._change("PUT", f"/members/{member_id}", body))

    async def promote_member(self, member_id: int) -> Member:
        """Give a learner a vote.

        Parameters
        ----------
        member_id : int
            Which.

        Returns
        -------
        Member
            As it is now.

        Raises
        ------
        Refused
            If the cluster refused it: it has not caught up yet, say.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        return _known(await self._change("POST", f"/members/{member_id}/promote"))

    async def replace_member(self, member_id: int, *peer_urls: str) -> Member:
        """Put a new member in the place of one.

        Parameters
        ----------
        member_id : int
            Which.
        *peer_urls : str
            Where the new one will be reached; without any, at the same address.

        Returns
        -------
        Member
            The new one: a learner, which is promoted by itself when it has caught up.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        body = {"peer_urls": peer_urls}
        return _known(await self._change("POST", f"/members/{member_id}/replace", body))

    async def move_leader(self, target: int = 0) -> int:
        """Let another voter lead, and return when it does.

        Parameters
        ----------
        target : int
            Which; 0: whoever lacks least.

        Returns
        -------
        int
            The id of the new leader.

        Raises
        ------
        Refused
            If it can't lead, or did not come to lead.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not lead by now.
        """
        body = {"target": str(target) if target else None}
        request = self._request("POST", "/transfer", body)
        answer = await self._endpoints.ask(request, is_read=False)
        return _data(answer.body, _Transferred).leader

    async def _change(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> _Changed:
        """Change members."""
        request = self._request(method, path, body)
        answer = await self._endpoints.ask(request, is_read=False)
        return _data(answer.body, _Changed)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> Request:
        """Return a request to the documented API."""
        return Request(
            method=method,
            path=f"{self.api_prefix}/v1{path}",
            body=b"" if body is None else msgspec.json.encode(body),
            headers={} if body is None else JSON,
        )


def _data(body: bytes, kind: type[Result]) -> Result:
    """Return what is in an envelope; ids are texts there."""
    raw = msgspec.json.decode(body, type=_Envelope).data
    return msgspec.json.decode(raw, type=kind, strict=False)


def _known(changed: _Changed) -> Member:
    """Return whom a change was about."""
    assert changed.member is not None  # nosec B101: it stays, so it is told
    return changed.member
