"""Who the members are, by name and address: the runtime's own replicated record.

The core knows members by id alone. Names and URLs travel in the context of a membership
change, are kept beside the state machine, and are part of every snapshot; so each
member knows all the others' addresses from the log, and from nowhere else.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from raftwerk.core.records import ChangeKind, ConfChange, ConfState, Snapshot
from raftwerk.errors import UnknownFormat
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["Manifest", "Member", "Members", "bootstrap_snapshot"]

_FORMAT: Final = 1


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One member's names and addresses."""

    node_id: NodeId
    name: str = ""
    """Empty until it has started."""
    peer_urls: tuple[str, ...] = ()
    client_urls: tuple[str, ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a snapshot: what the runtime needs, and where the state is.

    The state's chunks stand in the manifest itself; a group that has just been founded
    has none.
    """

    format: int = _FORMAT
    members: tuple[Member, ...] = ()
    chunks: tuple[bytes, ...] | None = None
    """The state machine's snapshot; None: the machine is as it is when it is new."""

    def encode(self) -> bytes:
        """Return the bytes for `Snapshot.data`.

        Returns
        -------
        bytes
            What `decode` reads; equal manifests give equal bytes.
        """
        return msgspec.msgpack.encode(self)

    @staticmethod
    def decode(data: bytes) -> "Manifest":
        """Return what `encode` wrote.

        Parameters
        ----------
        data : bytes
            A snapshot's data; empty for a member that knows nothing yet.

        Returns
        -------
        Manifest
            The manifest.

        Raises
        ------
        UnknownFormat
            If a newer version wrote it.
        """
        if not data:
            return Manifest()
        manifest = msgspec.msgpack.decode(data, type=Manifest)
        if manifest.format != _FORMAT:
            raise UnknownFormat(
                f"the snapshot's manifest has format {manifest.format}; this version"
                f" of raftwerk reads format {_FORMAT}"
            )
        return manifest


def bootstrap_snapshot(members: Iterable[Member]) -> Snapshot:
    """Return the snapshot with which a new group begins.

    Each first member computes the same one from the same list: it stands for a
    committed entry that all of them agree upon without a vote (thesis §4.4).

    Parameters
    ----------
    members : iterable of Member
        The first voters.

    Returns
    -------
    Snapshot
        At index 1, term 1.
    """
    ordered = tuple(sorted(members, key=lambda member: member.node_id))
    voters = tuple(member.node_id for member in ordered)
    return Snapshot(
        index=LogIndex(1),
        term=Term(1),
        conf_state=ConfState(voters=voters),
        data=Manifest(members=ordered).encode(),
    )


class Members:
    """The present record.

    Parameters
    ----------
    members : iterable of Member
        From a snapshot's manifest.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = {member.node_id: member for member in members}

    @property
    def by_id(self) -> Mapping[NodeId, Member]:
        """All members that have addresses, by id."""
        return self._members

    def apply(self, change: ConfChange) -> None:
        """Take in a membership change that was applied.

        Parameters
        ----------
        change : ConfChange
            Its context is an encoded `Member` or empty.
        """
        for step in change.changes:
            if step.kind is ChangeKind.REMOVE:
                self._members.pop(step.node_id, None)
        if change.context:
            member = msgspec.msgpack.decode(change.context, type=Member)
            self._members[member.node_id] = member

    def in_order(self) -> tuple[Member, ...]:
        """Return all, for a manifest.

        Returns
        -------
        tuple of Member
            Ascending by id.
        """
        return tuple(self._members[node_id] for node_id in sorted(self._members))
