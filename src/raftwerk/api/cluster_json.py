"""``/v3/cluster`` and the part of ``/v3/maintenance`` about this member and the leader.

Ids of members have 64 bits without a sign, and all headers but that of the status are
without a revision, as in etcd.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from raftwerk.api.errors import PlainFailure
from raftwerk.api.kv_json import write_header
from raftwerk.api.maintenance_json import write_alarm_text
from raftwerk.api.probes import VERSION
from raftwerk.api.proto_json import (
    Message,
    Repeated,
    read_bool,
    read_text,
    read_uint64,
)
from raftwerk.api.route import CallForm, Route, Routes
from raftwerk.api.shapes import (
    BOOL,
    EMPTY,
    HEADER,
    INT64,
    TEXT,
    UINT64,
    Shape,
    list_of,
    message,
)
from raftwerk.api.status import status_of
from raftwerk.service import Header, KvService
from raftwerk.service.cluster import ClusterService
from raftwerk.service.cluster_calls import (
    AddMember,
    ClusterView,
    MemberView,
    PromoteMember,
    RemoveMember,
    TransferLeadership,
    UpdateMember,
)
from raftwerk.service.cluster_errors import BadTransferee, TooFewMembers
from raftwerk.service.node import NodeLike
from raftwerk.types import NodeId

__all__ = ["cluster_routes"]


# pylint: disable=invalid-name  # the members of etcd's messages are called like that


def _listing(linearizable: bool = False) -> bool:
    """Return whether a listing is to be linearizable."""
    return linearizable


def _addition(peerURLs: tuple[str, ...] = (), isLearner: bool = False) -> AddMember:
    """Return an addition."""
    return AddMember(peerURLs, isLearner)


def _update(ID: int = 0, peerURLs: tuple[str, ...] = ()) -> UpdateMember:
    """Return a move."""
    return UpdateMember(NodeId(ID), peerURLs)


def _member_id(ID: int = 0) -> NodeId:
    """Return whom a request is about."""
    return NodeId(ID)


def _transferee(targetID: int = 0) -> NodeId:
    """Return who is to lead."""
    return NodeId(targetID)


def _nothing() -> None:
    """Return what is asked of the status: nothing."""


_URLS: Final = Repeated(read_text, null="")
_MEMBER: Final = message(
    "Member",
    ID=UINT64,
    name=TEXT,
    peerURLs=list_of(TEXT),
    clientURLs=list_of(TEXT),
    isLearner=BOOL,
)
_ID: Final = "10276657743932975437"
_NEW_URLS: Final = ["http://10.0.0.4:2380"]


def _members_shape(kind: str, /, **also: Shape) -> Shape:
    """Return the form of an answer with all members."""
    return message(kind, header=HEADER, **also, members=list_of(_MEMBER))


_LIST: Final = CallForm(
    request=Message("MemberListRequest", _listing, linearizable=read_bool),
    answer=_members_shape("MemberListResponse"),
    example={"linearizable": True},
)
_ADD: Final = CallForm(
    request=Message("MemberAddRequest", _addition, peerURLs=_URLS, isLearner=read_bool),
    answer=_members_shape("MemberAddResponse", member=_MEMBER),
    example={"peerURLs": _NEW_URLS, "isLearner": True},
)
_REMOVE: Final = CallForm(
    request=Message("MemberRemoveRequest", _member_id, ID=read_uint64),
    answer=_members_shape("MemberRemoveResponse"),
    example={"ID": _ID},
    refusals=(404,),
)
_UPDATE: Final = CallForm(
    request=Message("MemberUpdateRequest", _update, ID=read_uint64, peerURLs=_URLS),
    answer=_members_shape("MemberUpdateResponse"),
    example={"ID": _ID, "peerURLs": _NEW_URLS},
    refusals=(404,),
)
_PROMOTE: Final = CallForm(
    request=Message("MemberPromoteRequest", _member_id, ID=read_uint64),
    answer=_members_shape("MemberPromoteResponse"),
    example={"ID": _ID},
    refusals=(404,),
)
_TRANSFER: Final = CallForm(
    request=Message("MoveLeaderRequest", _transferee, targetID=read_uint64),
    answer=EMPTY,
    example={"targetID": _ID},
    refusals=(404,),
)
_STATUS: Final = CallForm(
    request=Message("StatusRequest", _nothing),
    answer=message(
        "StatusResponse",
        header=HEADER,
        version=TEXT,
        dbSize=INT64,
        leader=UINT64,
        raftIndex=UINT64,
        raftTerm=UINT64,
        raftAppliedIndex=UINT64,
        errors=list_of(TEXT),
        dbSizeInUse=INT64,
        isLearner=BOOL,
    ),
)


class _Cluster:
    """The calls; see `cluster_routes`."""

    def __init__(
        self,
        node: NodeLike,
        cluster: ClusterService,
        kv: KvService,
        size_bytes: Callable[[], int],
        in_use_bytes: Callable[[], int],
    ) -> None:
        self._node = node
        self._cluster = cluster
        self._kv = kv
        self._size_bytes = size_bytes
        self._in_use_bytes = in_use_bytes

    @property
    def routes(self) -> Routes:
        """The calls by their names."""
        return {
            "cluster/member/list": Route(self._list, _LIST, changes=False),
            "cluster/member/add": Route(self._add, _ADD),
            "cluster/member/remove": Route(self._remove, _REMOVE),
            "cluster/member/update": Route(self._update, _UPDATE),
            "cluster/member/promote": Route(self._promote, _PROMOTE),
            "maintenance/status": Route(self._status, _STATUS, changes=False),
            "maintenance/transfer-leadership": Route(self._transfer, _TRANSFER),
        }

    async def _list(self, is_linearizable: bool) -> bytes:
        """Say who belongs to the group."""
        view = await self._cluster.members(is_linearizable=is_linearizable)
        return _with_members(self._kv.header(), view)

    async def _add(self, addition: AddMember) -> bytes:
        """Let a new member take part."""
        view = await self._cluster.request(addition)
        (new,) = [m for m in view.members if m.node_id == view.subject]
        return _with_members(self._kv.header(), view, member=_member(new))

    async def _remove(self, node_id: NodeId) -> bytes:
        """Let a member take part no more."""
        try:
            view = await self._cluster.request(RemoveMember(node_id))
        except TooFewMembers as error:
            # etcd 3.5.1 has no code for it; the documented API has.
            raise PlainFailure(status_of(error).text) from error
        return _with_members(self._kv.header(), view)

    async def _update(self, move: UpdateMember) -> bytes:
        """Know a member's new address."""
        view = await self._cluster.request(move)
        return _with_members(self._kv.header(), view)

    async def _promote(self, node_id: NodeId) -> bytes:
        """Let a learner vote."""
        view = await self._cluster.request(PromoteMember(node_id))
        return _with_members(self._kv.header(), view)

    async def _transfer(self, target: NodeId) -> bytes:
        """Let another member lead."""
        if not target:
            raise BadTransferee("no member was named that is to lead")
        await self._cluster.request(TransferLeadership(target))
        return b"{}"  # etcd 3.5 has no header here

    async def _status(self, _request: None) -> bytes:
        """Say how this member is."""
        view = self._node.status()
        errors = [] if view.leader else ["etcdserver: no leader"]
        errors += [write_alarm_text(*alarm) for alarm in self._kv.alarms()]
        said: dict[str, Any] = {
            "version": VERSION["etcdserver"],
            "dbSize": str(self._size_bytes()),
            "leader": str(view.leader) if view.leader else None,
            "raftIndex": str(view.commit_index),
            "raftTerm": str(view.term) if view.term else None,
            "raftAppliedIndex": str(view.applied_index),
            "errors": errors,
            "dbSizeInUse": str(self._kv.size_bytes),
            "isLearner": view.is_learner,
        }
        body = msgspec.json.encode({name: its for name, its in said.items() if its})
        return b"{%b,%b" % (write_header(self._kv.header()), body[1:])


def cluster_routes(
    node: NodeLike,
    cluster: ClusterService,
    kv: KvService,
    size_bytes: Callable[[], int],
    in_use_bytes: Callable[[], int] | None = None,
) -> Routes:
    """Return the calls about members, this member, and the leader.

    Parameters
    ----------
    node : NodeLike
        The member.
    cluster : ClusterService
        Its calls about the group.
    kv : KvService
        Knows the header of answers.
    size_bytes : callable
        Returns how much room the member's data takes on its disk.
    in_use_bytes : callable, optional
        Returns how much of the store counts against its quota; without it, the same.

    Returns
    -------
    Routes
        For the gateway.
    """
    return _Cluster(node, cluster, kv, size_bytes, in_use_bytes or size_bytes).routes


def _header(header: Header) -> bytes:
    """Return a header without a revision."""
    said = {"cluster_id": str(header.cluster_id), "member_id": str(header.member_id)}
    if header.raft_term:
        said["raft_term"] = str(header.raft_term)
    return b'"header":%b' % msgspec.json.encode(said)


def _with_members(header: Header, view: ClusterView, **fields: object) -> bytes:
    """Return an answer with all members."""
    members: Iterable[dict[str, object]] = map(_member, view.members)
    body = msgspec.json.encode({**fields, "members": list(members)})
    return b"{%b,%b" % (_header(header), body[1:])


def _member(member: MemberView) -> dict[str, object]:
    """Return a member without what is empty."""
    said: dict[str, object] = {
        "ID": str(member.node_id),
        "name": member.name,
        "peerURLs": member.peer_urls,
        "clientURLs": member.client_urls,
        "isLearner": member.is_learner,
    }
    return {name: value for name, value in said.items() if value}
