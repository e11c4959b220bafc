"""What the runtime puts around what it proposes: whose it is, and for whom.

Every member applies every entry, and one of them has somebody waiting for the result:
the one that took the request, whether it led or handed the proposal on. It knows its
own by (node, incarnation, number); an incarnation is drawn at each start, so that what
an earlier life proposed is nobody's.
"""

import enum
import struct
from typing import Final

from raftwerk.errors import UnknownFormat
from raftwerk.types import NodeId

__all__ = [
    "HEADER_BYTES",
    "EnvelopeKind",
    "Sender",
    "content_of",
    "kind_of",
    "ticket_of",
]

_HEADER: Final = struct.Struct("<BQQQ")
_NUMBER: Final = struct.Struct("<Q")
_NUMBER_OFFSET: Final = _HEADER.size - _NUMBER.size

HEADER_BYTES: Final = _HEADER.size
"""What an envelope adds to its content."""


class EnvelopeKind(enum.IntEnum):
    """For whom the content is: the first byte."""

    COMMAND = 1
    """For the state machine."""
    RECORD = 2
    """For the runtime's own record of members."""


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
    try:
        return EnvelopeKind(data[0])
    except ValueError:
        raise UnknownFormat(
            f"an entry has an envelope of kind {data[0]}, which this version of"
            " raftwerk does not know; start a newer version on this data directory"
        ) from None


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
    return data[1:HEADER_BYTES]


class Sender:
    """Writes the envelopes of one incarnation, and knows them again.

    Parameters
    ----------
    node_id : NodeId
        Who proposes.
    incarnation : int
        Drawn at start; below 2**64.
    """

    __slots__ = ("_prefixes", "_ticket_prefix")

    def __init__(self, node_id: NodeId, incarnation: int) -> None:
        self._prefixes = {
            kind: _HEADER.pack(kind, node_id, incarnation, 0)[:_NUMBER_OFFSET]
            for kind in EnvelopeKind
        }
        self._ticket_prefix = self._prefixes[EnvelopeKind.COMMAND][1:]

    def wrap(self, kind: EnvelopeKind, number: int, content: bytes) -> bytes:
        """Return an envelope.

        Parameters
        ----------
        kind : EnvelopeKind
            For whom the content is.
        number : int
            Counts this incarnation's proposals.
        content : bytes
            What is proposed.

        Returns
        -------
        bytes
            The data of an entry.
        """
        return b"".join((self._prefixes[kind], _NUMBER.pack(number), content))

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
        if not data.startswith(self._ticket_prefix, 1):
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
        return self.number_of(b"\0" + ticket)
