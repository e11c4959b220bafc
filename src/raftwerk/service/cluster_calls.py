"""What a member hands to its leader about the group, and what it is told.

All of it is msgpack between members of one cluster; a field with a default may be added
at any time, a kind of request only with a new version of the peers' protocol.
"""

from typing import Final

import msgspec

from raftwerk.errors import InvariantViolation
from raftwerk.service import cluster_errors
from raftwerk.service.cluster_errors import ClusterRefusal
from raftwerk.types import LogIndex, NodeId, Term

__all__ = [
    "TOPIC",
    "AddMember",
    "ClusterRequest",
    "ClusterView",
    "LookAtCluster",
    "MemberView",
    "PromoteMember",
    "Refused",
    "RemoveMember",
    "ReplaceMember",
    "TransferLeadership",
    "UpdateMember",
    "decode_reply",
    "decode_request",
    "encode",
    "refusal_of",
]

TOPIC: Final = "cluster"
"""What calls to the leader say they are about."""


class AddMember(msgspec.Struct, frozen=True, tag=True):
    """Let a new member take part; its id is drawn by the leader.

    A learner that wants to vote is promoted when it has kept up, if there is room.
    """

    peer_urls: tuple[str, ...]
    is_learner: bool = False
    wants_vote: bool = False


class RemoveMember(msgspec.Struct, frozen=True, tag=True):
    """Let a member take part no more."""

    node_id: NodeId


class UpdateMember(msgspec.Struct, frozen=True, tag=True):
    """A member's peers reach it elsewhere from now on."""

    node_id: NodeId
    peer_urls: tuple[str, ...]


class PromoteMember(msgspec.Struct, frozen=True, tag=True):
    """Let a learner vote."""

    node_id: NodeId


class ReplaceMember(msgspec.Struct, frozen=True, tag=True):
    """Let a new member take the place of one; without URLs, at the same address."""

    node_id: NodeId
    peer_urls: tuple[str, ...] = ()


class TransferLeadership(msgspec.Struct, frozen=True, tag=True):
    """Let another voter lead; 0: whichever lacks least."""

    node_id: NodeId = NodeId(0)


class LookAtCluster(msgspec.Struct, frozen=True, tag=True):
    """Change nothing; say how far each member is."""


ClusterRequest = (
    AddMember
    | RemoveMember
    | UpdateMember
    | PromoteMember
    | ReplaceMember
    | TransferLeadership
    | LookAtCluster
)
"""All that the leader is asked."""


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """A member as the group knows it, and as the leader sees it.

    Parameters
    ----------
    node_id : NodeId
        Who.
    name : str
        For people; empty until it has started.
    peer_urls, client_urls : tuple of str
        Where peers and clients reach it.
    is_learner : bool
        Whether it has no vote.
    has_started : bool
        Whether it was ever seen.
    replaces : NodeId
        Whose place it takes when it has caught up; 0: nobody's.
    match_index : LogIndex or None
        Up to here its log is known to equal the leader's; None if nobody knows.
    is_connected : bool or None
        Whether the leader has a way to it; None if nobody knows.
    """

    node_id: NodeId
    name: str = ""
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()
    is_learner: bool = False
    has_started: bool = True
    replaces: NodeId = NodeId(0)
    match_index: LogIndex | None = None
    is_connected: bool | None = None


class ClusterView(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The group at one moment, as one member knows it.

    Parameters
    ----------
    members : tuple of MemberView
        All of them, ascending by id.
    leader : NodeId or None
        Who leads, if that is known.
    term : Term
        In which term that is.
    last_log_index, commit_index : LogIndex
        Of whoever looked: the leader, if it could be asked.
    is_joint : bool
        Whether a change of members is half done.
    subject : NodeId
        Whom the request was about: the new member's id, say.
    """

    members: tuple[MemberView, ...]
    leader: NodeId | None
    term: Term
    last_log_index: LogIndex
    commit_index: LogIndex
    is_joint: bool = False
    subject: NodeId = NodeId(0)


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The leader refused; `kind` names one of `cluster_errors`."""

    kind: str
    words: str


_KINDS: Final = {name: getattr(cluster_errors, name) for name in cluster_errors.__all__}
_REQUEST: Final = msgspec.msgpack.Decoder(ClusterRequest)
_REPLY: Final = msgspec.msgpack.Decoder(ClusterView | Refused)


def encode(content: ClusterRequest | ClusterView | Refused) -> bytes:
    """Return the bytes of a request or a reply.

    Parameters
    ----------
    content : Struct
        What is said.

    Returns
    -------
    bytes
        What `decode_request` or `decode_reply` reads.
    """
    return msgspec.msgpack.encode(content)


def decode_request(data: bytes) -> ClusterRequest:
    """Return what a member asks.

    Parameters
    ----------
    data : bytes
        Made by `encode`.

    Returns
    -------
    ClusterRequest
        The request.

    Raises
    ------
    ClusterRefusal
        If it is none that this version knows.
    """
    try:
        request: ClusterRequest = _REQUEST.decode(data)
    except msgspec.DecodeError as error:
        raise ClusterRefusal(f"the leader can't read the request: {error}") from None
    return request


def decode_reply(data: bytes) -> ClusterView:
    """Return what the leader says, or raise what it refused with.

    Parameters
    ----------
    data : bytes
        Made by `encode`.

    Returns
    -------
    ClusterView
        The group after the change.

    Raises
    ------
    ClusterRefusal
        As the leader raised it.
    InvariantViolation
        If it is no reply.
    """
    try:
        reply: ClusterView | Refused = _REPLY.decode(data)
    except msgspec.DecodeError as error:
        raise InvariantViolation(f"the leader's reply can't be read: {error}") from None
    if isinstance(reply, ClusterView):
        return reply
    raise _KINDS.get(reply.kind, ClusterRefusal)(reply.words)


def refusal_of(error: ClusterRefusal) -> Refused:
    """Return what is sent in place of an error.

    Parameters
    ----------
    error : ClusterRefusal
        What the leader raised.

    Returns
    -------
    Refused
        For `encode`.
    """
    return Refused(type(error).__name__, str(error))
