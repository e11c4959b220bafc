"""What the runtime puts around a command: whose it is, so that its outcome finds home.

Every member applies every entry, and one of them has somebody waiting for the result:
the one that took the request, whether it led or handed the proposal on. It knows its
own by (node, incarnation, number); an incarnation is drawn at each start, so that what
an earlier life proposed is nobody's.
"""

import struct
from typing import Final

from raftwerk.types import NodeId

__all__ = ["HEADER_BYTES", "Sender", "command_of"]

_HEADER: Final = struct.Struct("<BQQQ")
_COMMAND: Final = 1
"""The one kind of envelope so far; the first byte, so that more can follow."""

HEADER_BYTES: Final = _HEADER.size
"""What an envelope adds to a command."""

_NUMBER: Final = struct.Struct("<Q")
_NUMBER_OFFSET: Final = _HEADER.size - _NUMBER.size


def command_of(data: bytes) -> bytes:
    """Return the command in an envelope.

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


class Sender:
    """Writes the envelopes of one incarnation, and knows them again.

    Parameters
    ----------
    node_id : NodeId
        Who proposes.
    incarnation : int
        Drawn at start; below 2**64.
    """

    __slots__ = ("_incarnation", "_node_id", "_prefix")

    def __init__(self, node_id: NodeId, incarnation: int) -> None:
        self._node_id = node_id
        self._incarnation = incarnation
        self._prefix = _HEADER.pack(_COMMAND, node_id, incarnation, 0)[:_NUMBER_OFFSET]

    def wrap(self, number: int, command: bytes) -> bytes:
        """Return the envelope of a command.

        Parameters
        ----------
        number : int
            Counts this incarnation's commands.
        command : bytes
            For the state machine.

        Returns
        -------
        bytes
            The data of an entry.
        """
        return b"".join((self._prefix, _NUMBER.pack(number), command))

    def number_of(self, data: bytes) -> int | None:
        """Return the number of an envelope that this sender wrote.

        Parameters
        ----------
        data : bytes
            The data of any entry with a command.

        Returns
        -------
        int or None
            None if another member or another incarnation wrote it.
        """
        if not data.startswith(self._prefix):
            return None
        number: int = _NUMBER.unpack_from(data, _NUMBER_OFFSET)[0]
        return number
