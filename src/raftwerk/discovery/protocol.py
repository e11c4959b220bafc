"""What a newcomer asks a member, and what he is told.

Both are msgpack maps; a field with a default may be added at any time. Only who names
the cluster's token is told anything: it keeps apart clusters whose addresses are alike.
"""

from typing import Protocol

import msgspec

from raftwerk.config import Url
from raftwerk.errors import PeerError
from raftwerk.types import NodeId

__all__ = [
    "Applicant",
    "Ask",
    "KnownMember",
    "Question",
    "Roster",
    "decode_question",
    "decode_roster",
    "encode",
]


class Applicant(msgspec.Struct, frozen=True, kw_only=True):
    """A replica without a cluster that asks to be added as learner.

    Parameters
    ----------
    peer_urls : tuple of str
        Where its peers reach it.
    former : NodeId
        Who it was to be in this very cluster, before it refused to found it; 0: nobody.
        That member will never start, so the newcomer takes its place.
    """

    peer_urls: tuple[str, ...]
    former: NodeId = NodeId(0)


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A newcomer asks who belongs to a cluster.

    Parameters
    ----------
    token : str
        That of the cluster that is meant.
    asker : NodeId
        Who asks, as one of many behind one name: it wants to know who answers, be that
        in a cluster or not. 0: it only wants the list of members.
    applicant : Applicant, optional
        Who wants to be a member.
    """

    token: str
    asker: NodeId = NodeId(0)
    applicant: Applicant | None = None


class KnownMember(msgspec.Struct, frozen=True, kw_only=True):
    """A member as another one knows it.

    Parameters
    ----------
    node_id : NodeId
        Who.
    name : str
        For people; empty as long as it has not started.
    peer_urls : tuple of str
        Where its peers reach it.
    has_started : bool
        Whether it was ever seen; its id is free as long as it was not.
    is_learner : bool
        Whether it has no vote, and so can't have given one.
    """

    node_id: NodeId
    name: str = ""
    peer_urls: tuple[str, ...] = ()
    has_started: bool = False
    is_learner: bool = False


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: who belongs to the cluster, as far as one member knows.

    Parameters
    ----------
    cluster_id : int
        Which cluster it is.
    members : tuple of KnownMember
        All of them.
    removed : tuple of NodeId
        Who was a member once; these ids are never used again.
    epoch : int
        How often it has lost its quorum and gone on with what was left of it.
    """

    cluster_id: int
    members: tuple[KnownMember, ...]
    removed: tuple[NodeId, ...] = ()
    epoch: int = 0


class Ask(Protocol):
    """A way to ask whoever listens for peers somewhere."""

    async def __call__(self, peer: Url) -> Roster:
        """Ask one member; it takes a bounded time.

        Parameters
        ----------
        peer : Url
            Where it answers its peers.

        Returns
        -------
        Roster
            Its answer.

        Raises
        ------
        PeerError
            If there is none; the message says why.
        """


def encode(content: Question | Roster) -> bytes:
    """Return the bytes of a question or an answer.

    Parameters
    ----------
    content : Question or Roster
        What is said.

    Returns
    -------
    bytes
        What `decode_question` or `decode_roster` reads.
    """
    return msgspec.msgpack.encode(content)


def decode_question(data: bytes) -> Question:
    """Return the question that somebody has sent.

    Parameters
    ----------
    data : bytes
        Made by `encode`, or by a stranger.

    Returns
    -------
    Question
        The question.

    Raises
    ------
    PeerError
        If it is none.
    """
    try:
        return msgspec.msgpack.decode(data, type=Question)
    except msgspec.DecodeError as error:
        raise PeerError(f"this is no question about members: {error}") from None


def decode_roster(data: bytes) -> Roster:
    """Return the answer that a member has sent.

    Parameters
    ----------
    data : bytes
        Made by `encode`, or by a stranger.

    Returns
    -------
    Roster
        The answer.

    Raises
    ------
    PeerError
        If it is none.
    """
    try:
        return msgspec.msgpack.decode(data, type=Roster)
    except msgspec.DecodeError as error:
        raise PeerError(f"this is no list of members: {error}") from None
