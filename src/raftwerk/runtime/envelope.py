"""What the runtime puts around what it proposes: whose it is, and for whom.

Every member applies every entry, and one of them has somebody waiting for the result:
the one that took the request, whether it led or handed the proposal on. It knows its
own by (node, incarnation, number); an incarnation is drawn at each start, so that what
an earlier life proposed is nobody's.

An envelope's first two bytes, its kind and the version of the cluster that it needs,
keep their place in all versions to come: who can't read it stops before it is applied.
"""

import enum
import struct
from typing import Final

from raftwerk.errors import UnknownFormat
from raftwerk.runtime.versions import (
    FIRST_VERSION,
    require_readable,
)
from raftwerk.types import NodeId

__all__ = [
    "HEADER_BYTES",
    "EnvelopeKind",
    "Sender",
    "content_of",
    "kind_of",
    "ticket_of",
]

_HEADER: Final = struct.Struct("<BBQQQ")
_NUMBER: Final = struct.Struct("<Q")
_NUMBER_OFFSET: Final = _HEADER.size - _NUMBER.size
_TICKET_OFFSET: Final = 2

HEADER_BYTES: Final = _HEADER.size
"""What an envelope adds to its content."""


class EnvelopeKind(enum.IntEnum):
    """For whom the content is: the first byte."""

    COMMAND = 1
    """For the state machine."""
    RECORD = 2
    """For the runtime's own record of members."""
    ONCE = 3
    """For the state machine, and only once (`once`)."""


_KINDS: Final = {int(kind): kind for kind in EnvelopeKind}


def kind_of(data: bytes) -> EnvelopeKind:
    """Return for whom an envelope's content is.

    Parameters
    ----------
    data : bytes
        An entry's data, not empty.

    Returns
    -------
    EnvelopeKind
        One that this version knows.

    Raises
    ------
    UnknownFormat
        If a newer version wrote it: applying must stop before it.
    """
    kind, version = data[0], data[1]
    require_readable(version, "an entry of the log")
    known = _KINDS.get(kind)
    if known is None:
        raise UnknownFormat(
            f"an entry has an envelope of kind {kind} and version {version}, which this"
            " version of raftwerk does not know; start a newer version on this data"
            " directory"
        )
    return known


def content_of(data: bytes) -> bytes:
    """Return what is in an envelope.

    Parameters
    ----------
    data : bytes
        An entry's data, not empty.

    Returns
    -------
    bytes
        What was proposed.
    """
    return data[HEADER_BYTES:]


def ticket_of(data: bytes) -> bytes:
    """Return what marks an envelope as its sender's.

    Parameters
    ----------
    data : bytes
        An entry's data, not empty.

    Returns
    -------
    bytes
        For `Sender.number_of_ticket`.
    """
    return data[_TICKET_OFFSET:HEADER_BYTES]


class Sender:
    """Writes the envelopes of one incarnation, and knows them again.

    Parameters
    ----------
    node_id : NodeId
        Who proposes.
    incarnation : int
        Drawn at start; below 2**64.
    """

    __slots__ = ("_incarnation", "_ticket_prefix", "node_id")

    def __init__(self, node_id: NodeId, incarnation: int) -> None:
        self.node_id = node_id
        self._incarnation = incarnation
        header = _HEADER.pack(0, 0, node_id, incarnation, 0)
        self._ticket_prefix = header[_TICKET_OFFSET:_NUMBER_OFFSET]

    def wrap(
        self,
        kind: EnvelopeKind,
        number: int,
        content: bytes,
        version: int = FIRST_VERSION,
    ) -> bytes:
        """Return an envelope.

        Parameters
        ----------
        kind : EnvelopeKind
            For whom the content is.
        number : int
            Counts this incarnation's proposals.
        content : bytes
            What is proposed.
        version : int
            Of the cluster, that it needs; at most 255.

        Returns
        -------
        bytes
            The data of an entry.
        """
        head = _HEADER.pack(kind, version, self.node_id, self._incarnation, number)
        return head + content

    def number_of(self, data: bytes) -> int | None:
        """Return the number of an envelope that this sender wrote.

        Parameters
        ----------
        data : bytes
            The data of any entry with an envelope.

        Returns
        -------
        int or None
            None if another member or another incarnation wrote it.
        """
        if not data.startswith(self._ticket_prefix, _TICKET_OFFSET):
            return None
        number: int = _NUMBER.unpack_from(data, _NUMBER_OFFSET)[0]
        return number

    def ticket(self, number: int) -> bytes:
        """Return what marks something else than an envelope as this sender's.

        Parameters
        ----------
        number : int
            Counts this incarnation's proposals.

        Returns
        -------
        bytes
            For `number_of_ticket`.
        """
        return self._ticket_prefix + _NUMBER.pack(number)

    def number_of_ticket(self, ticket: bytes) -> int | None:
        """Return the number of a ticket that this sender wrote.

        Parameters
        ----------
        ticket : bytes
            Anybody's.

        Returns
        -------
        int or None
            None if it is another's.
        """
        return self.number_of(bytes(_TICKET_OFFSET) + ticket)
