"""A caller from outside: keys, members, leadership, over any members of a cluster."""

import base64
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import msgspec

from raftwerk.client.connections import Connections
from raftwerk.client.endpoints import Endpoints
from raftwerk.client.http import Http, Request
from raftwerk.client.values import (
    Deleted,
    Found,
    Member,
    MemberList,
    MemberStatus,
    Written,
)
from raftwerk.config import Url
from raftwerk.host.protocol import Host
from raftwerk.host.real import real_host

__all__ = ["Client", "prefix_end"]

API: Final = "/api/v1"

JSON: Final = {"Content-Type": "application/json"}

Result = TypeVar("Result")


class _Envelope(msgspec.Struct):
    """The form of answers of the documented API."""

    data: msgspec.Raw


class _Changed(msgspec.Struct):
    """The answer to a change of members."""

    members: tuple[Member, ...]
    member: Member | None = None


class _Transferred(msgspec.Struct):
    """The answer to a transfer."""

    leader: int


def prefix_end(prefix: bytes) -> bytes:
    """Return the first key after all that begin with a prefix.

    Parameters
    ----------
    prefix : bytes
        Perhaps empty.

    Returns
    -------
    bytes
        For ``range_end``; one NUL byte, which means "no end", if there is none.

    Examples
    --------
    >>> prefix_end(b"jobs/")
    b'jobs0'
    """
    kept = prefix.rstrip(b"\xff")
    return kept[:-1] + bytes([kept[-1] + 1]) if kept else b"\0"


class Client:
    """Calls a cluster through whichever of its members answers.

    Reads are asked again elsewhere when a member fails; writes only while it is certain
    that nothing was done, and end as `raftwerk.errors.OutcomeUnknown` otherwise.

    Parameters
    ----------
    *endpoints : str
        Client URLs of some members, ``http://HOST:PORT``; without any, that of a node
        without flags on this machine.
    timeout_seconds : float
        How long a call may take in all.
    host : Host, optional
        Time; without it, that of the machine.
    http : Http, optional
        Carries requests; without it, the network does.

    Raises
    ------
    ConfigError
        If an endpoint is no such URL.

    Examples
    --------
    Inside a coroutine, with a node on this machine::

        async with Client() as client:
            await client.put("greeting", "hello")
            found = await client.get("greeting")
            print(found.kvs[0].value)
    """

    def __init__(
        self,
        *endpoints: str,
        timeout_seconds: float = 10.0,
        host: Host | None = None,
        http: Http | None = None,
    ) -> None:
        host = real_host() if host is None else host
        texts = endpoints or ("http://127.0.0.1:2379",)
        self._http = Connections(host.timers) if http is None else http
        self.endpoints = Endpoints(
            [Url.parse("endpoints", text) for text in texts],
            self._http,
            clock=host.clock,
            timers=host.timers,
            timeout_seconds=timeout_seconds,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.close()

    # ---- keys ---------------------------------------------------------------

    async def put(
        self,
        key: str | bytes,
        value: str | bytes,
        *,
        lease: int = 0,
        prev_kv: bool = False,
        ignore_value: bool = False,
        ignore_lease: bool = False,
    ) -> Written:
        """Set a key.

        Parameters
        ----------
        key, value : str or bytes
            A text stands for its UTF-8.
        lease : int
            What the key lives as long as; 0: it stays.
        prev_kv : bool
            Whether to return what was there.
        ignore_value, ignore_lease : bool
            Whether the key keeps the value or lease that it has.

        Returns
        -------
        Written
            With the write's revision.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        fields = {
            "key": _bytes(key),
            "value": _bytes(value),
            "lease": lease,
            "prev_kv": prev_kv,
            "ignore_value": ignore_value,
            "ignore_lease": ignore_lease,
        }
        return await self._call("kv/put", fields, Written, is_read=False)

    # pylint: disable-next=too-many-arguments  # keywords, as etcd has them
    async def get(
        self,
        key: str | bytes,
        range_end: str | bytes = b"",
        *,
        revision: int = 0,
        limit: int = 0,
        sort_order: str = "NONE",
        sort_target: str = "KEY",
        serializable: bool = False,
        keys_only: bool = False,
        count_only: bool = False,
    ) -> Found:
        """Read a key, or all from it up to another one.

        Parameters
        ----------
        key : str or bytes
            The first one.
        range_end : str or bytes
            Before which to end; empty: the one key. See `prefix_end`.
        revision : int
            As of when; 0: now.
        limit : int
            How many at most; 0: all.
        sort_order : str
            ``NONE``, ``ASCEND`` or ``DESCEND``.
        sort_target : str
            ``KEY``, ``VERSION``, ``CREATE``, ``MOD`` or ``VALUE``.
        serializable : bool
            Whether what one member has by itself is good enough; it may be old.
        keys_only, count_only : bool
            Whether to leave out values, or all but how many there are.

        Returns
        -------
        Found
            What there is.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nobody could be asked in time.
        """
        fields = {
            "key": _bytes(key),
            "range_end": _bytes(range_end),
            "revision": revision,
            "limit": limit,
            "sort_order": sort_order if sort_order != "NONE" else "",
            "sort_target": sort_target if sort_target != "KEY" else "",
            "serializable": serializable,
            "keys_only": keys_only,
            "count_only": count_only,
        }
        return await self._call("kv/range", fields, Found, is_read=True)

    async def delete(
        self, key: str | bytes, range_end: str | bytes = b"", *, prev_kv: bool = False
    ) -> Deleted:
        """Delete a key, or all from it up to another one.

        Parameters
        ----------
        key : str or bytes
            The first one.
        range_end : str or bytes
            Before which to end; empty: the one key. See `prefix_end`.
        prev_kv : bool
            Whether to return what was there.

        Returns
        -------
        Deleted
            How many there were.

        Raises
        ------
        Refused
            If the cluster refused it.
        NotProposed
            If nothing happened.
        OutcomeUnknown
            If it may or may not be done.
        """
        fields = {
            "key": _bytes(key),
            "range_end": _bytes(range_end),
            "prev_kv": prev_kv,
        }
        return await self._call("kv/deleterange", fields, Deleted, is_read=False)

    # ---- the cluster --------------------------------------------------------

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
        request = Request(method="GET", path=f"{API}/cluster")
        answer = await self.endpoints.ask(request, is_read=True)
        return _data(answer.body, MemberList)

    async def status(self, endpoint: str | Url) -> MemberStatus:
        """Return what one member says of itself.

        Parameters
        ----------
        endpoint : str or Url
            Its client URL.

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
        request = Request(method="GET", path=f"{API}/raft/")
        answer = await self.endpoints.ask_one(url, request)
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
                    self.endpoints.prefer(Url.parse("client URL", text))
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
        return (await self._change("DELETE", f"/members/{member_id}")).members

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
        request = _json_request("POST", "/transfer", body)
        answer = await self.endpoints.ask(request, is_read=False)
        return _data(answer.body, _Transferred).leader

    # ---- within -------------------------------------------------------------

    async def _call(
        self, name: str, fields: dict[str, Any], kind: type[Result], *, is_read: bool
    ) -> Result:
        """Do a call of etcd's gateway."""
        given = {name: value for name, value in fields.items() if value}
        request = Request(path=f"/v3/{name}", body=msgspec.json.encode(given))
        answer = await self.endpoints.ask(request, is_read=is_read)
        return msgspec.json.decode(answer.body, type=kind, strict=False)

    async def _change(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> _Changed:
        """Change members."""
        request = _json_request(method, path, body)
        answer = await self.endpoints.ask(request, is_read=False)
        return _data(answer.body, _Changed)


def _json_request(method: str, path: str, body: dict[str, Any] | None) -> Request:
    """Return a request to the documented API."""
    data = b"" if body is None else msgspec.json.encode(body)
    headers = {} if body is None else JSON
    return Request(method=method, path=API + path, body=data, headers=headers)


def _data(body: bytes, kind: type[Result]) -> Result:
    """Return what is in an envelope; ids are texts there."""
    raw = msgspec.json.decode(body, type=_Envelope).data
    return msgspec.json.decode(raw, type=kind, strict=False)


def _known(changed: _Changed) -> Member:
    """Return whom a change was about."""
    assert changed.member is not None  # nosec B101: it stays, so it is told
    return changed.member


def _bytes(text: str | bytes) -> str:
    """Return bytes as they stand in JSON."""
    data = text.encode() if isinstance(text, str) else text
    return base64.b64encode(data).decode()
