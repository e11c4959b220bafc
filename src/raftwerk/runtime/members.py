"""Who the members are, by name and address: the runtime's own replicated record.

The core knows members by id alone. Names, addresses and versions travel in the context
of a membership change, or in a record that each member publishes of itself when it
starts; they are kept beside the state machine and are part of every snapshot. So each
member knows the others from the log, and from nowhere else.
"""

from collections.abc import Iterable, Mapping

import msgspec

from raftwerk.core.membership import members as members_of
from raftwerk.core.records import ConfState
from raftwerk.runtime.versions import (
    FIRST_VERSION,
    agreed_version,
    require_readable,
)
from raftwerk.transport.protocol import Objection
from raftwerk.types import NodeId

__all__ = [
    "ChangeContext",
    "Member",
    "Members",
    "PublishMember",
    "words_for_removed",
]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member's name and addresses.

    Parameters
    ----------
    node_id : NodeId
        Who.
    name : str
        For people; empty until it has started.
    peer_urls, client_urls : tuple of str
        Where peers and clients reach it.
    directory_id : int
        Of the data directory in which it has started; 0: not started yet. Whoever
        comes under this id with another directory has lost what it promised.
    version : int
        What it can read in the log; 0: not started yet.
    said_peer_urls : tuple of str
        What it said of itself last. An operator who moves it changes `peer_urls`, and
        that holds until it says something new.
    replaces : NodeId
        Whose place it is to take when it has caught up; 0: nobody's.
    wants_vote : bool
        Whether it came by itself, and may vote when it has kept up and there is room.
    """

    node_id: NodeId
    name: str = ""
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()
    directory_id: int = 0
    version: int = 0
    said_peer_urls: tuple[str, ...] = ()
    replaces: NodeId = NodeId(0)
    wants_vote: bool = False

    @property
    def has_started(self) -> bool:
        """Whether it has told the group of itself.

        Returns
        -------
        bool
            False for one that was added and was never seen.
        """
        return self.directory_id != 0


class PublishMember(msgspec.Struct, frozen=True, tag=True):
    """A member tells of itself, when it starts and something has changed."""

    member: Member


class ChangeContext(msgspec.Struct, frozen=True, array_like=True):
    """What travels with a membership change: who waits for it, and new addresses."""

    ticket: bytes = b""
    members: tuple[Member, ...] = ()

    @staticmethod
    def decode(data: bytes) -> "ChangeContext":
        """Return the context of a change.

        Parameters
        ----------
        data : bytes
            `ConfChange.context`; empty where the core proposed the change by itself.

        Returns
        -------
        ChangeContext
            Perhaps an empty one.
        """
        if not data:
            return ChangeContext()
        return msgspec.msgpack.decode(data, type=ChangeContext)

    def encode(self) -> bytes:
        """Return the bytes for `ConfChange.context`.

        Returns
        -------
        bytes
            What `decode` reads.
        """
        return msgspec.msgpack.encode(self)


class Members:
    """The present record.

    Parameters
    ----------
    members : iterable of Member
        From a snapshot's manifest.
    removed : iterable of NodeId
        Who was a member once; ids are never given out again (thesis §4).
    version : int
        The cluster's.

    Raises
    ------
    UnknownFormat
        If the cluster's version is one that this raftwerk can't read.
    """

    def __init__(
        self,
        members: Iterable[Member],
        removed: Iterable[NodeId] = (),
        version: int = FIRST_VERSION,
    ) -> None:
        self._members = {member.node_id: member for member in members}
        self._removed = set(removed)
        self._version = version
        self._agree()

    @property
    def by_id(self) -> Mapping[NodeId, Member]:
        """All members, by id.

        Returns
        -------
        mapping of NodeId to Member
            As it is now; it follows changes.
        """
        return self._members

    @property
    def version(self) -> int:
        """What all members can read in the log: the cluster's version.

        Returns
        -------
        int
            It never falls; see `versions`.
        """
        return self._version

    @property
    def removed(self) -> frozenset[NodeId]:
        """Who was a member once.

        Returns
        -------
        frozenset of NodeId
            They are never used again.
        """
        return frozenset(self._removed)

    def apply_change(self, context: ChangeContext, conf_state: ConfState) -> None:
        """Take in a membership change that was applied.

        Parameters
        ----------
        context : ChangeContext
            What went with it; it may name only those who belong to the group after it.
        conf_state : ConfState
            The configuration from now on. Who is in none of its parts is forgotten; an
            outgoing voter is still needed, and so is its address.

        Raises
        ------
        UnknownFormat
            If the cluster's version is now one that this raftwerk can't read.
        """
        present = set(members_of(conf_state))
        for node_id in sorted(self._members.keys() - present):
            del self._members[node_id]
            self._removed.add(node_id)
        for member in context.members:
            if member.node_id in present:
                known = self._members.get(member.node_id)
                self._members[member.node_id] = _merged(known, member)
        self._agree()

    def apply_record(self, record: PublishMember) -> None:
        """Take in what a member says of itself, if it is one and the same as before.

        Parameters
        ----------
        record : PublishMember
            From the log.

        Raises
        ------
        UnknownFormat
            If the cluster's version is now one that this raftwerk can't read.
        """
        known = self._members.get(record.member.node_id)
        if known is None or known.directory_id not in (0, record.member.directory_id):
            # Removed; or it has lost its data directory, and found a way to say so
            # that was not closed to it. It does not become the old one by that.
            return
        self._members[record.member.node_id] = _with_own_words(known, record.member)
        self._agree()

    def _agree(self) -> None:
        """Have the version that all can read, if that has risen."""
        told = [member.version for member in self._members.values()]
        self._version = agreed_version(self._version, told)
        require_readable(self._version, "what this cluster writes into its log")

    def refusal(
        self,
        node_id: NodeId,
        directory_id: int,
        said: Mapping[NodeId, int] | None = None,
    ) -> Objection | None:
        """Say why a peer may not speak to us, in words for its operator.

        A stranger may: if we lag, it may have been added since, and even be the leader.

        Parameters
        ----------
        node_id : NodeId
            Who says to be there.
        directory_id : int
            Of its data directory; 0: not told.
        said : mapping of NodeId to int, optional
            Directories that members have named in entries that are not applied yet.

        Returns
        -------
        Objection or None
            None if it may.
        """
        if node_id in self._removed:
            return Objection(words_for_removed(node_id), is_removed=True)
        known = self._members.get(node_id)
        if known is None:
            return None
        known_id = known.directory_id or (said or {}).get(node_id, 0)
        if 0 in (known_id, directory_id) or known_id == directory_id:
            return None
        return Objection(
            f"member {node_id:x} ({known.name}) has lost its data directory, and with"
            f" it what it promised; run `raftwerk member replace {node_id:x}` against"
            " the rest of the cluster, and start it on an empty data directory with"
            " --initial-cluster-state existing"
        )

    def in_order(self) -> tuple[Member, ...]:
        """Return all members, for a manifest.

        Returns
        -------
        tuple of Member
            Ascending by id.
        """
        return tuple(self._members[node_id] for node_id in sorted(self._members))

    def removed_in_order(self) -> tuple[NodeId, ...]:
        """Return all who were members once, for a manifest.

        Returns
        -------
        tuple of NodeId
            Ascending.
        """
        return tuple(sorted(self._removed))


def words_for_removed(node_id: NodeId) -> str:
    """Say to the operator of a removed member what has happened, and what helps.

    Parameters
    ----------
    node_id : NodeId
        It was a member once.

    Returns
    -------
    str
        One sentence.
    """
    return (
        f"member {node_id:x} was removed from this cluster, and an id is never used"
        " again; to have this node back, remove its data directory, add it anew with"
        " `raftwerk member add` and start it with --initial-cluster-state existing"
    )


def _merged(known: Member | None, news: Member) -> Member:
    """Return a member with what an operator says of it; the rest it says itself."""
    if known is None:
        return news
    return msgspec.structs.replace(
        known,
        name=news.name or known.name,
        peer_urls=news.peer_urls or known.peer_urls,
        client_urls=news.client_urls or known.client_urls,
        replaces=news.replaces or known.replaces,
        wants_vote=news.wants_vote or known.wants_vote,
    )


def _with_own_words(known: Member, told: Member) -> Member:
    """Return a member with what it says of itself; the rest an operator has said."""
    is_moved = told.peer_urls == known.said_peer_urls
    return msgspec.structs.replace(
        told,
        peer_urls=known.peer_urls if is_moved else told.peer_urls,
        said_peer_urls=told.peer_urls,
        replaces=known.replaces,
        wants_vote=known.wants_vote,
    )
