"""What a snapshot's data says: the members, and what the state consists of.

The state itself lies beside it, in chunks; the core carries the manifest only.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from raftwerk.core.records import ConfState, Snapshot
from raftwerk.errors import UnknownFormat
from raftwerk.runtime.chain import ChainState
from raftwerk.runtime.drift import DriftRecord
from raftwerk.runtime.members import Member
from raftwerk.runtime.versions import FIRST_VERSION
from raftwerk.types import LogIndex, NodeId, Term

__all__ = ["Manifest", "bootstrap_snapshot"]

_FORMAT: Final = 1


class _FormatOnly(msgspec.Struct, frozen=True):
    """What a manifest of any format has."""

    format: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The data of a snapshot.

    Parameters
    ----------
    format : int
        Of the manifest.
    members : tuple of Member
        The runtime's record, ascending by id.
    removed : tuple of NodeId
        Who was a member once, ascending.
    version : int
        The cluster's.
    chunks : int or None
        Of how many chunks the state consists; None: the state machine is as it is when
        it is new, and there are no chunks.
    chain : ChainState or None
        Of all that was done up to here; None if nobody counted.
    drift : DriftRecord
        The verdicts on replicas that differ.
    """

    format: int = _FORMAT
    members: tuple[Member, ...] = ()
    removed: tuple[NodeId, ...] = ()
    version: int = FIRST_VERSION
    chunks: int | None = None
    chain: ChainState | None = None
    drift: DriftRecord = DriftRecord()

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
        try:
            found = msgspec.msgpack.decode(data, type=_FormatOnly).format
            if found == _FORMAT:
                return msgspec.msgpack.decode(data, type=Manifest)
            words = f"has format {found}"
        except msgspec.DecodeError as error:
            words = f"can't be read ({error})"
        raise UnknownFormat(
            f"the snapshot's manifest {words}; this version of raftwerk reads format"
            f" {_FORMAT}: start a newer one on this data directory"
        )


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
