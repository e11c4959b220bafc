"""What a snapshot's data says: the members, and what the state consists of.

The state itself lies beside it, in chunks; the core carries the manifest only. Each
chunk is known by its hash: whoever has a chunk of another snapshot with the same hash
need not be sent it again.
"""

import hashlib
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

__all__ = ["NAMELESS", "ChunkHashes", "Manifest", "bootstrap_snapshot", "hash_of"]

_FORMAT: Final = 1

_HASH_BYTES: Final = 16
"""A manifest stays small with them, and nobody makes two chunks alike by accident."""


NAMELESS: Final = b""
"""In the place of a chunk's hash, where an older version has computed none. Nobody can
fetch such a chunk, for nobody could tell that it is right; a new snapshot is taken."""


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
    chain : ChainState or None
        Of all that was done up to here; None if nobody counted.
    drift : DriftRecord
        The verdicts on replicas that differ.
    chunks : tuple of bytes or None
        The hash of each chunk of the state, in order; None: the state machine is as it
        is when it is new, and there are no chunks.
    total : bytes
        The hash of the whole state.
    revision : int
        That of the state machine, if it has such a thing; else 0.
    own_chunks : int
        How many of the first chunks are the runtime's: what was answered already.
    """

    format: int = _FORMAT
    members: tuple[Member, ...] = ()
    removed: tuple[NodeId, ...] = ()
    version: int = FIRST_VERSION
    chain: ChainState | None = None
    drift: DriftRecord = DriftRecord()
    chunks: tuple[bytes, ...] | None = None
    total: bytes = b""
    revision: int = 0
    own_chunks: int = 0

    @property
    def is_nameless(self) -> bool:
        """Whether its chunks can't be sent to anybody.

        Returns
        -------
        bool
            True: an older version wrote it.
        """
        return NAMELESS in (self.chunks or ())[:1]

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
                return _decode(data)
            words = f"has format {found}"
        except msgspec.DecodeError as error:
            words = f"can't be read ({error})"
        raise UnknownFormat(
            f"the snapshot's manifest {words}; this version of raftwerk reads format"
            f" {_FORMAT}: start a newer one on this data directory"
        )


class _CountedManifest(msgspec.Struct, frozen=True):
    """As it was before chunks had names: it says how many there are."""

    members: tuple[Member, ...]
    removed: tuple[NodeId, ...]
    version: int
    chunks: int


def _decode(data: bytes) -> Manifest:
    """Return a manifest of either kind; chunks without names are called `NAMELESS`."""
    try:
        return msgspec.msgpack.decode(data, type=Manifest)
    except msgspec.ValidationError:
        counted = msgspec.msgpack.decode(data, type=_CountedManifest)
    return Manifest(
        members=counted.members,
        removed=counted.removed,
        version=counted.version,
        chunks=(NAMELESS,) * counted.chunks,
    )


def hash_of(chunk: bytes) -> bytes:
    """Return what a chunk is known by.

    Parameters
    ----------
    chunk : bytes
        Any.

    Returns
    -------
    bytes
        Of a fixed length.
    """
    return hashlib.blake2b(chunk, digest_size=_HASH_BYTES).digest()


class ChunkHashes:
    """Collects the hashes of chunks as they pass.

    Attributes
    ----------
    total_bytes : int
        What they have together.
    """

    def __init__(self) -> None:
        self.total_bytes = 0
        self._hashes: list[bytes] = []
        self._total = hashlib.blake2b(digest_size=_HASH_BYTES)

    def add(self, chunk: bytes) -> bytes:
        """Take in the next chunk.

        Parameters
        ----------
        chunk : bytes
            The next one.

        Returns
        -------
        bytes
            Its hash.
        """
        hashed = hash_of(chunk)
        self._hashes.append(hashed)
        self._total.update(chunk)
        self.total_bytes += len(chunk)
        return hashed

    def complete(self, manifest: Manifest) -> Manifest:
        """Return a manifest that names all of them.

        Parameters
        ----------
        manifest : Manifest
            Of their snapshot.

        Returns
        -------
        Manifest
            With the hashes.
        """
        return msgspec.structs.replace(
            manifest, chunks=tuple(self._hashes), total=self._total.digest()
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

    Examples
    --------
    >>> from raftwerk.types import NodeId
    >>> first = [
    ...     Member(node_id=NodeId(n), peer_urls=(f"http://10.0.0.{n}:2380",))
    ...     for n in (1, 2, 3)
    ... ]
    >>> snapshot = bootstrap_snapshot(first)
    >>> snapshot.index, snapshot.conf_state.voters
    (1, (1, 2, 3))
    """
    ordered = tuple(sorted(members, key=lambda member: member.node_id))
    voters = tuple(member.node_id for member in ordered)
    return Snapshot(
        index=LogIndex(1),
        term=Term(1),
        conf_state=ConfState(voters=voters),
        data=Manifest(members=ordered).encode(),
    )
