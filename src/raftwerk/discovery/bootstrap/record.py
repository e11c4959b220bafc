"""What a replica must not forget while it has no cluster yet.

The record decides, not the log beside it: a log may be there although its cluster was
voided, if the machine stopped between the two, or not be there yet.
"""

from typing import Final

import msgspec

from raftwerk.discovery.bootstrap.proposal import Proposal, Void, with_void
from raftwerk.errors import UnknownFormat
from raftwerk.types import NodeId

__all__ = ["Record", "decode_record", "encode_record"]

_FORMAT: Final = 1


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """The durable state of one replica.

    Parameters
    ----------
    node_id : NodeId
        Drawn once; who it will be in the cluster that it founds.
    attempts : int
        How many proposals it has made.
    promise : Proposal, optional
        The one proposal it has promised itself to.
    voids : tuple of Void
        What it refuses for ever; ascending, one for each proposer.
    has_started : bool
        Whether it has begun to take part in the cluster of its promise.
    has_log : bool
        Whether a log was made. With a cluster, a log that is not there is lost, and
        with it what it promised; without one, a log that is there is to be removed.
    joined_as : NodeId
        Who it is in a cluster that it joined; 0: it joined none.
    peer_urls : tuple of str
        Where it was reached last; its address is no part of who it is.
    format : int
        Of the record.
    """

    node_id: NodeId
    attempts: int = 0
    promise: Proposal | None = None
    voids: tuple[Void, ...] = ()
    has_started: bool = False
    has_log: bool = False
    joined_as: NodeId = NodeId(0)
    peer_urls: tuple[str, ...] = ()
    format: int = _FORMAT

    @property
    def has_cluster(self) -> bool:
        """Whether it belongs to a cluster, as founder or as one that joined.

        Returns
        -------
        bool
            False as long as it looks for one.
        """
        return self.has_started or self.joined_as != 0

    def refuses(self, proposal: Proposal) -> bool:
        """Tell whether a proposal is voided here.

        Parameters
        ----------
        proposal : Proposal
            Any.

        Returns
        -------
        bool
            Whether this replica will never start it.
        """
        return any(void.covers(proposal) for void in self.voids)

    def with_void(self, proposal: Proposal) -> "Record":
        """Return the record with one more refusal; the promise stays what it is.

        Parameters
        ----------
        proposal : Proposal
            What is refused from now on.

        Returns
        -------
        Record
            A new one.
        """
        return msgspec.structs.replace(self, voids=with_void(self.voids, proposal))


class _FormatOnly(msgspec.Struct, frozen=True):
    """What a record of any format has."""

    format: int


def encode_record(record: Record) -> bytes:
    """Return the bytes of a record.

    Parameters
    ----------
    record : Record
        Any.

    Returns
    -------
    bytes
        What `decode_record` reads.
    """
    return msgspec.msgpack.encode(record)


def decode_record(data: bytes) -> Record:
    """Return the record that `encode_record` wrote.

    Parameters
    ----------
    data : bytes
        From the disk, whole.

    Returns
    -------
    Record
        The record.

    Raises
    ------
    UnknownFormat
        If a newer version wrote it.
    """
    try:
        found = msgspec.msgpack.decode(data, type=_FormatOnly).format
        if found == _FORMAT:
            return msgspec.msgpack.decode(data, type=Record)
        words = f"has format {found}"
    except msgspec.DecodeError as error:
        words = f"can't be read ({error})"
    raise UnknownFormat(
        f"the record of the first start {words}; this version of raftwerk reads format"
        f" {_FORMAT}: start a newer one on this data directory"
    )
